"""The learning curves of a block: a group of lines for each row."""

import math
from collections.abc import Mapping

from seglab.pages.chart import Group, Line, chart
from seglab.tables.comparison.comparison import Block
from seglab.tables.plan.model import Measurement


def learning_curves(block: Block, *, colours: Mapping[str, int]) -> str:
    """A <figure>: val mIoU over the validations of each run, a button for each row; "" where no run has a curve.

    Args:
        colours: {label: number of its colour}; a row has the same in every block.
    """
    length = max((len(run.curve) for row in block.rows for run in row.measurements), default=0)
    groups = [Group(row.label, colours[row.label], [_line(run) for run in row.measurements]) for row in block.rows]
    return chart(
        groups,
        label="val mIoU in percent over the validations of the training",
        x_title="validation during training",
        y_title="val mIoU, %",
        x_range=(1, length),
        legend="rows shown",
    )


def _line(run: Measurement) -> Line:
    best = max((100 * value for value in run.curve if math.isfinite(value)), default=math.nan)
    points = [(index + 1, 100 * value) for index, value in enumerate(run.curve)]
    return Line(points, f"{run.row}, seed {run.seed}: best {best:.1f} %")
