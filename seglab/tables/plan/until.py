"""The seeds that a table states: a list of them, or a rule by which they are added until the table is settled."""

import math
from collections.abc import Mapping
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.evaluation.columns import ALL_CLASSES, COSTS, MCE
from seglab.tables.plan import yaml_values
from seglab.tables.plan.model import Plan, Until
from seglab.tables.plan.yaml_values import require

MOST = 100  # seeds at most: the boundaries of so many looks take some seconds
_KEYS = ("until", "at_most", "first", "step")
_RULE = ("column", "half_width", "or_differs")


def read(values: Mapping[str, Any], *, where: str) -> tuple[tuple[int, ...], Until | None]:
    """The seeds, all that there may be, and the rule; None where they are a list.

    Raises:
        SeglabError: names the first thing that is wrong.
    """
    stated = values.get("seeds")
    if not isinstance(stated, dict):
        return yaml_values.whole_numbers(values, "seeds", where=where), None
    here = f"{where}: seeds"
    _check_keys(stated, _KEYS, needed=("until", "at_most"), where=here)
    rule = stated["until"]
    require(isinstance(rule, dict), f"{here}.until", "{column: ..., half_width: POINTS, or_differs: true}", repr(rule))
    _check_keys(rule, _RULE, needed=(), where=f"{here}.until")
    width = rule.get("half_width")
    is_width = type(width) in (int, float) and 0 < width < math.inf
    require(width is None or is_width, f"{here}.until.half_width", "percentage points > 0", repr(width))
    differs = rule.get("or_differs", True)
    require(type(differs) is bool, f"{here}.until.or_differs", "true or false", repr(differs))
    require(differs or width is not None, f"{here}.until", "half_width or or_differs: true", "neither - state one")
    first = _whole(stated.get("first", 3), 2, where=f"{here}.first")
    step = _whole(stated.get("step", 1), 1, where=f"{here}.step")
    most = _whole(stated["at_most"], first, where=f"{here}.at_most")
    require(most <= MOST, f"{here}.at_most", f"{MOST} or fewer", str(most))
    column = yaml_values.said(rule, "column", where=f"{here}.until")
    columns = values.get("columns")
    if column is None and isinstance(columns, list):
        column = next((name for name in columns if name not in (*COSTS, ALL_CLASSES, MCE)), None)
    require(column is not None, f"{here}.until.column", "a score", "none - name one")
    assert column is not None
    until = Until(
        column=column, half_width=None if width is None else float(width), or_differs=differs,
        first=first, step=step, at_most=most,
    )  # fmt: skip
    return until.seeds, until


def check(plan: Plan, *, where: str) -> None:
    """Raises SeglabError for a rule that the rest of the table does not go with."""
    if plan.until is None:
        return
    here = f"{where}: seeds.until"
    scores = [column for column in plan.columns if column not in (*COSTS, ALL_CLASSES, MCE)]
    if plan.until.column not in scores:
        raise SeglabError(f"{here}.column: expected a score of the table's columns, {', '.join(scores)}; "
                          f"came {plan.until.column!r}{did_you_mean(plan.until.column, scores)}")  # fmt: skip
    require(len(plan.baseline) == 1, here, "one baseline, from which the rows differ or do not",
            ", ".join(plan.baseline) or "none - name it")  # fmt: skip
    require(bool(plan.compared), here, "a row beside the baseline", "none - add one")
    splits = {split for row in plan.rows for split in plan.splits_of(row)}
    require(len(splits) < 2, here, "one split, on which it is settled", ", ".join(sorted(splits)))
    require(not plan.tested_on, here, "a table without tested_on", "one - list the seeds")
    beside = {"margin": plan.margin, "ranks": plan.ranks, "factors": plan.factors,
              "published: of": any(row.of is not None for row in plan.published)}  # fmt: skip
    for key, stated in beside.items():
        require(not stated, f"{where}: {key}", "a list of seeds beside it",
                "seeds that are added until it is settled, whose number depends on what they show - list the seeds, or "
                f"leave {key} out")  # fmt: skip


def _check_keys(stated: Mapping[str, Any], keys: tuple[str, ...], *, needed: tuple[str, ...], where: str) -> None:
    for key in stated:
        if key not in keys:
            near = did_you_mean(str(key), keys)
            raise SeglabError(f"{where}: no key {key!r}{near or '; expected some of ' + ', '.join(keys)}")
    for key in needed:
        if stated.get(key) is None:
            raise SeglabError(f"{where}: expected the key {key!r}; it is not there - add it")


def _whole(value: Any, at_least: int, *, where: str) -> int:
    require(type(value) is int and value >= at_least, where, f"a whole number >= {at_least}", repr(value))
    return int(value)
