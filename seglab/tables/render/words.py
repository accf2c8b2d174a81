"""How tables write numbers: fractions in percent or points, costs in their own units, what is not known as a dash."""

import math
from html import escape

from seglab.display.numbers import NOT_THERE, duration
from seglab.tables.comparison.differences import Difference, Estimate, Interval
from seglab.tables.plan.read import CLASS_IOU, COSTS

_UNITS = {"parameters": ("M params", 1e6), "flops": ("GFLOPs", 1e9), "seconds": ("training", 1.0)}
_TITLES = {
    "miou": "mIoU",
    "mdice": "mean Dice",
    "accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "fwiou": "fw. IoU",
    "boundary_f1": "boundary F1",
    "boundary_iou": "boundary IoU",
    "ece": "ECE",
    "batch_absent1": "Dice, batch, absent = 1",
    "image_gt_present": "Dice, image, present classes",
    "image_gt_present_iou": "IoU, image, present classes",
    "accuracy_void_wrong": "accuracy, void wrong",
    "official_iou": "class IoU",
    "official_iiou": "class iIoU",
    "official_category_iou": "category IoU",
    "official_category_iiou": "category iIoU",
}
_LEAST_P = 0.001
ABSENT = "NaN"  # the IoU of a class that is neither in the ground truth nor predicted; a dash is what nobody measured


def text(value: object) -> str:
    """The value where it is shown as text or stands in a quoted attribute, whatever it contains."""
    return escape(str(value), quote=True)


def title(column: str) -> str:
    """'mIoU %', 'IoU pole %', 'GFLOPs'."""
    if column in _UNITS:
        return _UNITS[column][0]
    name = f"IoU {column.removeprefix('iou/')}" if column.startswith("iou/") else _TITLES.get(column, column)
    return f"{name} %"


def number(column: str, value: float | None) -> str:
    """'46.3' of the fraction 0.463, '7.76' of 7.76 million parameters, '3 min 05 s', NaN, or a dash."""
    if value is None:
        return NOT_THERE
    if math.isnan(value):
        return ABSENT
    if column == "seconds":
        return duration(value)
    return f"{value / _UNITS[column][1]:.3g}" if column in _UNITS else f"{100 * value:.1f}"


def estimate(column: str, found: Estimate) -> str:
    """'46.3 ± 0.4'; without the deviation where one seed has none, or where no seed changes a cost; NaN or a dash."""
    if found.mean is None and column.startswith(CLASS_IOU):
        return ABSENT
    if found.std is None or (column in COSTS and found.std == 0):
        return number(column, found.mean)
    return f"{number(column, found.mean)} ± {number(column, found.std)}"


def points(value: float | None) -> str:
    """'+1.2', '−0.3' or '0.0' percentage points of a difference of fractions."""
    if value is None:
        return NOT_THERE
    rounded = f"{100 * value:+.1f}"
    return "0.0" if float(rounded) == 0 else rounded.replace("-", "−")


def interval(found: Interval | None) -> str:
    """'+0.3 to +2.1'."""
    return NOT_THERE if found is None else f"{points(found.low)} to {points(found.high)}"


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
    if difference.p_wilcoxon is not None:
        parts.append(f"Wilcoxon {probability(difference.p_wilcoxon)}")
    if difference.effect is not None:
        parts.append(f"g = {difference.effect:.2f}".replace("-", "−"))
    test = difference.test if difference.over else difference.test.replace("none", "no test", 1)
    return ", ".join([*parts, test])
