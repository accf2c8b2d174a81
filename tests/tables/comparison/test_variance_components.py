"""Components of variance against statsmodels' mean squares, by hand, and by simulated designs."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

from seglab.tables.comparison.variance_components import crossed, one_at_a_time
from tests.benchmarks.variance_components import SOURCES, TRUE, rates, simulated


def test_two_sources_by_hand():
    # rows (0, 2), (4, 10): mean 4; row means 1 and 7: MS 2 (9 + 9) = 36; column means 2 and 6: MS 2 (4 + 4) = 16;
    # the rest 1, -1, -1, 1: MS 4. Components (36 - 4) / 2, (16 - 4) / 2, 4
    found = crossed(np.array([[0.0, 2.0], [4.0, 10.0]]), ("init", "order"))
    assert [component.sources for component in found] == [("init",), ("order",), ("init", "order")]
    assert [component.variance for component in found] == pytest.approx([16, 6, 4])
    assert [component.share for component in found] == pytest.approx([16 / 26, 6 / 26, 4 / 26])


def test_one_source_is_its_variance():
    scores = np.array([0.5, 0.52, 0.49, 0.55])
    (found,) = crossed(scores, ("init",))
    assert found.variance == pytest.approx(scores.var(ddof=1))
    exact = 3 * scores.var(ddof=1) / stats.chi2(3).ppf([0.975, 0.025])
    assert (found.low, found.high) == pytest.approx(tuple(exact), rel=0.03)
    assert one_at_a_time({"init": scores})[0] == found


def test_three_sources_as_the_expected_mean_squares_of_statsmodels():
    """statsmodels' table of a saturated model gives the sums of squares; the equations are solved here."""
    shape = (4, 3, 2)
    scores = simulated(np.random.default_rng(3), shape, TRUE)
    places = np.indices(shape).reshape(3, -1)
    frame = pd.DataFrame({"y": scores.ravel(), **dict(zip("abc", places, strict=True))})
    table = anova_lm(smf.ols("y ~ C(a) * C(b) + C(a) * C(c) + C(b) * C(c)", frame).fit())
    of_statsmodels = {"a": "C(a)", "b": "C(b)", "c": "C(c)", "ab": "C(a):C(b)", "ac": "C(a):C(c)", "bc": "C(b):C(c)"}
    subsets = ["a", "b", "c", "ab", "ac", "bc", "abc"]
    squares = [table.loc[of_statsmodels.get(subset, "Residual"), "mean_sq"] for subset in subsets]
    length = dict(zip("abc", shape, strict=True))
    outside = [np.prod([length[axis] for axis in "abc" if axis not in other]) for other in subsets]
    expectations = [
        [cells * (set(subset) <= set(other)) for cells, other in zip(outside, subsets, strict=True)]
        for subset in subsets
    ]
    expected = np.linalg.solve(np.array(expectations, dtype=float), squares)
    assert [component.estimate for component in crossed(scores, SOURCES)] == pytest.approx(expected.tolist())


def test_what_is_estimated_below_zero_is_set_to_zero():
    found = crossed(np.array([[0.0, 1.0], [1.0, 0.0]]), ("init", "order"))
    assert [component.estimate for component in found] == pytest.approx([-0.5, -0.5, 1])
    assert [component.variance for component in found] == pytest.approx([0, 0, 1])
    assert [component.share for component in found] == pytest.approx([0, 0, 1])
    assert [component.low for component in found[:2]] == [0, 0]


def test_scores_that_do_not_vary_have_no_shares():
    assert all(np.isnan(component.share) for component in crossed(np.full((2, 3), 0.5), ("init", "order")))


def test_estimates_have_no_bias_and_intervals_hold_the_truth():
    """The small form of tests/benchmarks/variance_components.py."""
    for subset, found in rates(200, (5, 4, 3), draws=300).items():
        assert found.mean == pytest.approx(TRUE[subset], abs=0.25)
        assert found.held > 0.89
