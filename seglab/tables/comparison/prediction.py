"""Where one more run would lie, by the runs that were made."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seglab.tables.comparison import significance


class Placed(NamedTuple):
    """One number in the distribution of n runs."""

    n: int
    low: float  # of the prediction interval
    high: float
    deviations: float  # from their mean, in the deviations of one further run: s sqrt(1 + 1 / n)

    @property
    def is_inside(self) -> bool:
        return abs(self.deviations) <= significance.half_width(self.n) * math.sqrt(self.n)


def placed(value: float, runs: Sequence[float], *, level: float = significance.LEVEL) -> Placed | None:
    """Where `value` lies among the runs; None where two or more runs that vary are not there. NaN are left out.

    The prediction interval for one further run is mean ± t(1 - (1 - level) / 2; n - 1) · s · sqrt(1 + 1 / n): of the
    runs that are made next, a share of `level` lies in it, if they are normal (Hahn, "Factors for calculating two-sided
    prediction intervals for samples from a normal distribution", J. American Statistical Association 64, 1969). That of
    three runs is 5.0 deviations wide to each side. It is not the interval of the mean, which one run need not meet.
    """
    measured = np.asarray(runs, dtype=np.float64)
    measured = measured[~np.isnan(measured)]
    found = significance.spread(measured, level=level)
    if found.n < 2 or found.std == 0 or math.isnan(value):
        return None
    deviation = found.std * math.sqrt(1 + 1 / found.n)
    half = significance.half_width(found.n, level=level) * math.sqrt(found.n) * deviation
    return Placed(found.n, found.mean - half, found.mean + half, (value - found.mean) / deviation)
