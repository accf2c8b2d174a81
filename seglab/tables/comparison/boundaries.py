"""Looks at a table while its seeds are added, without more false positives than one look at the end would have.

Who tests after every seed and stops at the first p < 0.05 finds a difference between equal settings far more often than
in 5 % of the tables. A group-sequential test spends its 5 % over the looks instead: little at the first ones, nearly
all at the last one. All here is exact for normal differences of unknown variance, however few the seeds.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seglab.tables.comparison.significance import LEVEL

_REACH = 8.2  # normal scores of p: beyond it, double precision knows no two-sided p (2e-16)
_CELLS = 164  # of the normal score, each 0.05 wide: the p of a look is then known to 1 % of itself
_FINEST = 0.04  # step between the levels of the table of boundaries, in normal scores
_NEVER = 40.0  # normal score of a p that no look has


@dataclass(frozen=True)
class Boundaries:
    """At which p each look differs, for every level of the whole: normal scores of two-sided p, Φ^-1(1 - p / 2)."""

    looks: tuple[int, ...]  # seeds at each look
    levels: np.ndarray  # (L,) increasing scores of the level of the whole
    bounds: np.ndarray  # (looks, L) scores that the look's own p has to reach

    def nominal(self, n: int, *, alpha: float = 1 - LEVEL) -> float:
        """The p that the look at n seeds alone has to be below for all looks together to have the level alpha.

        1 minus it is the level of the look's repeated confidence interval (Jennison & Turnbull, "Interim analyses: the
        repeated confidence interval approach", J. R. Statist. Soc. B 51, 1989): mean ± t(1 - nominal / 2; n - 1) s /
        sqrt(n) of all looks cover the true difference together with 1 - alpha, whichever look was the last and why.
        """
        return _p(float(np.interp(_score(alpha), self.levels, self.bounds[self.looks.index(n)])))

    def repeated(self, p: float, n: int) -> float:
        """The repeated p-value of a look with n seeds at which the t test alone says p: the level of the whole that
        it just reaches. However the look was chosen, it is below alpha in no more than alpha of the equal settings."""
        if math.isnan(p):
            return math.nan
        bounds = self.bounds[self.looks.index(n)]
        return 1.0 if _score(p) < bounds[0] else _p(float(np.interp(_score(p), bounds, self.levels)))


@lru_cache(maxsize=16)
def boundaries(looks: tuple[int, ...]) -> Boundaries:
    """Of looks at these numbers of seeds, 2 or more at the first, increasing.

    The level spent until n of N seeds is α(n / N) = 4 (1 - Φ(z / sqrt(n / N))) with z = Φ^-1(1 - α / 4), near to the
    boundaries of O'Brien & Fleming ("A multiple testing procedure for clinical trials", Biometrics 35, 1979): Lan &
    DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983, eq. 3, for each of both sides.
    How the p-values of the looks depend on each other is no approximation by the normal distribution, which three
    seeds are far from. Of differences X_1, X_2, ... with mean 0, r_n = ΣX / sqrt(ΣX²) is a Markov chain: r_n = (r_{n-1}
    + z) / sqrt(1 + z²), where z = X_n / sqrt(X_1² + ... + X_{n-1}²) does not depend on r_{n-1} (Basu), and z sqrt(n -
    1) is t with n - 1 degrees of freedom; the t of the test is r sqrt((n - 1) / (n - r²)). What is left of the chain
    after each look is carried on as masses in narrow cells of |t| (cf. Jennison & Turnbull, "Exact calculations for
    sequential t, χ² and F tests", Biometrika 78, 1991).
    """
    from scipy import special  # type: ignore[import-untyped]

    edges = np.linspace(0, _REACH, _CELLS + 1)
    scores = np.arange(special.ndtri(0.75), _REACH, _FINEST)  # of alpha / 2: from alpha = 1
    alphas = 4 * special.ndtr(-scores)
    tails = np.tile(2 * special.ndtr(-edges), (len(scores), 1))  # (L, edges): the chance to lie beyond, and to go on
    spent, bounds, masses = np.zeros(len(scores)), [], np.empty((0, 0))
    for n in range(looks[0], looks[-1] + 1):
        if n > looks[0]:
            tails = masses @ _transition(n, edges)
        if n in looks:
            to_spend = 4 * special.ndtr(-scores / math.sqrt(n / looks[-1])) - spent
            found = np.array([_bound(line, edges, left) for line, left in zip(tails, to_spend, strict=True)])
            now = np.where(found < _NEVER, to_spend, 0.0)
            spent += now
            tails = np.maximum(tails - now[:, None], 0.0)
            bounds.append(np.maximum.accumulate(found))
        masses = tails[:, :-1] - tails[:, 1:]  # (L, cells)
    return Boundaries(looks, -special.ndtri(alphas / 2), np.stack(bounds))


def _transition(n: int, edges: np.ndarray) -> np.ndarray:
    """(cells, edges): the chance that |t| of n seeds lies beyond an edge, from the middle of a cell of n - 1 seeds.

    |r_n| > q means that z lies between the roots of (r + z)² = q² (1 + z²) for q > 1, outside of them for q < 1.
    """
    from scipy import special

    start = _left((edges[:-1] + edges[1:]) / 2, n - 1)[:, None]  # n - 1 - r², which keeps its digits near the end
    end = _left(edges, n)[None, :]  # n - q²
    r, q = np.sqrt(n - 1 - start), np.sqrt(n - end)
    above = n - 1 - end  # q² - 1
    above = np.where(np.abs(above) < 1e-12, 1e-12, above)
    inside = end - start  # r² + 1 - q²
    width = q * np.sqrt(np.maximum(inside, 0.0))
    roots = np.sort(np.stack([(r - width) / above, (r + width) / above]), axis=0) * math.sqrt(n - 1)
    between = special.stdtr(n - 1, -roots[0]) - special.stdtr(n - 1, -roots[1])
    return np.where(inside <= 0, 0.0, np.where(above > 0, between, 1 - between))


def _left(score: np.ndarray, n: int) -> np.ndarray:
    """n - r² of n seeds whose t test has a p of this normal score: n (n - 1) / (n - 1 + t²)."""
    from scipy import special

    t = special.stdtrit(n - 1, special.ndtr(-score))
    return np.asarray(n * (n - 1) / (n - 1 + t * t))


def _bound(tails: np.ndarray, edges: np.ndarray, left: float) -> float:
    """The score beyond which lies what is left to be spent; `_NEVER` where that is less than can be told."""
    if left <= tails[-1] or left <= 0:
        return _NEVER
    if left >= tails[0]:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(np.interp(-math.log(left), -np.log(tails), edges))


def _score(p: float) -> float:
    from scipy import special

    return min(_REACH, float(-special.ndtri(p / 2)))


def _p(score: float) -> float:
    from scipy import special

    return float(2 * special.ndtr(-score))
