"""Boundaries of repeated looks against simulation and against published ones."""

import math

import numpy as np
import pytest
from scipy import special, stats

from seglab.tables.comparison import boundaries as module
from seglab.tables.comparison.boundaries import boundaries

LOOKS = (3, 4, 6, 8)


def crossings(looks: tuple[int, ...], *, tables: int, seed: int) -> list[float]:
    """The share of tables without a difference that have differed at a look or an earlier one."""
    values = np.random.default_rng(seed).normal(size=(tables, looks[-1]))
    limits, differed, shares = boundaries(looks), np.zeros(tables, dtype=bool), []
    for n in looks:
        differed |= stats.ttest_1samp(values[:, :n], 0, axis=1).pvalue < limits.nominal(n)
        shares.append(float(differed.mean()))
    return shares


@pytest.mark.parametrize("looks", [(2, 3, 4), LOOKS, (5, 10)])
def test_looks_share_the_level_as_they_are_to_in_simulated_tables(looks: tuple[int, ...]) -> None:
    tables = 100_000
    for n, share in zip(looks, crossings(looks, tables=tables, seed=4), strict=True):
        quantile = stats.norm.ppf(1 - 0.05 / 4) / math.sqrt(n / looks[-1])
        spent = 4 * stats.norm.sf(quantile)
        assert share == pytest.approx(spent, abs=4 * math.sqrt(spent * (1 - spent) / tables) + 1e-5)


def test_one_look_is_the_t_test() -> None:
    limits = boundaries((5,))
    assert limits.nominal(5) == pytest.approx(0.05, rel=1e-3)
    for p in (1e-6, 0.01, 0.3, 0.9):
        assert limits.repeated(p, 5) == pytest.approx(p, rel=0.01)


@pytest.mark.parametrize(
    ("looks", "alpha", "published"),
    [
        ((8, 16, 24, 32, 40), 0.05, [4.877, 3.357, 2.680, 2.290, 2.031]),  # Lan & DeMets' tables, from memory
        ((10, 20, 30, 40), 0.1, [3.74955, 2.53993, 2.01604, 1.72014]),  # README of PharmCat/SeqBounds.jl, one side
    ],
)
def test_many_seeds_have_the_boundaries_of_the_normal_distribution(
    looks: tuple[int, ...], alpha: float, published: list[float]
) -> None:
    scores = [-special.ndtri(boundaries(looks).nominal(n, alpha=alpha) / 2) for n in looks]
    assert scores == pytest.approx(published, abs=0.03)


def test_the_repeated_p_is_below_the_level_exactly_where_the_look_differs() -> None:
    limits = boundaries(LOOKS)
    for n in LOOKS:
        nominal = limits.nominal(n)
        assert limits.repeated(nominal * 0.999, n) < 0.05 < limits.repeated(nominal * 1.001, n)
        assert limits.repeated(nominal, n) == pytest.approx(0.05, rel=1e-9)
        assert limits.repeated(limits.nominal(n, alpha=0.01), n) == pytest.approx(0.01, rel=1e-6)
    assert limits.repeated(0.9, 3) == 1.0
    assert math.isnan(limits.repeated(math.nan, 3))
    p = [limits.repeated(one, 8) for one in (1e-30, 1e-12, 1e-4, 0.01, 0.2, 0.7)]
    assert p == sorted(p)
    assert p[0] < 1e-10


def test_a_difference_is_called_at_no_level_more_often_than_that() -> None:
    values = np.random.default_rng(8).normal(size=(20_000, LOOKS[-1]))
    limits = boundaries(LOOKS)
    alone = [stats.ttest_1samp(values[:, :n], 0, axis=1).pvalue for n in LOOKS]
    smallest = np.min([[limits.repeated(one, n) for one in p] for p, n in zip(alone, LOOKS, strict=True)], axis=0)
    for level in (0.01, 0.05, 0.2):
        assert (smallest < level).mean() == pytest.approx(level, abs=4 * math.sqrt(level / 20_000))


def test_finer_cells_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = [boundaries(LOOKS).nominal(n) for n in LOOKS]
    monkeypatch.setattr(module, "_CELLS", 3 * module._CELLS)
    fine = boundaries.__wrapped__(LOOKS)
    assert [fine.nominal(n) for n in LOOKS] == pytest.approx(coarse, rel=0.01)
