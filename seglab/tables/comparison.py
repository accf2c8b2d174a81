"""How the rows of a table compare: scores over seeds, differences to the baseline row, and what may not be compared.

All scores are fractions. What is not known (an absent class, the deviation of one seed) is None.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seglab import significance
from seglab.errors import SeglabError, did_you_mean
from seglab.tables import protocol
from seglab.tables.differences import COSTS, Difference, Estimate, Interval
from seglab.tables.model import Measurement, Plan, Published
from seglab.tables.per_image import scores
from seglab.tables.rows import ImagesOf, RowResult, common_seeds, rows_of

__all__ = ["Block", "Comparison", "Difference", "Estimate", "Interval", "PublishedResult", "RowResult", "compare"]

_SAME = 1e-6  # how far the mIoU of the images' counts may lie from the measured one, which may have been rounded


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """A row of somebody else's, beside which block it may stand."""

    published: Published
    differs: tuple[str, ...]  # what its source states and no block has: "split: test, here val"
    unchecked: tuple[str, ...]  # what cannot be compared: "split (not stated)"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows that were measured the same way."""

    protocol: Mapping[str, Any]  # what all its measurements share
    title: str  # what sets it apart from the other blocks: "split test, size 64x128"; "" where it is the only one
    rows: tuple[RowResult, ...]  # in the order of the plan
    published: tuple[PublishedResult, ...]
    class_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a table shows."""

    plan: Plan
    blocks: tuple[Block, ...]  # the one with the baseline first
    split_because: tuple[str, ...]  # "size: 64x128 (ce, dice); 128x256 (focal)"; empty with one block
    published_apart: tuple[PublishedResult, ...]  # of another protocol than every block
    warnings: tuple[str, ...]
    missing: tuple[tuple[str, int], ...]  # (row, seed) that are planned and not measured


def compare(plan: Plan, measurements: Sequence[Measurement], images: ImagesOf | None = None) -> Comparison:
    """The measurements of the plan's rows, in blocks of equal protocol; only rows of one block are compared.

    Rows are paired by seed: seeds that only one of the two has are left out of the difference, and named. One common
    seed is compared over images instead, where `images` has both: that says how the two networks differ, and not
    whether another training would.

    Args:
        images: {(row, seed): counts of each image at the headline's resolution}.

    Raises:
        SeglabError: a run was measured twice under one protocol, a column is unknown, or images differ.
    """
    labels = [row.label for row in plan.rows]
    planned = [each for each in measurements if each.row in labels and each.seed in plan.seeds]
    _check_columns(plan, planned)
    groups = _grouped(plan, planned)
    keys = protocol.differing([group[0].protocol for group in groups])
    found = [_block(plan, group, images or {}, keys=keys) for group in groups]
    blocks, published_apart = _with_published(plan, [block for block, _ in found])
    measured = {(each.row, each.seed) for each in planned}
    left_out = sorted({f"{each.row} (seed {each.seed})" for each in measurements if each not in planned})
    warnings = [f"not in the table's plan, left out: {', '.join(left_out)}"] if left_out else []
    for block, lines in found:
        warnings += [*lines, *_cautions(plan, block)]
    return Comparison(
        plan=plan,
        blocks=blocks,
        split_because=tuple(_reason(key, blocks) for key in keys),
        published_apart=published_apart,
        warnings=tuple(
            dict.fromkeys([*warnings, *(line for block, lines in found for line in [*lines, *_cautions(plan, block)])])
        ),
        missing=tuple((label, seed) for label in labels for seed in plan.seeds if (label, seed) not in measured),
    )


def _check_columns(plan: Plan, measurements: Sequence[Measurement]) -> None:
    """Raises SeglabError for a column or a class that no run has; where only some have it, the others show nothing."""
    classes = list(dict.fromkeys(name for each in measurements for name in each.class_iou))
    metrics = dict.fromkeys(name for each in measurements for name in each.metrics)
    known = [*metrics, *COSTS, *(f"iou/{name}" for name in (*plan.groups, *classes))]
    named = [("columns", column, known) for column in plan.columns]
    named += [("groups", name, classes) for group in plan.groups.values() for name in group]
    for key, name, choices in named:
        if measurements and name not in choices:
            raise SeglabError(f"table {plan.name}, {key}: expected some of {', '.join(choices)}; came {name!r}"
                              f"{did_you_mean(name, choices)}")  # fmt: skip


def _grouped(plan: Plan, measurements: Sequence[Measurement]) -> list[list[Measurement]]:
    """The measurements by protocol, those of the baseline's first, then those with most rows."""
    groups: dict[Any, dict[tuple[str, int], Measurement]] = {}
    for each in measurements:
        group = groups.setdefault(protocol.identity(each.protocol), {})
        other = group.setdefault((each.row, each.seed), each)
        if other is not each:
            raise SeglabError(
                f"table {plan.name}: expected one measurement of {each.row} with seed {each.seed} under one protocol; "
                f"came {other.folder} and {each.folder} - remove one of the two"
            )
    found = [list(group.values()) for group in groups.values()]
    return sorted(found, key=lambda group: (plan.baseline not in _rows_of(group), -len(_rows_of(group))))


def _rows_of(group: Sequence[Measurement]) -> set[str]:
    return {each.row for each in group}


def _block(
    plan: Plan, group: Sequence[Measurement], images: ImagesOf, *, keys: Sequence[str]
) -> tuple[Block, list[str]]:
    """The block without published rows, and what is said of images that are not used."""
    fitting, warnings = _fitting(group, images)
    shared = group[0].protocol
    block = Block(
        protocol={key: value for key, value in shared.items() if key not in protocol.NO_DIFFERENCE},
        title=", ".join(f"{protocol.words(key)} {protocol.shown(key, shared)}" for key in keys),
        rows=rows_of(plan, group, fitting),
        published=(),
        class_names=tuple(group[0].class_iou),
    )
    return block, warnings


def _fitting(group: Sequence[Measurement], images: ImagesOf) -> tuple[ImagesOf, list[str]]:
    """The counts that give the measured mIoU, and what is said of the others."""
    found, warnings = {}, []
    for each in group:
        counts = images.get((each.row, each.seed))
        if counts is None:
            continue
        miou = float(scores(counts.counts.sum(0))["miou"])
        if abs(miou - each.metrics["miou"]) <= _SAME:
            found[each.row, each.seed] = counts
        else:
            warnings.append(f"{each.row}, seed {each.seed}: the counts of its images give mIoU {miou:.4f} instead of "
                            f"{each.metrics['miou']:.4f}: of another evaluation, left out")  # fmt: skip
    return found, warnings


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
            elsewhere.append(results[0] if results else PublishedResult(published=published, differs=(), unchecked=()))
    filled = (replace(block, published=tuple(rows)) for block, rows in zip(blocks, placed, strict=True))
    return tuple(filled), tuple(elsewhere)


def _reason(key: str, blocks: Sequence[Block]) -> str:
    """'split: val (ce, dice); test (ce)'"""
    rows: dict[str, list[str]] = {}
    for block in blocks:
        rows.setdefault(protocol.shown(key, block.protocol), []).extend(row.label for row in block.rows)
    return f"{protocol.words(key)}: " + "; ".join(f"{value} ({_listed(labels)})" for value, labels in rows.items())


def _cautions(plan: Plan, block: Block) -> list[str]:
    """What has to be said before anything is read off the block."""
    lines = []
    where = f" ({block.title})" if block.title else ""
    baseline = next((row for row in block.rows if row.is_baseline), None)
    others = [row for row in block.rows if not row.is_baseline]
    if baseline is not None:
        lines += _pairing(baseline, others)
    elif plan.baseline is not None:
        labels = _listed(row.label for row in others)
        lines.append(f"{labels}{where}: not compared, as the baseline {plan.baseline} was not measured alike")
    if any("bootstrap" in one.test for row in others for one in row.differences.values()):
        lines.append("intervals over images are of these trained networks on other images; they say nothing about "
                     "other trainings of the settings, and nothing is called significant by them")  # fmt: skip
    runs = [run for row in block.rows for run in row.measurements]
    if len({run.commit for run in runs}) > 1:
        lines.append(
            f"the rows{where} were measured at different commits: {_listed(_short(run.commit) for run in runs)}"
        )
    if "seconds" in plan.columns and len({(run.device, run.threads) for run in runs}) > 1:
        lines.append(f"seconds{where} were taken on different devices or numbers of threads: they do not compare")
    return lines


def _pairing(baseline: RowResult, others: Sequence[RowResult]) -> list[str]:
    """Few seeds, and seeds without a partner."""
    lines = []
    by_caution: dict[str, list[str]] = {}
    for row in others:
        seeds = common_seeds(row, baseline)
        caution = significance.caution(len(seeds))
        if caution is not None:
            by_caution.setdefault(caution, []).append(row.label)
        for one, other in ((row, baseline), (baseline, row)):
            alone = [str(seed) for seed in one.seeds if seed not in seeds]
            if alone:
                lines.append(f"{row.label} minus {baseline.label}: without seed {', '.join(alone)} of {one.label}, "
                             f"which {other.label} lacks")  # fmt: skip
    return [*(f"{_listed(labels)}: {caution}" for caution, labels in by_caution.items()), *lines]


def _short(commit: str) -> str:
    """'4f1c2a9b and changes' for '4f1c2a9b... and changes'"""
    number, blank, rest = commit.partition(" ")
    return number[:8] + blank + rest or "unknown"


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(labels))
