"""`python -m tests.benchmarks.variance_components`: how well the sources of noise are told apart.

10,000 crossed designs each of three sources and all their interactions, one run in each cell, normal effects. Printed
for each component: the mean of the unbiased estimate by the true variance, how often the estimate is below zero, and
how often the 95 % interval holds the true variance.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison.variance_components import Sources, crossed

SOURCES = ("init", "order", "augment")
TRUE: Mapping[Sources, float] = {
    ("init",): 1.0, ("order",): 0.5, ("augment",): 0.0,
    ("init", "order"): 0.25, ("init", "augment"): 0.0, ("order", "augment"): 0.25, SOURCES: 0.5,
}  # fmt: skip


class Rates(NamedTuple):
    mean: float  # of the estimate before it is set to zero
    negative: float
    held: float  # of the intervals


def simulated(generator: np.random.Generator, shape: tuple[int, ...], true: Mapping[Sources, float]) -> np.ndarray:
    """(init, order, augment) scores with these variances."""
    scores = np.zeros(shape)
    for subset, variance in true.items():
        lengths = [length if source in subset else 1 for source, length in zip(SOURCES, shape, strict=True)]
        scores = scores + generator.normal(0, np.sqrt(variance), lengths)
    return scores


def rates(tables: int, shape: tuple[int, ...], *, draws: int) -> dict[Sources, Rates]:
    generator = np.random.default_rng(0)
    subsets = [subset for size in (1, 2, 3) for subset in combinations(SOURCES, size)]
    found = np.array(
        [[(one.estimate, one.estimate < 0, one.low <= TRUE[one.sources] <= one.high) for one in
          crossed(simulated(generator, shape, TRUE), SOURCES, draws=draws)] for _ in range(tables)]
    )  # fmt: skip
    return {subset: Rates(*found[:, index].mean(0)) for index, subset in enumerate(subsets)}


if __name__ == "__main__":
    for shape in ((3, 2, 2), (5, 4, 3)):
        print(" x ".join(map(str, shape)))
        for subset, found in rates(10_000, shape, draws=1_000).items():
            print(f"  {' x '.join(subset):24} true {TRUE[subset]:5.2f}  mean {found.mean:6.3f}  below zero "
                  f"{100 * found.negative:5.1f}%  held {100 * found.held:5.1f}%", flush=True)  # fmt: skip
