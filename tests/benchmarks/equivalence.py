"""`python -m tests.benchmarks.equivalence`: how often a table with a margin says something false, and something true.

Tables of a baseline and four other rows, paired by seed, normal noise (a deviation of 0.3 points of the differences),
a margin of 0.5 points. Null tables: every row differs by the margin. Alternative tables: no row differs.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison.differences import corrected, over_seeds
from seglab.tables.comparison.equivalence import equality

ROWS = 4
DEVIATION = 0.003 / np.sqrt(2)  # of a row around its mean: 0.3 points of a difference
MARGIN = 0.005


class Rates(NamedTuple):
    """Of all rows, or of the tables with any such row."""

    equal: float
    equal_anywhere: float
    differs: float
    differs_anywhere: float


def rates(tables: int, *, seeds: int, difference: float) -> Rates:
    """Of `tables` tables whose rows lie `difference` points above the baseline."""
    generator = np.random.default_rng(seeds)
    verdicts = np.array([_table(generator, seeds=seeds, difference=difference / 100) for _ in range(tables)])
    equal, differs = verdicts[..., 0], verdicts[..., 1]  # (tables, ROWS)
    return Rates(equal.mean(), equal.any(1).mean(), differs.mean(), differs.any(1).mean())


def _table(generator: np.random.Generator, *, seeds: int, difference: float) -> list[tuple[bool, bool]]:
    """(equal, differs) of each row."""
    shared = generator.normal(0.6, 0.01, seeds)  # what a seed does to all rows
    baseline = shared + generator.normal(0, DEVIATION, seeds)
    rows = shared + difference + generator.normal(0, DEVIATION, (ROWS, seeds))
    family = [replace(over_seeds(row, baseline), equality=equality(row, baseline, margin=MARGIN)) for row in rows]
    return [(each.equality.shown, each.significant) for each in corrected(family) if each.equality is not None]


if __name__ == "__main__":
    print(f"{'seeds':>5} {'true difference':>16} {'equal':>8} {'anywhere':>9} {'differs':>8} {'anywhere':>9}")
    for seeds in (3, 5, 10):
        for difference in (0.5, 0.0):
            found = rates(10_000, seeds=seeds, difference=difference)
            print(f"{seeds:5} {difference:11} points" + "".join(f" {100 * value:7.2f}%" for value in found), flush=True)
