"""Trained on x, tested on y: a line for each training, a column for each place."""

import math
from collections.abc import Sequence

from seglab.display.numbers import NOT_THERE, exact, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, title
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.comparison.rows import RowResult
from seglab.tables.render.words import estimate


def matrix_sheet(comparison: Comparison) -> Sheet:
    """The first column of scores of every training at every place; the classes that a place does not have."""
    plan = comparison.plan
    column = next(name for name in plan.columns if name not in COSTS)
    results = {row.label: row for block in comparison.blocks for row in block.rows}
    planned = {(row.training, row.place): results.get(row.label) for row in plan.rows}
    rows = [
        [word(str(training)), *(_cell(planned.get((training, place)), column) for place in plan.tested_on)]
        for training in dict.fromkeys(row.training for row in plan.rows)
    ]
    notes = [
        f"{place}: {', '.join(absent)} neither there nor predicted, left out of its means"
        for place in plan.tested_on
        if (absent := _absent([row for (_, where), row in planned.items() if where == place and row is not None]))
    ]
    notes += [
        f"{training} on {place}: without {', '.join(other)}, which are no classes there"
        for (training, place), row in planned.items()
        if row is not None
        and (other := _not_there(row, [one for (name, _), one in planned.items() if name == training]))
    ]
    return Sheet(
        caption=f"{plan.title}: {title(column)}, trained on (line) and tested on (column)",
        header=["trained on", *plan.tested_on],
        rows=rows,
        notes=notes,
    )


def _cell(row: RowResult | None, column: str) -> Cell:
    if row is None:
        return Cell(NOT_THERE, "")
    score = row.columns[column]
    return Cell(estimate(column, score), exact(score.mean))


def _not_there(row: RowResult, of_training: Sequence[RowResult | None]) -> list[str]:
    """The classes that the same training was scored by elsewhere: left out of the mapping."""
    known = row.measurements[0].class_iou
    everywhere = dict.fromkeys(name for one in of_training if one is not None for name in one.measurements[0].class_iou)
    return [name for name in everywhere if name not in known]


def _absent(rows: list[RowResult]) -> list[str]:
    """The classes that no run found, nor could: NaN in all of them."""
    classes = dict.fromkeys(name for row in rows for run in row.measurements for name in run.class_iou)
    return [
        name
        for name in classes
        if all(math.isnan(run.class_iou.get(name, math.nan)) for row in rows for run in row.measurements)
    ]
