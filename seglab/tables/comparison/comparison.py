"""How the rows of a table compare: scores over seeds, differences to the baseline row, and what may not be compared.

All scores are fractions. What is not known (an absent class, the deviation of one seed) is None.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.evaluation.columns import ALL_CLASSES, CLASS_IOU, COSTS, MCE, measured_by
from seglab.tables.comparison import protocol, sequential
from seglab.tables.comparison.cautions import cautions, listed
from seglab.tables.comparison.corruption import with_corruption_errors
from seglab.tables.comparison.per_image import scores
from seglab.tables.comparison.rows import ImagesOf, RowResult, rows_of
from seglab.tables.comparison.tuning import Trials, chosen_where_reported, unequal_chances
from seglab.tables.plan.columns import expanded, known_classes
from seglab.tables.plan.model import Measurement, Plan, Published

_SAME = 1e-6  # how far the mIoU of the images' counts may lie from the measured one, which may have been rounded

_TIMES = ("latency", "images_per_second")  # columns that are of one device


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """A row of somebody else's, beside which block it may stand."""

    published: Published
    differs: tuple[str, ...]  # what its source states and no block has: "split: test, here val"
    unchecked: tuple[str, ...]  # what cannot be compared: "split (not stated)"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows that were measured the same way; or that are to be, before any is."""

    protocol: Mapping[str, Any]  # what all its measurements share; before, what the plan says of it
    title: str  # what sets it apart from the other blocks: "split test, size 64x128"; "" where it is the only one
    rows: tuple[RowResult, ...]  # in the order of the plan
    published: tuple[PublishedResult, ...]
    class_names: tuple[str, ...]
    images: ImagesOf = field(default_factory=dict, repr=False, compare=False)  # counts of each image, where known


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a table shows."""

    plan: Plan
    blocks: tuple[Block, ...]  # the one with the baseline first; before anything is measured, one for each split
    split_because: tuple[str, ...]  # "size: 64x128 (ce, dice); 128x256 (focal)"; without the splits of the plan
    published_apart: tuple[PublishedResult, ...]  # of another protocol than every block
    warnings: tuple[str, ...]
    missing: tuple[tuple[str, int], ...]  # (row, seed) that are planned and not measured
    trials: Trials = field(default_factory=dict)  # of rows that were tuned
    decisions: Mapping[str, sequential.Decision] = field(default_factory=dict)  # by row, where seeds are added


def compare(
    plan: Plan,
    measurements: Sequence[Measurement],
    images: ImagesOf | None = None,
    *,
    trials: Trials = MappingProxyType({}),
) -> Comparison:
    """The measurements of the plan's rows, in blocks of equal protocol; only rows of one block are compared.

    Rows are paired by seed: seeds that only one of the two has are left out of the difference, and named. One common
    seed is compared over images instead, where `images` has both: that says how the two networks differ, and not
    whether another training would.

    Args:
        images: {(row, seed): counts of each image at the headline's resolution}.
        trials: by which rows were tuned.

    Raises:
        SeglabError: a run was measured twice under one protocol, a column is unknown, or images differ.
    """
    runs = {(row.label, seed) for row in plan.rows for seed in plan.seeds}
    planned = with_corruption_errors(plan, [one for one in measurements if one.key in runs])
    measured = {measurement.key for measurement in planned}
    plan, planned, decisions = sequential.shown(plan, planned)
    if ALL_CLASSES in plan.columns:
        plan = expanded(plan, known_classes(plan, planned))
    _check_columns(plan, planned)
    groups = _grouped(plan, planned)
    keys = protocol.differing([group[0].protocol for group in groups])
    compared = [_block(plan, group, images or {}, keys=keys) for group in groups]
    blocks, published_apart = _with_published(plan, [block for block, _ in compared] or _to_be_measured(plan))
    left_out = sorted(
        {f"{measurement.row} (seed {measurement.seed})" for measurement in measurements if measurement.key not in runs}
    )
    warnings = [f"not in the table's plan, left out: {', '.join(left_out)}"] if left_out else []
    for block, lines in compared:
        where = f" ({block.title})" if block.title else ""
        warnings += [*lines, *cautions(plan, block.rows, where=where)]
    for block in blocks:
        where = f" ({block.title})" if block.title else ""
        labels = {row.label for row in block.rows} or {row.label for row in plan.rows}
        trained = {row.trained_as for row in plan.rows if row.label in labels}
        warnings += chosen_where_reported(trials, block.protocol, rows=trained, where=where)
    warnings += unequal_chances(plan)
    return Comparison(
        plan=plan,
        blocks=blocks,
        split_because=tuple(_reason(key, blocks) for key in keys if not _is_planned(plan, key)),
        published_apart=published_apart,
        warnings=tuple(dict.fromkeys(warnings)),
        missing=tuple(
            (row.label, seed) for row in plan.rows for seed in plan.seeds_of(row) if (row.label, seed) not in measured
        ),
        trials=trials,
        decisions=decisions,
    )


def _to_be_measured(plan: Plan) -> list[Block]:
    """A block without rows for each split: the published ones find their places before anything is measured."""
    protocols: list[dict[str, Any]] = [{"split": split} for split in plan.splits] or [{}]
    return [
        Block(
            protocol=stated,
            title=f"split {stated['split']}" if len(protocols) > 1 else "",
            rows=(),
            published=(),
            class_names=(),
        )
        for stated in protocols
    ]


def _check_columns(plan: Plan, measurements: Sequence[Measurement]) -> None:
    """Raises SeglabError for a column or a class that no run has; where only some have it, the others show nothing."""
    classes = list(dict.fromkeys(name for measurement in measurements for name in measurement.class_iou))
    metrics = dict.fromkeys(name for measurement in measurements for name in measurement.metrics)
    later = [column for column in plan.columns if _is_of_some_rows(plan, column)]  # and may not be measured yet
    columns = [*metrics, *later, *COSTS, *(CLASS_IOU + name for name in (*plan.groups, *classes))]
    named = [("columns", column, columns) for column in plan.columns]
    named += [("groups", name, classes) for group in plan.groups.values() for name in group]
    for key, name, choices in named:
        if measurements and name not in choices:
            raise SeglabError(f"table {plan.name}, {key}: expected some of {', '.join(choices)}; came {name!r}"
                              f"{did_you_mean(name, choices)}")  # fmt: skip


def _is_of_some_rows(plan: Plan, column: str) -> bool:
    """Whether rows may do without a column: those that do not ask for it, or whose baseline is not measured."""
    return column == MCE or (measured_by(column) is not None and any(row.evaluation for row in plan.rows))


def _grouped(plan: Plan, measurements: Sequence[Measurement]) -> list[list[Measurement]]:
    """The measurements by protocol: the baseline's first, then those with most rows; splits as the plan has them.

    Places of a table with `tested_on` stay apart, whatever they differ in: each has a baseline of its own.
    """
    own = {row.label: protocol.decided_by(row.evaluation) for row in plan.rows}
    place_of = {row.label: row.place for row in plan.rows}
    founders: dict[Any, Measurement] = {}  # of each group the first, by the identity of its protocol

    def group_of(measurement: Measurement) -> Any:
        """The group in which it differs by nothing but what its row, or the group's first one, states itself."""
        for identity, first in founders.items():
            if place_of[measurement.row] != place_of[first.row]:
                continue
            stated = own[measurement.row] | own[first.row]
            mine, theirs = (protocol.without(one.protocol, stated) for one in (measurement, first))
            if protocol.identity(mine) == protocol.identity(theirs):
                return identity
        identity = (place_of[measurement.row], protocol.identity(measurement.protocol))
        founders[identity] = measurement
        return identity

    groups: dict[Any, dict[tuple[str, int], Measurement]] = {}
    for measurement in sorted(measurements, key=lambda one: bool(own[one.row])):  # rows as the table states it first
        group = groups.setdefault(group_of(measurement), {})
        other = group.setdefault(measurement.key, measurement)
        if other is not measurement:
            raise SeglabError(
                f"table {plan.name}: expected one measurement of {other.row} with seed {other.seed} under one "
                f"protocol; came {other.folder} and {measurement.folder} - remove one of the two"
            )
    members = [list(group.values()) for group in groups.values()]
    splits = {split: place for place, split in enumerate(plan.splits)}

    def place(group: Sequence[Measurement]) -> tuple[bool, int, int]:
        rows = {measurement.row for measurement in group}
        return rows.isdisjoint(plan.baseline), -len(rows), splits.get(group[0].protocol.get("split", ""), len(splits))

    return sorted(members, key=place)


def _block(
    plan: Plan, group: Sequence[Measurement], images: ImagesOf, *, keys: Sequence[str]
) -> tuple[Block, list[str]]:
    """The block without published rows, and what is said of images that are not used."""
    group, apart = _timed_alike(plan, group)
    fitting, warnings = _fitting(group, images)
    shared = group[0].protocol
    block = Block(
        protocol={key: value for key, value in shared.items() if key not in protocol.NO_DIFFERENCE},
        title=", ".join(f"{protocol.words(key)} {protocol.shown(key, shared)}" for key in keys),
        rows=tuple(_noted(row, shared) for row in rows_of(plan, group, fitting)),
        published=(),
        class_names=tuple(group[0].class_iou),
        images=fitting,
    )
    return block, [*apart, *warnings]


def _noted(row: RowResult, shared: Mapping[str, Any]) -> RowResult:
    """The row with a note of how it was measured, where that differs from the rows beside it."""
    own = row.measurements[0].protocol
    keys = protocol.differing([shared, own])
    if not keys:
        return row
    differs = "scored with " + ", ".join(f"{protocol.words(key)}: {protocol.shown(key, own)}" for key in keys)
    return replace(row, note=differs if row.note is None else f"{row.note}; {differs}")


def _timed_alike(plan: Plan, group: Sequence[Measurement]) -> tuple[list[Measurement], list[str]]:
    """The measurements with the times of one device alone, that of most of them, and what is said of the others."""
    asked = [column for column in _TIMES if column in plan.columns]
    places = Counter(measurement.timed_on for measurement in group if measurement.timed_on)
    if not asked or not places:
        return list(group), []
    ((place, _),) = places.most_common(1)
    lines = [f"{', '.join(asked)}: measured on {place}"]
    others = sorted({measurement.row for measurement in group if measurement.timed_on not in ("", place)})
    if others:
        lines.append(f"{', '.join(others)}: timed on another device or with other images, which do not compare")
    return [
        one if one.timed_on == place else replace(one, latency=None, images_per_second=None) for one in group
    ], lines


def _fitting(group: Sequence[Measurement], images: ImagesOf) -> tuple[ImagesOf, list[str]]:
    """The counts that give the measured mIoU, and what is said of the others."""
    fitting, warnings = {}, []
    for measurement in group:
        counts = images.get(measurement.key)
        if counts is None:
            continue
        miou = float(scores(counts.counts.sum(0))["miou"])
        if abs(miou - measurement.metrics["miou"]) <= _SAME:
            fitting[measurement.key] = counts
        else:
            row, seed = measurement.key
            warnings.append(f"{row}, seed {seed}: the counts of its images give mIoU {miou:.4f} instead of "
                            f"{measurement.metrics['miou']:.4f}: of another evaluation, left out")  # fmt: skip
    return fitting, warnings


def _with_published(plan: Plan, blocks: Sequence[Block]) -> tuple[tuple[Block, ...], tuple[PublishedResult, ...]]:
    """The published rows in the first block that they do not contradict, and those that contradict every block."""
    placed: list[list[PublishedResult]] = [[] for _ in blocks]
    elsewhere = []
    for published in plan.published:
        results = [
            PublishedResult(published=published, differs=differs, unchecked=unchecked)
            for differs, unchecked in (protocol.apart(published, block.protocol) for block in blocks)
        ]
        fitting = [index for index, result in enumerate(results) if not result.differs]
        if fitting:
            placed[fitting[0]].append(results[fitting[0]])
        else:
            elsewhere.append(min(results, key=lambda result: len(result.differs)))
    filled = (replace(block, published=tuple(rows)) for block, rows in zip(blocks, placed, strict=True))
    return tuple(filled), tuple(elsewhere)


def _is_planned(plan: Plan, key: str) -> bool:
    """Whether the blocks differ in what the table asks for itself."""
    if key == "split" and len(plan.splits) > 1:
        return True
    of_places = {decided for stated in plan.tested_on.values() for decided in protocol.decided_by(stated)}
    return bool(plan.tested_on) and (key in protocol.OF_DATA or key in of_places)


def _reason(key: str, blocks: Sequence[Block]) -> str:
    """'split: val (ce, dice); test (ce)'"""
    rows: dict[str, list[str]] = {}
    for block in blocks:
        rows.setdefault(protocol.shown(key, block.protocol), []).extend(row.label for row in block.rows)
    return f"{protocol.words(key)}: " + "; ".join(f"{value} ({listed(labels)})" for value, labels in rows.items())
