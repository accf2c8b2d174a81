"""How tables write numbers: fractions in percent or points, costs in their own units, what is not known as a dash."""

import math

from seglab.display.numbers import NOT_THERE, duration
from seglab.evaluation.columns import COSTS, ENSEMBLE_MIOU, class_of
from seglab.tables.comparison.differences import Difference, Estimate, Interval

_LEAST_P = 0.001
ABSENT = "NaN"  # the IoU of a class that is neither in the ground truth nor predicted; a dash is what nobody measured


def number(column: str, value: float | None) -> str:
    """'46.3' of the fraction 0.463, '7.76' of 7.76 million parameters, '3 min 05 s', NaN, or a dash."""
    if value is None:
        return NOT_THERE
    if math.isnan(value):
        return ABSENT
    if column == "seconds":
        return duration(value)
    is_cost = column in COSTS and column != ENSEMBLE_MIOU
    return f"{value / COSTS[column].unit:.3g}" if is_cost else f"{100 * value:.1f}"


def estimate(column: str, score: Estimate) -> str:
    """'46.3 ± 0.4'; without the deviation where one seed has none, or where no seed changes a cost; NaN or a dash."""
    if score.mean is None and class_of(column) is not None:
        return ABSENT
    if score.std is None or (column in COSTS and score.std == 0):
        return number(column, score.mean)
    return f"{number(column, score.mean)} ± {number(column, score.std)}"


def points(value: float | None) -> str:
    """'+1.2', '−0.3' or '0.0' percentage points of a difference of fractions."""
    if value is None:
        return NOT_THERE
    rounded = f"{100 * value:+.1f}"
    return "0.0" if float(rounded) == 0 else rounded.replace("-", "−")


def interval(bounds: Interval | None) -> str:
    """'+0.3 to +2.1'."""
    return NOT_THERE if bounds is None else f"{points(bounds.low)} to {points(bounds.high)}"


def probability(value: float | None) -> str:
    """'p = 0.030' or 'p < 0.001'."""
    if value is None:
        return f"p {NOT_THERE}"
    return f"p < {_LEAST_P}" if value < _LEAST_P else f"p = {value:.3f}"


def sentence(difference: Difference) -> str:
    """All that is known of a difference: '+1.2 points, 95 % +0.3 to +2.1, Holm p = 0.030 (alone p = 0.010), ...'."""
    parts = [f"{points(difference.mean)} points"]
    if difference.interval is not None:
        parts.append(f"95 % {interval(difference.interval)}")
    if difference.p_holm is not None:
        parts.append(f"Holm {probability(difference.p_holm)} (alone {probability(difference.p)})")
    if difference.equality is not None and difference.equality.p is not None:
        within = f"TOST within {100 * difference.equality.margin:g}"
        parts.append(f"{within}: Holm {probability(difference.equality.p_holm)}")
    if difference.p_wilcoxon is not None:
        parts.append(f"Wilcoxon {probability(difference.p_wilcoxon)}")
    if difference.effect is not None:
        parts.append(f"g = {difference.effect:.2f}".replace("-", "−"))
    test = difference.test if difference.over else difference.test.replace("none", "no test", 1)
    return ", ".join([*parts, test])
