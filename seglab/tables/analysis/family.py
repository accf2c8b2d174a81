"""The power of Holm's correction over the rows of a column, for which there is no formula: by simulated tables."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seglab.tables.analysis.power import MOST_SEEDS, POWER, detectable, seeds_for
from seglab.tables.comparison.significance import LEVEL

TABLES = 10_000  # simulated; a power of 80 % is then known to ± 0.8 points (two standard errors)
_SEED = 0  # fixed: the same question has the same answer
_DRAWN = 50  # seeds up to which each one's scores are drawn
_STEPS = 14  # of the bisection: to less than a thousandth of the difference


class Rate(NamedTuple):
    """A simulated probability."""

    value: float
    error: float  # standard error


@dataclass(frozen=True)
class Family:
    """Simulated tables of m rows that do not differ from their baseline, over n seeds: in deviations of a difference.

    The rows and the baseline stray alike and independently, so that two rows' differences correlate by 1/2.
    """

    n: int
    means: np.ndarray  # (tables, m) of the differences
    stds: np.ndarray  # (tables, m), of the sample
    p: np.ndarray  # (tables, m), not corrected


def simulated(n: int, rows: int, *, tables: int = TABLES, seed: int = _SEED) -> Family:
    """Tables of `rows` rows beside their baseline, with n >= 2 seeds."""
    rng = np.random.default_rng(seed)
    if n > max(_DRAWN, rows + 1):
        means, stds = _drawn_at_once(rng, n, rows, tables)
        return Family(n, means, stds, _p(means / (stds / math.sqrt(n)), n))
    scores = rng.normal(scale=math.sqrt(0.5), size=(tables, rows + 1, n))
    differences = scores[:, 1:] - scores[:, :1]
    return Family(n, differences.mean(-1), differences.std(-1, ddof=1), p_values(differences))


def _drawn_at_once(rng: np.random.Generator, n: int, rows: int, tables: int) -> tuple[np.ndarray, np.ndarray]:
    """(tables, rows) means and deviations, distributed as those of n drawn seeds, without drawing these.

    The means do not depend on the scatter, whose matrix is L A (L A)ᵀ: L the Cholesky factor of the covariance, A lower
    triangular, with standard normals below a diagonal whose i-th square is χ²(n - i) (Bartlett, "On the theory of
    statistical regression", Proc. R. Soc. Edinburgh 53, 1933).
    """
    factor = np.linalg.cholesky(np.full((rows, rows), 0.5) + np.eye(rows) / 2)
    lower = np.tril(rng.normal(size=(tables, rows, rows)), -1)
    diagonal = np.sqrt(rng.chisquare(n - 1 - np.arange(rows), size=(tables, rows)))
    lower[:, np.arange(rows), np.arange(rows)] = diagonal
    squares = ((factor @ lower) ** 2).sum(-1)
    return rng.normal(size=(tables, rows)) @ factor.T / math.sqrt(n), np.sqrt(squares / (n - 1))


def family_power(family: Family, effect: float, *, level: float = LEVEL) -> Rate:
    """How often a row that differs by `effect` deviations is found, where the other rows do not differ.

    That is the hardest: each other row that is found as well makes Holm's correction milder.
    """
    p = family.p.copy()
    p[:, 0] = _p((family.means[:, 0] + effect) / (family.stds[:, 0] / math.sqrt(family.n)), family.n)
    found = holm(p)[:, 0] < 1 - level
    return Rate(float(found.mean()), float(found.std() / math.sqrt(len(found))))


@lru_cache(maxsize=256)
def family_detectable(n: int, rows: int, *, target: float = POWER, level: float = LEVEL) -> float:
    """The smallest difference, in deviations, that is found in one of `rows` rows with the power `target`.

    It lies between that of a single test and that of Bonferroni's correction, 1 - level by the number of rows.
    """
    low, high = detectable(n, target=target, level=level), detectable(n, target=target, level=_shared(level, rows))
    if rows == 1:
        return low
    family = simulated(n, rows)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_short = family_power(family, middle, level=level).value < target
        low, high = (middle, high) if is_short else (low, middle)
    return high


def family_seeds_for(effect: float, rows: int, *, target: float = POWER, level: float = LEVEL) -> int | None:
    """The fewest seeds that show `effect` deviations in one of `rows` rows with the power `target`; None beyond 1000.

    Found by bisection between those of a single test and those of Bonferroni's correction.
    """
    fewest = seeds_for(effect, target=target, level=level)
    most = seeds_for(effect, target=target, level=_shared(level, rows))
    if rows == 1 or fewest is None:
        return fewest
    if most is None:
        most = MOST_SEEDS
        if family_power(simulated(most, rows, tables=TABLES // 10), effect, level=level).value < target:
            return None
    low, high = fewest - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        is_short = family_power(simulated(middle, rows), effect, level=level).value < target
        low, high = (middle, high) if is_short else (low, middle)
    return high


def p_values(differences: np.ndarray) -> np.ndarray:
    """(..., n) paired differences -> (...) p, as `significance.paired` gives them one by one."""
    n = differences.shape[-1]
    return _p(differences.mean(-1) / (differences.std(-1, ddof=1) / math.sqrt(n)), n)


def holm(p: np.ndarray) -> np.ndarray:
    """(tables, m) p-values without NaN, corrected as `significance.holm` does it table by table."""
    order = np.argsort(p, axis=1, kind="stable")
    factors = np.arange(p.shape[1], 0, -1)
    largest = np.maximum.accumulate(np.minimum(1.0, factors * np.take_along_axis(p, order, axis=1)), axis=1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, largest, axis=1)
    return corrected


def _p(t: np.ndarray, n: int) -> np.ndarray:
    from scipy import special  # type: ignore[import-untyped]

    return np.asarray(2 * special.stdtr(n - 1, -np.abs(t)))


def _shared(level: float, rows: int) -> float:
    return 1 - (1 - level) / rows
