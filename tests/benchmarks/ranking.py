"""`python -m tests.benchmarks.ranking`: how far the ranks of a table, and the odds of its best row, can be trusted.

10,000 tables of four rows, paired by seed, normal noise with a deviation of 0.5 points for each row, in which the true
means lie 0.02 (nearly equal) or 1 point apart. Printed: how often the interval of ranks leaves out the true rank
of a row (nominal: at most 5 %), beside the quantiles of the ranks in a plain bootstrap of the seeds and in our draws;
how often a row whose probability of being the best was above 0.95 is not the best. Then the same with true means that
vary from table to table: how often the rows are the best that were said to be so with 0.9 to 1.
"""

import math
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison import ranking

ROWS = 4
DEVIATION = 0.005
_DRAWS = 1_000
_QUANTILES = 1_000  # tables of which the quantiles of ranks, which nothing shows, are taken


class Misses(NamedTuple):
    """Shares, of all rows of all tables; of the sure ones, of all tables."""

    tests: float  # of the intervals of ranks that tables show
    draws: float  # of the quantiles of ranks in the draws that probabilities are taken from
    bootstrap: float  # of the quantiles of ranks in a plain bootstrap of the seeds
    wrongly_best: float  # tables in which a row that is not the best had a probability above 0.95


def misses(tables: int, *, seeds: int, apart: float) -> Misses:
    """`apart`: points from each true mean to the next."""
    generator = np.random.default_rng(seeds)
    truth = 0.6 - apart / 100 * np.arange(ROWS)
    true_ranks = np.arange(1, ROWS + 1)
    tests, draws, bootstrap, wrongly = [], [], [], []
    for table in range(tables):
        scores = _table(generator, truth, seeds=seeds)
        found = ranking.over_seeds(scores, seed=table, draws=_DRAWS)
        tests.append((~_holds(found.low, found.high, true_ranks)).mean())
        wrongly.append((found.best[1:] > 0.95).any())
        if table < _QUANTILES:
            drawn = ranking.draws_of_means(scores, seed=table, draws=_DRAWS)
            draws.append((~_holds(*_quantiles(drawn), true_ranks)).mean())
            drawn = scores[:, generator.integers(0, seeds, (_DRAWS, seeds))].mean(2).T
            bootstrap.append((~_holds(*_quantiles(drawn), true_ranks)).mean())
    return Misses(*(float(np.mean(each)) for each in (tests, draws, bootstrap, wrongly)))


def right_when_sure(tables: int, *, seeds: int) -> float:
    """Of the rows with a probability of 0.9 or more, where true means vary as much as runs do, those that are best."""
    generator = np.random.default_rng(seeds)
    right: list[bool] = []
    for table in range(tables):
        truth = generator.normal(0.6, DEVIATION, ROWS)
        best = ranking.over_seeds(_table(generator, truth, seeds=seeds), seed=table, draws=_DRAWS).best
        right += [bool(truth[row] == truth.max()) for row in np.flatnonzero(best >= 0.9)]
    return float(np.mean(right)) if right else math.nan


def _table(generator: np.random.Generator, truth: np.ndarray, *, seeds: int) -> np.ndarray:
    shared = generator.normal(0, 0.01, seeds)  # what a seed does to all rows
    scores: np.ndarray = truth[:, None] + shared + generator.normal(0, DEVIATION, (len(truth), seeds))
    return scores


def _quantiles(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(draws, K) means -> the middle 95 % of the rank of each row."""
    ranks = 1 + (drawn[:, None, :] > drawn[:, :, None]).sum(2)
    low, high = np.quantile(ranks, (0.025, 0.975), axis=0, method="nearest")
    return low, high


def _holds(low: np.ndarray, high: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    held: np.ndarray = (low <= ranks) & (ranks <= high)
    return held


if __name__ == "__main__":
    print(f"{'seeds':>5} {'apart':>6} {'tests':>8} {'draws':>8} {'bootstrap':>10} {'wrongly best':>13}")
    for seeds in (3, 5):
        for apart in (0.02, 1.0):
            found = misses(10_000, seeds=seeds, apart=apart)
            print(f"{seeds:5} {apart:6} {100 * found.tests:7.2f}% {100 * found.draws:7.2f}% "
                  f"{100 * found.bootstrap:9.2f}% {100 * found.wrongly_best:12.2f}%", flush=True)  # fmt: skip
        print(f"{seeds:5} seeds: of the rows said to be the best with 0.9 or more, "
              f"{100 * right_when_sure(10_000, seeds=seeds):.1f} % are", flush=True)  # fmt: skip
