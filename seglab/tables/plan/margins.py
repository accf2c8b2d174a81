"""The difference that a table counts as none, which its YAML states before anything is measured."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seglab.errors import did_you_mean
from seglab.evaluation.columns import ALL_CLASSES, COSTS, class_of
from seglab.tables.plan.model import Plan
from seglab.tables.plan.yaml_values import require

_MOST = 50.0  # points; beyond it, the user means something else


def read(values: Mapping[str, Any], *, columns: Sequence[str], baseline: bool, where: str) -> dict[str, float]:
    """{column: percentage points} that the key `margin` states; one number is meant for all columns of scores.

    Raises:
        SeglabError: it is no number of points, is of a column that the table does not show, or there is no baseline.
    """
    stated = values.get("margin")
    if stated is None:
        return {}
    here = f"{where}: margin"
    require(baseline, here, "a baseline, from which rows may differ by so little", "none - name one, or leave it out")
    scores = [column for column in columns if column not in COSTS]
    if not isinstance(stated, dict):
        return dict.fromkeys(scores, _points(stated, where=here))
    for column in stated:
        near = did_you_mean(str(column), scores)
        require(column in scores, here, f"columns of scores in the table ({', '.join(scores)})", f"{column!r}{near}")
    return {column: _points(points, where=f"{here}.{column}") for column, points in stated.items()}


def margins_of(plan: Plan) -> dict[str, float]:
    """{column: margin as a fraction} of the columns that have one; what is stated of iou/* is so of every class."""
    of_classes = {column: plan.margin.get(ALL_CLASSES) for column in plan.columns if class_of(column) is not None}
    stated = {column: plan.margin.get(column, of_classes.get(column)) for column in plan.columns}
    return {column: points / 100 for column, points in stated.items() if points is not None and column not in COSTS}


def _points(value: Any, *, where: str) -> float:
    is_number = type(value) in (int, float) and math.isfinite(value)
    require(is_number and 0 < value <= _MOST, where, f"percentage points above 0 and at most {_MOST:g}", repr(value))
    return float(value)
