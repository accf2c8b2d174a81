"""A score as the sum of its seed, of the levels of factors and of their interactions, fitted by least squares.

Nothing is averaged over what was not measured: the model is fitted to the observations that are there, and says which
of its terms and combinations they determine.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

Term = tuple[int, ...]  # the places of its factors: (0,) the first one's main effect, (0, 2) an interaction
SEED: Term = (-1,)  # the block
_NO_PART = 1e-8  # length beyond which a combination is not in the space of the observations
_EQUAL = 1e-12  # deviations below this share of the values are rounding


class Fit(NamedTuple):
    """Least squares of one column of scores."""

    coefficients: np.ndarray  # (P,): the shortest ones, where several fit alike
    squares: float  # of the residuals
    freedom: int
    deviation: float  # of the residuals; NaN without freedom, 0 where they vary by rounding alone


class Tested(NamedTuple):
    """A term, or the seed."""

    term: Term
    freedom: int
    squares: float
    f: float  # NaN, as p and omega, where no residual varies
    p: float
    eta: float  # share of the sum of squares of all observations
    omega: float  # the same, without what chance alone would take; 0 at least


class LinearModel:
    """y = mean + seed + terms + residual.

    Seeds and levels are coded by sums to zero, so that a coefficient left out is an average over all levels alike
    (least-squares means: Searle, Speed & Milliken, "Population marginal means in the linear model", American
    Statistician 34, 1980) and not over what happens to be measured.

    Args:
        levels: (N, F) the number of each factor's level, from 0.
        seeds: (N,).
        terms: those of the model; a level that no observation has is none of it.
    """

    def __init__(self, levels: np.ndarray, seeds: np.ndarray, terms: Sequence[Term]) -> None:
        self.levels = levels
        self.terms = tuple(terms)
        self.present = [sorted(set(column.tolist())) for column in levels.T]  # of each factor
        parts = {SEED: _coded(seeds, sorted(set(seeds.tolist())))}
        mains = [_coded(column, present) for column, present in zip(levels.T, self.present, strict=True)]
        parts |= {term: _product([mains[place] for place in term]) for term in terms}
        self.matrix = np.concatenate([np.ones((len(levels), 1)), *parts.values()], axis=1)  # (N, P)
        ends = np.cumsum([1, *(part.shape[1] for part in parts.values())]).tolist()
        self._columns = {term: slice(start, end)
                         for term, start, end in zip(parts, ends[:-1], ends[1:], strict=True)}  # fmt: skip
        self._spans: dict[tuple[Term, ...], np.ndarray] = {}  # of some terms: the columns of a table ask for the same

    @cached_property
    def _basis(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, r) orthonormal, of what the columns span; (P, r) that leads from it to coefficients."""
        left, values, right = np.linalg.svd(self.matrix, full_matrices=False)
        rank = int((values > values[0] * max(self.matrix.shape) * np.finfo(float).eps).sum())
        return left[:, :rank], right[:rank].T / values[:rank]

    @cached_property
    def _row_space(self) -> np.ndarray:
        """(P, r)"""
        return _span(self.matrix.T)

    @property
    def freedom(self) -> int:
        """Of the residuals."""
        return len(self.matrix) - self._basis[0].shape[1]

    def is_whole(self, term: Term) -> bool:
        """Whether the observations determine all of a term, beside all others."""
        columns = self._columns[term]
        width = columns.stop - columns.start
        others = np.delete(self.matrix, np.arange(columns.start, columns.stop), axis=1)
        return width > 0 and self._basis[0].shape[1] - _span(others).shape[1] == width

    def fit(self, values: np.ndarray) -> Fit:
        """Args: values: (N,)."""
        left, back = self._basis
        squares = float(((values - left @ (left.T @ values)) ** 2).sum())
        deviation = math.sqrt(squares / self.freedom) if self.freedom else math.nan
        if deviation <= _EQUAL * np.abs(values).max():
            deviation = 0.0
        return Fit(back @ (left.T @ values), squares, self.freedom, deviation)

    def mean(self, at: Mapping[int, int]) -> np.ndarray:
        """(P,): the combination of coefficients that is the mean at these levels, over all levels of other factors.

        Args:
            at: {place of a factor: level}, of levels that are present.
        """
        row = np.zeros(self.matrix.shape[1])
        row[0] = 1
        coded = {place: _coded(np.array([level]), self.present[place]) for place, level in at.items()}
        for term in self.terms:
            if at.keys() >= set(term):
                row[self._columns[term]] = _product([coded[place] for place in term])[0]
        return row

    def is_estimable(self, combination: np.ndarray) -> bool:
        """Whether the observations determine it: it is in the space of their rows (Searle, "Linear Models", 1971)."""
        span = self._row_space
        return bool(np.linalg.norm(combination - span @ (span.T @ combination)) < _NO_PART)

    def directions(self, combinations: np.ndarray) -> np.ndarray:
        """(k, r) of (k, P) estimable combinations: with residuals of variance 1, their covariance is D Dᵀ."""
        return combinations @ self._basis[1]

    def tests(self, values: np.ndarray, *, kind: int = 3) -> list[Tested]:
        """The F test and the share of each term that the observations determine whole, and of the seed at the end.

        Args:
            values: (N,).
            kind: 3: beside all other terms (type III: Yates, "The analysis of multiple classifications with unequal
                numbers", JASA 29, 1934); 2: beside those that do not contain it (type II), which needs no cell filled.
        """
        whole, total = self.fit(values), float(((values - values.mean()) ** 2).sum())
        error = whole.squares / whole.freedom if whole.deviation > 0 else math.nan
        found = []
        for term in (*self.terms, SEED):
            beside = [other for other in self._columns if other != term and not (kind == 2 and set(term) < set(other))]
            without, with_it = self._of(*beside), self._of(*beside, term)
            freedom, columns = with_it.shape[1] - without.shape[1], self._columns[term]
            if freedom and (term == SEED or freedom == columns.stop - columns.start):
                squares = float(((with_it.T @ values) ** 2).sum() - ((without.T @ values) ** 2).sum())
                found.append(_tested(term, freedom, squares, error, total=total, residual=whole.freedom))
        return found

    def _of(self, *terms: Term) -> np.ndarray:
        """(N, r): an orthonormal basis of the mean and the columns of these terms."""
        if terms not in self._spans:
            columns = [self.matrix[:, :1], *(self.matrix[:, self._columns[term]] for term in terms)]
            self._spans[terms] = _span(np.concatenate(columns, axis=1))
        return self._spans[terms]


def _tested(term: Term, freedom: int, squares: float, error: float, *, total: float, residual: int) -> Tested:
    """F, and eta and omega squared (Olejnik & Algina, Psychological Methods 8, 2003, equations 1 and 2)."""
    from scipy import special  # type: ignore[import-untyped]

    f = squares / freedom / error
    p = float(special.fdtrc(freedom, residual, f)) if not math.isnan(f) else math.nan
    eta = squares / total if total > 0 else math.nan
    omega = (squares - freedom * error) / (total + error)
    return Tested(term, freedom, squares, f, p, eta, omega if math.isnan(omega) else max(0.0, omega))


def _span(matrix: np.ndarray) -> np.ndarray:
    """(N, r): an orthonormal basis of the space of the columns."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, values > values[0] * max(matrix.shape) * np.finfo(float).eps]


def _coded(column: np.ndarray, present: Sequence[int]) -> np.ndarray:
    """(N, L - 1): 1 at its level, and -1 everywhere at the last one."""
    one_hot = np.array(column)[:, None] == np.array(present)[None]
    return one_hot[:, :-1].astype(float) - one_hot[:, -1:]


def _product(parts: Sequence[np.ndarray]) -> np.ndarray:
    """(N, the product of their widths): each column of the one by each of the other."""
    result = parts[0]
    for part in parts[1:]:
        result = (result[:, :, None] * part[:, None, :]).reshape(len(result), -1)
    return result
