"""`python -m tests.benchmarks.prediction`: how often one further run lies inside the prediction interval of n runs.

10,000 times each: normal runs; runs of a skewed distribution (a gamma of shape 4), as scores near a ceiling may be.
"""

from collections.abc import Callable

import numpy as np

from seglab.tables.comparison.prediction import placed

Draw = Callable[[np.random.Generator, int], np.ndarray]


def normal(generator: np.random.Generator, count: int) -> np.ndarray:
    return generator.normal(0.6, 0.01, count)


def skewed(generator: np.random.Generator, count: int) -> np.ndarray:
    return 0.6 - 0.005 * generator.gamma(4, size=count)


def inside(draw: Draw, times: int, *, runs: int) -> float:
    generator = np.random.default_rng(runs)
    held = 0
    for _ in range(times):
        *ours, theirs = draw(generator, runs + 1).tolist()
        found = placed(theirs, ours)
        held += found is not None and found.is_inside
    return held / times


if __name__ == "__main__":
    print("runs   normal   skewed")
    for runs in (2, 3, 5, 10):
        rates = (100 * inside(draw, 10_000, runs=runs) for draw in (normal, skewed))
        print(f"{runs:4}" + "".join(f" {rate:7.2f}%" for rate in rates), flush=True)
