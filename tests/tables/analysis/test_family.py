"""Simulated tables are judged as the comparison judges real ones."""

import math

import numpy as np
import pytest

from seglab.tables.analysis import family as family_module
from seglab.tables.analysis.family import (
    Family,
    family_detectable,
    family_power,
    family_seeds_for,
    holm,
    p_values,
    simulated,
)
from seglab.tables.analysis.power import detectable, power, seeds_for
from seglab.tables.comparison import significance


def test_tables_at_once_are_judged_as_one_by_one() -> None:
    scores = np.random.default_rng(5).normal(size=(20, 5, 4))
    p = p_values(scores[:, 1:] - scores[:, :1])
    corrected = holm(p)
    for table in range(20):
        alone = [significance.paired(row, scores[table, 0]).p for row in scores[table, 1:]]
        assert p[table] == pytest.approx(alone, rel=1e-9)
        assert corrected[table] == pytest.approx(significance.holm(alone), rel=1e-9)


def test_ties_are_corrected_alike() -> None:
    tied = [0.02, 0.01, 0.02, 0.9, 0.01]
    assert holm(np.array([tied]))[0] == pytest.approx(significance.holm(tied))


def test_the_power_in_a_family_of_one_is_that_of_the_test_alone() -> None:
    rate = family_power(simulated(4, 1), 1.5)
    assert rate.error == pytest.approx(math.sqrt(rate.value * (1 - rate.value) / 10_000), rel=1e-6)
    assert rate.value == pytest.approx(power(1.5, 4), abs=3 * rate.error)


def test_the_power_in_a_family_lies_between_bonferroni_and_the_test_alone() -> None:
    rate = family_power(simulated(5, 6), 2.0)
    assert power(2.0, 5, level=1 - 0.05 / 6) - 3 * rate.error <= rate.value < power(2.0, 5)


def test_a_family_counts_the_row_that_differs_by_our_own_correction() -> None:
    family = simulated(3, 3, tables=200, seed=2)
    found = 0
    for means, stds in zip(family.means, family.stds, strict=True):
        t = (means + np.array([4.0, 0, 0])) / (stds / math.sqrt(3))
        p = [significance._two_sided(float(one), freedom=2) for one in t]
        found += significance.holm(p)[0] < 0.05
    assert family_power(family, 4.0).value == pytest.approx(found / 200)
    assert isinstance(family, Family)


def test_the_differences_of_two_rows_correlate_by_a_half_and_stray_by_one() -> None:
    family = simulated(8, 2)
    assert np.corrcoef(family.means.T)[0, 1] == pytest.approx(0.5, abs=0.03)
    assert float((family.stds**2).mean()) == pytest.approx(1, abs=0.02)


def test_the_smallest_difference_in_a_family_has_the_power_it_is_said_to_have() -> None:
    found = family_detectable(4, 5)
    assert detectable(4) < found <= detectable(4, level=0.99)
    assert family_power(simulated(4, 5), found).value == pytest.approx(0.8, abs=0.002)
    assert family_detectable(4, 1) == detectable(4)


def test_the_fewest_seeds_in_a_family() -> None:
    found = family_seeds_for(1.0, 5)
    assert found is not None
    assert seeds_for(1.0) < found <= seeds_for(1.0, level=0.99)
    assert family_power(simulated(found, 5), 1.0).value >= 0.8 > family_power(simulated(found - 1, 5), 1.0).value
    assert family_seeds_for(1.0, 1) == seeds_for(1.0)
    assert family_seeds_for(0.01, 5) is None


def test_many_seeds_are_drawn_at_once_as_they_would_be_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = simulated(20, 4)
    monkeypatch.setattr(family_module, "_DRAWN", 10)
    at_once = simulated(20, 4)
    for found in (one_by_one, at_once):
        assert np.corrcoef(found.means.T)[0, 3] == pytest.approx(0.5, abs=0.03)
        assert np.corrcoef((found.stds**2).T)[0, 3] == pytest.approx(0.25, abs=0.04)  # the square of the correlation
        assert float((found.stds**2).mean()) == pytest.approx(1, abs=0.01)
        assert float((found.stds**2).var()) == pytest.approx(2 / 19, rel=0.05)
        assert float(found.means.var()) == pytest.approx(1 / 20, rel=0.05)
    first, second = (family_power(found, 0.8) for found in (one_by_one, at_once))
    assert first.value == pytest.approx(second.value, abs=4 * first.error)
