"""The rows of one block: their scores over seeds, and how they differ from the baseline row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seglab.evaluation.columns import CLASS_IOU, COSTS
from seglab.tables.comparison import differences
from seglab.tables.comparison.boundaries import Boundaries
from seglab.tables.comparison.differences import Difference, Estimate
from seglab.tables.comparison.equivalence import equality
from seglab.tables.comparison.per_image import PerImage
from seglab.tables.comparison.sequential import boundaries_of
from seglab.tables.plan.margins import margins_of
from seglab.tables.plan.model import Measurement, Plan, Row

ImagesOf = Mapping[tuple[str, int], PerImage]  # by row and seed


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """A row of the table, measured under the protocol of its block."""

    label: str
    note: str | None
    is_baseline: bool
    seeds: tuple[int, ...]  # that were measured
    n: int  # how many
    columns: Mapping[str, Estimate]  # in the order of the plan
    differences: Mapping[str, Difference]  # by column; without costs; empty where there is nothing to compare with
    classes: Mapping[str, Estimate]  # IoU of each class
    class_deltas: Mapping[str, Difference]  # by class; empty as `differences`
    measurements: tuple[Measurement, ...]  # in the order of the seeds, and a repetition: where the numbers come from


def rows_of(plan: Plan, measurements: Sequence[Measurement], images: ImagesOf) -> tuple[RowResult, ...]:
    """The rows that were measured, in the order of the plan, compared with the baseline where that was measured.

    Args:
        measurements: all of one protocol.
        images: counts of each image for some of the measurements.
    """
    runs = {row.label: _of_row(plan, measurements, row.label) for row in plan.rows}
    baseline = next((label for label in plan.baseline if runs[label]), None)
    rows = [_row(plan, row, runs[row.label], is_baseline=row.label == baseline) for row in plan.rows if runs[row.label]]
    if baseline is None:
        return tuple(rows)
    compared = [row if row.is_baseline else _compared(plan, row, runs[baseline], images) for row in rows]
    return tuple(_corrected(plan, compared))


def common_seeds(row: RowResult, baseline: RowResult) -> tuple[int, ...]:
    return tuple(seed for seed in row.seeds if seed in baseline.seeds)


def _of_row(plan: Plan, measurements: Sequence[Measurement], label: str) -> tuple[Measurement, ...]:
    runs = [run for run in measurements if run.row == label]
    return tuple(sorted(runs, key=lambda run: plan.seeds.index(run.seed)))


def _row(plan: Plan, row: Row, runs: tuple[Measurement, ...], *, is_baseline: bool) -> RowResult:
    looks = boundaries_of(plan)
    counted = [run for run in runs if run.seed in plan.counted_seeds]

    def estimate(column: str) -> Estimate:
        values = [differences.value(run, column, groups=plan.groups) for run in counted]
        found = differences.estimate(values, looks=looks)
        return found if plan.noise is None else replace(found, interval=None)  # of runs that share seeds there is none

    return RowResult(
        label=row.label,
        note=row.note,
        is_baseline=is_baseline,
        seeds=tuple(run.seed for run in counted),
        n=len(counted),
        columns={column: estimate(column) for column in plan.columns},
        differences={},
        classes={
            name: differences.estimate([run.class_iou[name] for run in counted], looks=looks)
            for name in runs[0].class_iou
        },
        class_deltas={},
        measurements=runs,
    )


def _compared(plan: Plan, row: RowResult, baseline: Sequence[Measurement], images: ImagesOf) -> RowResult:
    """The row with its differences, not yet corrected for the other rows."""
    pairs = [(run, other) for run in row.measurements for other in baseline if run.seed == other.seed]
    looks = boundaries_of(plan)
    if looks is not None:
        images = {}  # one seed is no look
    scores = [column for column in plan.columns if column not in COSTS]
    class_ious = [CLASS_IOU + name for name in row.classes]
    return replace(
        row,
        differences=_differences(scores, pairs, images, groups=plan.groups, margins=margins_of(plan), looks=looks),
        class_deltas={
            column.removeprefix(CLASS_IOU): delta
            for column, delta in _differences(class_ious, pairs, images, groups={}, margins={}, looks=looks).items()
        },
    )


def _differences(
    columns: Sequence[str],
    pairs: Sequence[tuple[Measurement, Measurement]],
    images: ImagesOf,
    *,
    groups: Mapping[str, Sequence[str]],
    margins: Mapping[str, float],
    looks: Boundaries | None,
) -> dict[str, Difference]:
    """{column: row minus baseline}: over seeds; over images where there is one seed and the counts of both."""

    def values(side: int, column: str) -> list[float]:
        return [differences.value(pair[side], column, groups=groups) for pair in pairs]

    by_column = {
        column: differences.over_seeds(values(0, column), values(1, column), looks=looks) for column in columns
    }
    if len(pairs) == 1:
        keys = [run.key for run in pairs[0]]
        if all(key in images for key in keys):
            names = [f"{row}, seed {seed}" for row, seed in keys]
            run, other = (images[key] for key in keys)
            by_column |= differences.over_images(run, other, columns, groups=groups, names=(names[0], names[1]))
    for column in margins.keys() & by_column.keys():
        equal = equality(values(0, column), values(1, column), margin=margins[column])
        by_column[column] = replace(by_column[column], equality=equal)
    return by_column


def _corrected(plan: Plan, rows: Sequence[RowResult]) -> list[RowResult]:
    """Corrected for the number of tests: in a column, of the rows; of the class deltas, of rows and classes."""
    others = [row for row in rows if not row.is_baseline]
    planned = len(plan.compared) if plan.until is not None else 0
    by_column = {
        column: differences.corrected([row.differences[column] for row in others], planned=planned)
        for column in plan.columns
        if column not in COSTS
    }
    of_classes = [delta for row in others for delta in row.class_deltas.values()]
    classes = max((len(row.class_deltas) for row in others), default=0)
    deltas = iter(differences.corrected(of_classes, planned=planned * classes))
    corrected = {
        row.label: replace(
            row,
            differences={column: family[index] for column, family in by_column.items()},
            class_deltas={name: next(deltas) for name in row.class_deltas},
        )
        for index, row in enumerate(others)
    }
    return [corrected.get(row.label, row) for row in rows]
