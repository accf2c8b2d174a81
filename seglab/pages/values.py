"""Values of a file that may hold anything: what is not of the right kind counts as not there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HUGE = 1e300  # what is larger counts and measures nothing
_MOST_CLASSES = 256  # train ids are bytes


@dataclass(frozen=True)
class Score:
    """What a checkpoint or an evaluation measured. All fractions; NaN where a class has none."""

    epoch: int | None = None  # counted from 1
    metrics: Mapping[str, float] = field(default_factory=dict)  # {"miou": ..., "loss": ...}
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # {name: {"iou", "dice", "pixels", ...}}


def number(value: Any) -> float:
    """The value as a finite number; NaN for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE
    return float(value) if is_number else math.nan


def whole(value: Any) -> int | None:
    """The value as a whole number; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value as a mapping; an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def score_of(value: Any) -> Score:
    """Of "best" in a record, or of a resolution in metrics.json."""
    node = mapping(value)
    epoch = whole(node.get("epoch"))
    classes = list(mapping(node.get("classes")).items())[:_MOST_CLASSES]
    return Score(
        epoch=None if epoch is None else epoch + 1,
        metrics={name: number(value) for name, value in mapping(node.get("metrics")).items()},
        classes={name: {key: number(value) for key, value in mapping(one).items()} for name, one in classes},
    )
