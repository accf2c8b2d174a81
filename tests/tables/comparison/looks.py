"""Simulated tables whose seeds are added look by look, all at once: `sequential.settled` without its loops."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from seglab.tables.analysis.family import holm, p_values
from seglab.tables.comparison.boundaries import boundaries
from seglab.tables.plan.model import Until


class Settled(NamedTuple):
    """Of R tables with m rows."""

    seeds: np.ndarray  # (R, m) at the last look
    differs: np.ndarray  # (R, m) whether the row was said to differ
    covered: np.ndarray  # (R, m) whether its last interval holds the true difference


def until(**changes: object) -> Until:
    rule = {"column": "miou", "half_width": None, "or_differs": True, "first": 3, "step": 1, "at_most": 10}
    return Until(**{**rule, **changes})  # type: ignore[arg-type]


def drawn(tables: int, rows: int, seeds: int, *, differences: list[float], seed: int) -> np.ndarray:
    """(R, m, n) differences to a baseline that all rows share, with deviation 1; the first rows differ truly."""
    scores = np.random.default_rng(seed).normal(scale=math.sqrt(0.5), size=(tables, rows + 1, seeds))
    true = np.array([*differences, *[0.0] * (rows - len(differences))])
    return scores[:, 1:] - scores[:, :1] + true[:, None]


def simulated(differences: np.ndarray, rule: Until, true: list[float]) -> Settled:
    """The rule for (R, m, n) differences in points."""
    limits = boundaries(rule.looks)
    tables, rows, _ = differences.shape
    expected = np.array([*true, *[0.0] * (rows - len(true))])
    p = np.ones((tables, rows))
    seeds = np.zeros((tables, rows), dtype=int)
    differs, covered = np.zeros((tables, rows), dtype=bool), np.zeros((tables, rows), dtype=bool)
    going = np.ones((tables, rows), dtype=bool)
    bounds = {n: limits.bounds[index] for index, n in enumerate(limits.looks)}
    for n in rule.looks:
        part = differences[..., :n]
        alone = np.minimum(8.2, -special.ndtri(p_values(part) / 2))
        repeated = 2 * special.ndtr(-np.interp(alone, bounds[n], limits.levels))
        p = np.where(going, np.where(alone < bounds[n][0], 1.0, repeated), p)
        half = -special.stdtrit(n - 1, limits.nominal(n) / 2) * part.std(-1, ddof=1) / math.sqrt(n)
        found = holm(p) < 0.05
        narrow = np.zeros_like(going) if rule.half_width is None else half <= rule.half_width
        seeds = np.where(going, n, seeds)
        covered = np.where(going, np.abs(part.mean(-1) - expected) <= half, covered)
        differs = np.where(going, found, differs)
        going &= ~((found & rule.or_differs) | narrow)
    return Settled(seeds, differs, covered)
