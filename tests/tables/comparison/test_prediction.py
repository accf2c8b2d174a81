"""One published run among ours: the prediction interval by hand, by statsmodels, and by simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from seglab.tables.comparison.prediction import placed
from tests.benchmarks.prediction import inside, normal


def test_placed_by_hand():
    # mean 0.62, s = 0.02, n = 3: deviation 0.02 sqrt(4 / 3) = 0.0230940; t(0.975; 2) = 4.302653: half width 0.0993656
    found = placed(0.70, [0.60, 0.62, 0.64])
    assert (found.low, found.high) == pytest.approx((0.62 - 0.0993656, 0.62 + 0.0993656), abs=1e-6)
    assert found.deviations == pytest.approx(0.08 / 0.0230940, rel=1e-5)
    assert found.is_inside
    assert not placed(0.73, [0.60, 0.62, 0.64]).is_inside


@pytest.mark.parametrize("n", [2, 5, 12])
def test_the_interval_as_statsmodels(n):
    runs = np.random.default_rng(n).normal(0.6, 0.01, n)
    expected = sm.OLS(runs, np.ones((n, 1))).fit().get_prediction(np.ones((1, 1))).conf_int(obs=True)[0]
    assert placed(0.6, runs)[1:3] == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.parametrize("runs", [[], [0.5], [0.5, 0.5, 0.5], [0.5, math.nan]])
def test_runs_that_are_too_few_or_do_not_vary_place_nothing(runs):
    assert placed(0.6, runs) is None


def test_a_value_that_is_not_known_is_not_placed():
    assert placed(math.nan, [0.5, 0.6]) is None
    assert placed(0.55, [0.5, math.nan, 0.6]) == placed(0.55, [0.5, 0.6])


@pytest.mark.parametrize("runs", [3, 5])
def test_95_of_100_further_runs_lie_inside(runs):
    assert inside(normal, 1500, runs=runs) == pytest.approx(0.95, abs=0.02)
