"""How much of the variance of a score each source of chance makes, from balanced designs with one run in each cell."""

import math
from collections.abc import Mapping
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison import significance

DRAWS = 100_000  # of the generalized intervals; the 2.5 % quantile then varies by 0.05 %

Sources = tuple[str, ...]  # one, or several whose interaction it is


class Component(NamedTuple):
    """Of the variance of a run."""

    sources: Sources
    variance: float  # the estimate, at least 0
    estimate: float  # before it was set to zero
    low: float
    high: float
    share: float  # of the sum of all components; NaN where that is zero


def crossed(scores: np.ndarray, sources: Sources, *, draws: int = DRAWS) -> list[Component]:
    """The components of a crossed design of random sources: each source, each interaction; the last is the rest.

    Args:
        scores: one axis for each source, as long as it has seeds (two or more).

    The analysis of variance of the model y = mean + Σ effects of all subsets of the sources. With the mean square MS_T
    of each subset T, whose expectation is Σ over U ⊇ T of variance_U · Π of the lengths outside U, the estimate is
    variance_S = Σ over T ⊇ S of (-1)^(|T| - |S|) MS_T / Π of the lengths outside S (Searle, Casella and McCulloch,
    "Variance Components", 1992, chapter 4). It may be negative, which is set to zero. The interaction of all sources
    cannot be told from what is left to chance, as there is one run in each cell.
    """
    lengths = dict(zip(sources, scores.shape, strict=True))
    subsets = [subset for size in range(1, len(sources) + 1) for subset in combinations(sources, size)]
    squares = {subset: _mean_square(scores, sources, subset) for subset in subsets}
    freedom = {subset: math.prod(lengths[source] - 1 for source in subset) for subset in subsets}
    weights = {
        subset: {
            larger: (-1.0) ** (len(larger) - len(subset))
            / math.prod(length for source, length in lengths.items() if source not in subset)
            for larger in subsets
            if set(subset) <= set(larger)
        }
        for subset in subsets
    }
    return _components(squares, freedom, weights, draws=draws)


def one_at_a_time(runs: Mapping[str, np.ndarray], *, draws: int = DRAWS) -> list[Component]:
    """The components of sources that were varied one by one, the others fixed: the variance of the runs of each.

    Args:
        runs: {source: scores of the runs in which it alone varies}, two or more.

    Interactions are not told apart: a component is that at the fixed seeds of the others.
    """
    squares: dict[Sources, float] = {(source,): float(np.var(scores, ddof=1)) for source, scores in runs.items()}
    freedom: dict[Sources, int] = {(source,): len(scores) - 1 for source, scores in runs.items()}
    return _components(squares, freedom, {subset: {subset: 1.0} for subset in squares}, draws=draws)


def _mean_square(scores: np.ndarray, sources: Sources, subset: Sources) -> float:
    """Of the effects of a subset: its cell means without all that smaller subsets explain."""
    effects = np.zeros((1,) * scores.ndim)
    for smaller in chain.from_iterable(combinations(subset, size) for size in range(len(subset) + 1)):
        averaged = tuple(axis for axis, source in enumerate(sources) if source not in smaller)
        effects = effects + (-1.0) ** (len(subset) - len(smaller)) * scores.mean(averaged, keepdims=True)
    shape = np.broadcast_to(effects, scores.shape)
    return float((shape**2).sum()) / math.prod(scores.shape[sources.index(source)] - 1 for source in subset)


def _components(
    squares: Mapping[Sources, float],
    freedom: Mapping[Sources, int],
    weights: Mapping[Sources, Mapping[Sources, float]],
    *,
    draws: int,
) -> list[Component]:
    """Each a weighted sum of mean squares, with its generalized interval.

    MS_T · df_T / E(MS_T) is a chi-square of df_T; the interval holds the middle 95 % of Σ weight_T · df_T · MS_T / W_T
    over independent chi-squares W_T, cut at zero (Weerahandi, "Generalized confidence intervals", J. American
    Statistical Association 88, 1993). Normal effects are assumed. Its coverage is simulated in
    tests/benchmarks/variance_components.py.
    """
    generator = np.random.default_rng(0)  # the same table, the same digits
    drawn = {
        subset: freedom[subset] * square / generator.chisquare(freedom[subset], draws)
        for subset, square in squares.items()
    }
    estimates = {subset: sum(each[one] * squares[one] for one in each) for subset, each in weights.items()}
    total = sum(max(0.0, estimate) for estimate in estimates.values())
    tail = (1 - significance.LEVEL) / 2
    found = []
    for subset, each in weights.items():
        sums = np.maximum(0.0, sum(each[one] * drawn[one] for one in each))
        low, high = np.quantile(sums, (tail, 1 - tail))
        variance = max(0.0, estimates[subset])
        share = variance / total if total > 0 else math.nan
        found.append(Component(subset, variance, estimates[subset], float(low), float(high), share))
    return found
