"""What n seeds can show: the power of the paired t test over seeds, and how sure the deviation is that it rests on.

Differences are counted in deviations of the paired differences (Cohen's d_z): 1 is as much as one seed's difference
strays from their mean.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison.significance import LEVEL

POWER = 0.8  # that a planned test is given: Cohen, "Statistical power analysis for the behavioral sciences", 1988
MOST_SEEDS = 1000  # that are looked for
_SHARED = 0.5  # correlation of two rows' differences to one baseline, where all three stray alike and on their own
_NODES = 400  # of the quadrature


class Deviation(NamedTuple):
    """Standard deviation of paired differences, estimated from few seeds."""

    value: float
    low: float  # of its interval
    high: float
    freedom: float  # degrees of freedom that it rests on


def power(effect: float, n: int, *, level: float = LEVEL) -> float:
    """The chance that the two-sided paired t test of n >= 2 seeds finds a difference of `effect` deviations.

    Exact for normal differences: t = (Z + δ) / sqrt(V / f) is noncentral t with f = n - 1 and δ = effect · sqrt(n), V
    chi-square with f degrees of freedom (Johnson & Welch, "Applications of the non-central t-distribution", Biometrika
    31, 1940), so that P(|t| > c) = E[Φ(δ - c S) + Φ(-δ - c S)] over S = sqrt(V / f). The expectation is taken by
    Gauss-Legendre quadrature over the quantiles of S, which holds for any δ; the series of scipy.special.nctdtr does
    not beyond δ = 38, where two seeds and many rows begin.
    """
    from scipy import special  # type: ignore[import-untyped]

    scales, weights = _quadrature(n - 1)
    critical = float(special.stdtrit(n - 1, (1 + level) / 2))
    delta = effect * math.sqrt(n)
    tails = special.ndtr(delta - critical * scales) + special.ndtr(-delta - critical * scales)
    return float(weights @ tails)


def detectable(n: int, *, target: float = POWER, level: float = LEVEL) -> float:
    """The smallest difference, in deviations, that n >= 2 seeds show with the power `target`."""
    high = 1.0
    while power(high, n, level=level) < target:
        high *= 2
    low = 0.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, n, level=level) < target else (low, middle)
    return high


def seeds_for(effect: float, *, target: float = POWER, level: float = LEVEL) -> int | None:
    """The fewest seeds that show a difference of `effect` > 0 deviations with the power `target`; None beyond 1000."""
    low, high = 1, 2  # one seed shows nothing
    while power(effect, high, level=level) < target:
        if high >= MOST_SEEDS:
            return None
        low, high = high, min(2 * high, MOST_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(effect, middle, level=level) < target else (low, middle)
    return high


def pooled(tables: Sequence[Sequence[np.ndarray]], *, level: float = LEVEL) -> Deviation:
    """The deviation of the paired differences, of all rows together, as if every row's were the same.

    Args:
        tables: of each pilot, the differences of each of its rows to its baseline, (n,) with n >= 2, without NaN.

    s² = Σ f_i s_i² / Σ f_i with f_i = n_i - 1. It is about σ² χ²(f) / f with f = (Σ f_i)² / (Σ f_i + ρ² Σ_{i≠j}
    min(f_i, f_j)), the sum over pairs of rows of one table: they share a baseline, their differences correlate by
    ρ = 1/2, and their s² by ρ² (f by equal variances: Satterthwaite, "An approximate distribution of estimates of
    variance components", Biometrics Bulletin 2, 1946). The interval is s sqrt(f / χ²): many rows make it no narrower
    than four times as many seeds would.
    """
    from scipy import special

    freedoms = [[len(row) - 1 for row in rows] for rows in tables]
    whole = sum(map(sum, freedoms))
    squares = sum(float(((row - row.mean()) ** 2).sum()) for rows in tables for row in rows)
    together = sum(
        min(own, other) for rows in freedoms for i, own in enumerate(rows) for j, other in enumerate(rows) if i != j
    )
    freedom = whole**2 / (whole + _SHARED**2 * together)
    value = math.sqrt(squares / whole)
    tail = (1 - level) / 2
    low, high = (value * math.sqrt(freedom / float(special.chdtri(freedom, share))) for share in (tail, 1 - tail))
    return Deviation(value, low, high, freedom)


@lru_cache(maxsize=256)
def _quadrature(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """(nodes,) values of sqrt(χ²(f) / f) and their weights, which sum to 1."""
    from scipy import special

    nodes, weights = _legendre()
    quantiles = special.chdtri(freedom, (1 - nodes) / 2)
    return np.sqrt(quantiles / freedom), weights / 2


@lru_cache(maxsize=1)
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(_NODES)
