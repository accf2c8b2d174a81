"""Whether two rows are equal within a margin that was stated beforehand: what a test of differences cannot show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seglab.tables.comparison import significance


@dataclass(frozen=True, kw_only=True)
class Equality:
    """Of a row and the baseline row, in one column."""

    margin: float  # a fraction, as the scores
    p: float | None  # of this pair alone; None: no test was possible
    p_holm: float | None = None  # corrected for the other rows of the column
    shown: bool = False  # p_holm < 0.05


def equality(values: Sequence[float], baseline: Sequence[float], *, margin: float) -> Equality:
    """Of values that were measured with the same seeds, in the same order; not yet corrected."""
    p = tost(values, baseline, margin=margin)
    return Equality(margin=margin, p=None if math.isnan(p) else p)


def tost(values: Sequence[float], baseline: Sequence[float], *, margin: float) -> float:
    """p of two one-sided paired t tests: small where the mean difference lies between -margin and +margin.

    With mean d, deviation s of n differences: the larger p of (d + margin) / (s / sqrt(n)), tested upwards from zero,
    and (d - margin) / (s / sqrt(n)), tested downwards, n - 1 degrees of freedom. p < 0.05 where the 90 % interval of
    the mean difference lies inside the margin (Schuirmann, "A comparison of the two one-sided tests procedure and the
    power approach for assessing the equivalence of average bioavailability", J. Pharmacokinetics and Biopharmaceutics
    15, 1987; paired: Lakens, "Equivalence tests", Social Psychological and Personality Science 8, 2017). Two rows that
    differ by the margin are called equal in at most 5 % of the cases, if the differences are normal.

    NaN where there is no test: fewer than two pairs, or differences that do not vary. Pairs with a NaN are left out.
    """
    found = significance.paired(values, baseline)
    if math.isnan(found.low):
        return math.nan
    from scipy import special  # type: ignore[import-untyped]

    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    error = float(np.nanstd(differences, ddof=1)) / math.sqrt(found.n)
    nearest = abs(found.mean) - margin  # of both tests, the one that is the harder to pass
    return float(special.stdtr(found.n - 1, nearest / error))
