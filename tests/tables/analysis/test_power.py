"""Power of the paired t over seeds against statsmodels, scipy's noncentral t, tables and simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from seglab.tables.analysis.power import MOST_SEEDS, detectable, pooled, power, seeds_for


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("effect", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_power_is_that_of_statsmodels(n: int, effect: float, level: float) -> None:
    expected = TTestPower().power(effect, n, 1 - level, alternative="two-sided")
    assert power(effect, n, level=level) == pytest.approx(float(expected), abs=2e-6)


def test_power_is_one_minus_the_noncentral_t_and_nothing_else_at_no_difference() -> None:
    critical = stats.t.ppf(0.975, 4)
    expected = stats.nct.sf(critical, 4, 1.2 * math.sqrt(5)) + stats.nct.cdf(-critical, 4, 1.2 * math.sqrt(5))
    assert power(1.2, 5) == pytest.approx(expected, abs=1e-7)
    assert power(0.0, 7) == pytest.approx(0.05, abs=1e-6)


def test_power_holds_far_out_where_two_seeds_and_many_rows_lie() -> None:
    # df = 1: |t| > c for t = (Z + d) / |Y|: integrated over Y by hand
    level, effect = 1 - 0.05 / 20, 150.0
    critical, delta = stats.t.ppf((1 + level) / 2, 1), effect * math.sqrt(2)
    y = np.linspace(0, 9, 400_001)
    values = (stats.norm.cdf(delta - critical * y) + stats.norm.cdf(-delta - critical * y)) * 2 * stats.norm.pdf(y)
    expected = float(((values[1:] + values[:-1]) / 2).sum() * (y[1] - y[0]))
    assert 0.2 < expected < 0.9
    assert power(effect, 2, level=level) == pytest.approx(expected, abs=1e-5)


def test_power_is_the_rate_of_simulated_tables() -> None:
    draws = np.random.default_rng(1).normal(loc=1.5, size=(20_000, 4))
    found = (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean()
    assert power(1.5, 4) == pytest.approx(found, abs=0.012)  # more than three standard errors


@pytest.mark.parametrize("n", [2, 3, 8, 20])
def test_the_smallest_difference_is_that_of_statsmodels(n: int) -> None:
    expected = TTestPower().solve_power(effect_size=None, nobs=n, alpha=0.05, power=0.8, alternative="two-sided")
    assert detectable(n) == pytest.approx(float(np.squeeze(expected)), rel=1e-4)
    assert power(detectable(n), n) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("effect", [0.2, 0.5, 1.0, 3.0])
def test_the_fewest_seeds_are_those_of_statsmodels(effect: float) -> None:
    expected = TTestPower().solve_power(effect_size=effect, nobs=None, alpha=0.05, power=0.8, alternative="two-sided")
    found = seeds_for(effect)
    assert found == math.ceil(float(np.squeeze(expected)))
    assert power(effect, found) >= 0.8 > power(effect, found - 1)


def test_a_large_difference_takes_two_seeds_and_a_tiny_one_more_than_are_looked_for() -> None:
    assert seeds_for(50.0) == 2
    assert seeds_for(0.01) is None
    least = detectable(MOST_SEEDS)
    assert seeds_for(least * 1.0001) == MOST_SEEDS


def test_the_deviation_of_one_row_has_the_interval_of_chi_square() -> None:
    found = pooled([[np.array([0.5, 1.5, 1.0])]])  # deviation 0.5 of two degrees of freedom
    assert (found.value, found.freedom) == pytest.approx((0.5, 2.0))
    expected = [0.5 * math.sqrt(2 / stats.chi2.ppf(share, 2)) for share in (0.975, 0.025)]
    assert (found.low, found.high) == pytest.approx(expected)


def test_rows_of_one_table_share_their_baseline_and_those_of_two_tables_do_not() -> None:
    row = np.array([0.0, 1.0, 2.0, 3.0])
    assert pooled([[row], [row]]).freedom == pytest.approx(6)
    # (3 + 3)² / (6 + 2 · 3 / 4) = 4.8
    assert pooled([[row, row]]).freedom == pytest.approx(4.8)
    assert pooled([[row] * 400]).freedom == pytest.approx(4 * 3, rel=0.01)  # no more than four times those of a row
    # squares 5 and 2, degrees of freedom 3 and 2
    assert pooled([[row, np.array([0.0, 1.0, 2.0])]]).value == pytest.approx(math.sqrt(7 / 5))


def test_the_interval_of_the_deviation_holds_in_simulated_tables_of_rows_with_one_baseline() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(1000):
        scores = rng.normal(scale=math.sqrt(0.5), size=(6, 3))  # differences with deviation 1
        found = pooled([list(scores[1:] - scores[0])])
        covered += found.low <= 1 <= found.high
    assert 0.93 <= covered / 1000 <= 0.985
