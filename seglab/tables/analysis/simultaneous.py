"""Intervals and p-values that hold for several effects together."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seglab.tables.analysis.linear_model import Fit, LinearModel
from seglab.tables.comparison.significance import LEVEL

DRAWS = 100_000
_CHUNK = 10_000  # draws at once
_GROUP = 100  # neighbours among the sorted draws that are taken as one: chances are smooth in them
_SEED = 0  # fixed: a table that is rendered again is the same
_HALVINGS = 40  # of the bracket of the critical value


class Simultaneous(NamedTuple):
    """k effects of one family, each array (k,); NaN but for the estimate where nothing can be tested."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    critical: float  # half of an interval in standard errors


def standard_error() -> float:
    """At most, of the share of families that the intervals cover, by the number of draws."""
    return math.sqrt(LEVEL * (1 - LEVEL) / DRAWS)


def simultaneous(model: LinearModel, fit: Fit, effects: np.ndarray, *, level: float = LEVEL) -> Simultaneous:
    """Single-step max |t|: with chance `level` all intervals hold the true effects.

    Estimates c β ± q s ||d||, where q is the `level` quantile of the largest |t| of the family, whose t are jointly
    multivariate t with the correlations of the estimates (Hothorn, Bretz & Westfall, "Simultaneous inference in general
    parametric models", Biometrical Journal 50, 2008, section 3); p is the chance that the largest |t| exceeds the one
    seen. The normal part is simulated by fixed draws; given those, the deviation is integrated out exactly.

    Args:
        effects: (k, P) estimable combinations of coefficients.
    """
    estimate = effects @ fit.coefficients
    if not len(effects) or not fit.freedom or fit.deviation == 0:
        unknown = np.full(len(effects), math.nan)
        return Simultaneous(estimate, unknown, unknown, unknown, math.nan)
    directions = model.directions(effects)
    errors = fit.deviation * np.linalg.norm(directions, axis=1)
    quantile = critical(directions, freedom=fit.freedom, level=level)
    chance = np.array([1 - _coverage(directions, abs(t), freedom=fit.freedom) for t in estimate / errors])
    return Simultaneous(estimate, estimate - quantile * errors, estimate + quantile * errors, chance, quantile)


def half_interval(model: LinearModel, fit: Fit, combination: np.ndarray, *, level: float = LEVEL) -> float:
    """Half the t interval of one combination alone; NaN where nothing can be tested."""
    from scipy import special  # type: ignore[import-untyped]

    if not fit.freedom or fit.deviation == 0:
        return math.nan
    length = float(np.linalg.norm(model.directions(combination[None])))
    return float(special.stdtrit(fit.freedom, (1 + level) / 2)) * fit.deviation * length


def critical(directions: np.ndarray, *, freedom: int, level: float = LEVEL) -> float:
    """q of (k, r) directions: between the quantile of one t alone and that of Bonferroni's inequality."""
    return _critical(directions.tobytes(), directions.shape, freedom, level)


@lru_cache(maxsize=32)
def _critical(content: bytes, shape: tuple[int, int], freedom: int, level: float) -> float:
    from scipy import special

    directions = np.frombuffer(content).reshape(shape)
    low = float(special.stdtrit(freedom, (1 + level) / 2))
    high = float(special.stdtrit(freedom, 1 - (1 - level) / 2 / len(directions)))
    for _ in range(_HALVINGS if len(directions) > 1 else 0):
        middle = (low + high) / 2
        if high - low < 1e-6:
            break
        low, high = (middle, high) if _coverage(directions, middle, freedom=freedom) < level else (low, middle)
    return (low + high) / 2


def _coverage(directions: np.ndarray, bound: float, *, freedom: int) -> float:
    """P(all |t| <= bound)."""
    from scipy import special

    if len(directions) == 1:
        return float(1 - 2 * special.stdtr(freedom, -bound))
    if bound == 0:
        return 0.0
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    largest = _largest(unit.tobytes(), unit.shape)
    return float(special.chdtrc(freedom, freedom * (largest / bound) ** 2).mean())


@lru_cache(maxsize=8)  # the columns of a table have one design
def _largest(content: bytes, shape: tuple[int, int]) -> np.ndarray:
    """(DRAWS / _GROUP,): the largest of the k absolute normal values of each draw, in order, means of neighbours."""
    unit = np.frombuffer(content).reshape(shape)
    generator = np.random.default_rng(_SEED)
    chunks = [np.abs(generator.standard_normal((_CHUNK, shape[1])) @ unit.T).max(1) for _ in range(DRAWS // _CHUNK)]
    return np.sort(np.concatenate(chunks)).reshape(-1, _GROUP).mean(1)
