"""Ranks and probabilities of being the best, against brute force and by simulated tables."""

import itertools

import numpy as np
import pytest
from scipy import stats

from seglab.tables.comparison import ranking
from tests.benchmarks.ranking import misses

SCORES = np.array(
    [[0.50, 0.52, 0.53, 0.49], [0.52, 0.55, 0.54, 0.53], [0.51, 0.51, 0.55, 0.50], [0.3, 0.33, 0.31, 0.3]]
)


def test_any_two_rows_differ_in_the_draws_as_the_paired_t_says():
    drawn = ranking.draws_of_means(SCORES, seed=1, draws=100_000)
    for one, other in itertools.combinations(range(4), 2):
        differences = SCORES[one] - SCORES[other]
        expected = stats.t(3, loc=differences.mean(), scale=stats.sem(differences))
        assert stats.kstest(drawn[:, one] - drawn[:, other], expected.cdf).pvalue > 1e-3
        above = (drawn[:, one] > drawn[:, other]).mean()
        assert above == pytest.approx(expected.sf(0), abs=0.005)


def test_probabilities_of_two_rows_are_those_of_the_one_sided_test():
    found = ranking.over_seeds(SCORES[:2], draws=100_000)
    one_sided = stats.ttest_rel(SCORES[0], SCORES[1], alternative="less").pvalue
    assert found.best == pytest.approx([one_sided, 1 - one_sided], abs=0.005)
    assert found.best.sum() == pytest.approx(1)


def test_ranks_are_those_that_the_tests_leave():
    """Brute force: all others, scipy's paired t, Holm by hand."""
    found = ranking.over_seeds(SCORES)
    for row in range(4):
        others = [other for other in range(4) if other != row]
        p = [stats.ttest_rel(SCORES[row], SCORES[other]).pvalue for other in others]
        rejected, order = set(), np.argsort(p)
        for place, index in enumerate(order):
            if p[index] * (3 - place) >= 0.05:
                break
            rejected.add(others[index])
        better = sum(SCORES[other].mean() > SCORES[row].mean() for other in rejected)
        assert found.low[row] == 1 + better
        assert found.high[row] == 4 - (len(rejected) - better)
    assert found.low[3] == found.high[3] == 4
    assert found.high[1] == 3


def test_the_same_scores_give_the_same_digits():
    first, again = ranking.over_seeds(SCORES), ranking.over_seeds(SCORES)
    assert np.array_equal(first.best, again.best)


def test_equal_rows_share_their_probability():
    found = ranking.over_seeds(np.array([[0.5, 0.6], [0.5, 0.6], [0.1, 0.2]]))
    assert found.best == pytest.approx([0.5, 0.5, 0.0])
    assert found.low.tolist() == [1, 1, 1]  # differences that do not vary are no test


def test_ranks_over_images_against_brute_force():
    generator = np.random.default_rng(0)
    resampled = generator.normal([0.5, 0.52, 0.3], 0.01, (5000, 3))
    found = ranking.over_images(resampled, np.array([0.5, 0.52, 0.3]), images=50)
    first = np.argmax(resampled, axis=1)
    assert found.best == pytest.approx([np.mean(first == row) for row in range(3)])
    assert found.low.tolist() == [1, 1, 3]
    assert found.high.tolist() == [2, 2, 3]


def test_the_true_rank_is_seldom_left_out_where_rows_are_nearly_equal():
    """The small form of tests/benchmarks/ranking.py, at its hardest."""
    found = misses(150, seeds=3, apart=0.02)
    assert found.tests <= 0.05
    assert found.bootstrap > 0.15  # why the tests are shown in its place
