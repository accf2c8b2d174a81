"""Which row is the best, and between which ranks each row lies, as far as seeds or images allow one to say."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison import significance

DRAWS = 10_000


class Ranking(NamedTuple):
    """Of K rows, each (K,)."""

    best: np.ndarray  # probability that the row is the best; equal ones share theirs
    low: np.ndarray  # int: the best rank that it may have, from 1
    high: np.ndarray  # int: the worst


def over_seeds(scores: np.ndarray, *, seed: int = 0, draws: int = DRAWS) -> Ranking:
    """The ranks of the rows' means over further trainings.

    Args:
        scores: (K, n) fractions of K rows with the same n >= 2 seeds, higher is better.

    The probabilities are the shares of `draws_of_means` in which a row comes first. The ranks are those that tests
    leave to a row: it is below the rows that are significantly better and above those that are significantly worse,
    by paired t tests against all others, Holm-corrected for their number (Mogstad, Romano, Shaikh and Wilhelm,
    "Inference for ranks", Review of Economic Studies 91, 2024): the true rank of a row lies outside in at most 5 % of
    the tables, also where rows are nearly equal, where the quantiles of resampled ranks are much too narrow (simulated
    in tests/benchmarks/ranking.py).
    """
    drawn = draws_of_means(scores, seed=seed, draws=draws)
    low, high = _ranks(scores.mean(1), lambda one, other: significance.paired(scores[one], scores[other]).p)
    return Ranking(_shares_of_best(drawn), low, high)


def draws_of_means(scores: np.ndarray, *, seed: int, draws: int) -> np.ndarray:
    """(draws, K) means that the rows may have over all seeds, as their (K, n) scores tell.

    A bootstrap of n seeds is too narrow for few of them: with three, the deviation of their resampled mean is 0.8 of
    what it should be, and its tails are those of ten different resamples. Here each draw multiplies what the seeds
    deviate from their mean by normal numbers, the same for all rows, over the root of a chi-square: the difference of
    any two rows is then its mean + t(n - 1) s / sqrt(n), exactly the confidence distribution of the paired t test.
    """
    n = scores.shape[1]
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal((draws, n))
    scale = np.sqrt((n - 1) / generator.chisquare(n - 1, draws)) / math.sqrt(n * (n - 1))
    mean = scores.mean(1)
    drawn: np.ndarray = mean + scale[:, None] * (normal @ (scores - mean[:, None]).T)
    return drawn


def over_images(resampled: np.ndarray, scores: np.ndarray, *, images: int) -> Ranking:
    """The ranks of trained networks on other images.

    Args:
        resampled: (R, K) scores of K rows over resamples of the same images, higher is better.
        scores: (K,) over the images themselves.
        images: how many there are.

    As `over_seeds`, with the p of the bootstrap over images (`significance.over_images`) in the place of the t tests.
    """

    def p(one: int, other: int) -> float:
        return significance.resampled_p(resampled[:, one] - resampled[:, other], images=images)

    low, high = _ranks(scores, p)
    return Ranking(_shares_of_best(resampled), low, high)


def _shares_of_best(drawn: np.ndarray) -> np.ndarray:
    first = drawn == drawn.max(1, keepdims=True)  # (R, K)
    shares: np.ndarray = (first / first.sum(1, keepdims=True)).mean(0)
    return shares


def _ranks(means: np.ndarray, p: Callable[[int, int], float]) -> tuple[np.ndarray, np.ndarray]:
    """(K,) the best and the worst rank of each row; `p`: of the test of two rows, NaN where there is none."""
    rows = len(means)
    tested = np.full((rows, rows), math.nan)
    for one in range(rows):
        for other in range(one):
            tested[one, other] = tested[other, one] = p(one, other)
    low, high = np.ones(rows, dtype=int), np.full(rows, rows)
    for row in range(rows):
        differs = np.array(significance.holm(tested[row].tolist())) < 1 - significance.LEVEL
        low[row] += int((differs & (means > means[row])).sum())
        high[row] -= int((differs & (means < means[row])).sum())
    return low, high
