"""A comparison as a CSV with every digit: one line for each row, for whoever draws or computes further."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from seglab.display.csv_text import as_cell
from seglab.evaluation.columns import CLASS_IOU, COSTS
from seglab.tables.comparison.comparison import Block, Comparison, PublishedResult
from seglab.tables.comparison.differences import Difference, Estimate
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.margins import margins_of
from seglab.tables.plan.model import Plan, Row
from seglab.tables.render.marks import verdict

_DIFFERENCE = ("mean", "low", "high", "p", "p_holm", "p_wilcoxon", "effect", "pairs", "test")
_EQUALITY = ("margin", "p_equal", "p_equal_holm", "verdict")
_PUBLISHED = ("source", "split", "resolution", "pretraining", "verified", "note")


def to_csv(comparison: Comparison) -> str:
    """One line for each row, fractions with every digit; empty where nothing is known."""
    columns, margins = comparison.plan.columns, margins_of(comparison.plan)
    classes = list(dict.fromkeys(CLASS_IOU + name for block in comparison.blocks for name in block.class_names))
    levels = {row.label: _levels(comparison.plan, row) for row in comparison.plan.rows}
    header = ["block", "row", "kind", *map(_factor, comparison.plan.factors), "seeds", *_PUBLISHED]
    for column in columns:
        header += [column, f"{column} std", f"{column} n", f"{column} low", f"{column} high"]
        names = (*_DIFFERENCE, *(_EQUALITY if column in margins else ()))
        header += [] if column in COSTS else [f"{column} difference {name}" for name in names]
    published = [name for result in published_results(comparison) for name in result.published.values]
    header += [name for name in dict.fromkeys([*classes, *published]) if name not in columns]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, header, restval="", lineterminator="\n")
    writer.writeheader()  # names of columns, none of which begins like a formula
    for block in comparison.blocks:
        measured = (_measured_line(row, block, columns=columns) | levels[row.label] for row in block.rows)
        writer.writerows(map(_cells, measured))
        writer.writerows(_cells(_published_line(result, block=block.title)) for result in block.published)
    writer.writerows(_cells(_published_line(result, block="apart")) for result in comparison.published_apart)
    return buffer.getvalue()


def _factor(name: str) -> str:
    """The column of a factor: it may be named like another one."""
    return f"factor {name}"


def _levels(plan: Plan, row: Row) -> dict[str, str]:
    return {_factor(name): level for name, level in zip(plan.factors, row.levels, strict=True)}


def published_results(comparison: Comparison) -> list[PublishedResult]:
    return [*(result for block in comparison.blocks for result in block.published), *comparison.published_apart]


def _measured_line(row: RowResult, block: Block, *, columns: Sequence[str]) -> dict[str, str]:
    line = {"block": block.title, "row": row.label, "kind": "measured", "note": row.note or ""}
    line["seeds"] = " ".join(map(str, row.seeds))
    for name, iou in row.classes.items():
        line[CLASS_IOU + name] = _exact(iou.mean)
    for column in columns:
        line |= _estimate_fields(column, row.columns[column])
        if column in row.differences:
            line |= _difference_fields(column, row.differences[column])
    return line


def _estimate_fields(column: str, estimate: Estimate) -> dict[str, str]:
    low, high = estimate.interval or (None, None)
    return {
        column: _exact(estimate.mean),
        f"{column} std": _exact(estimate.std),
        f"{column} n": str(estimate.n),
        f"{column} low": _exact(low),
        f"{column} high": _exact(high),
    }


def _difference_fields(column: str, difference: Difference) -> dict[str, str]:
    low, high = difference.interval or (None, None)
    values = {**vars(difference), "low": low, "high": high, "pairs": difference.n}
    names: tuple[str, ...] = _DIFFERENCE
    if (equality := difference.equality) is not None:
        values |= {"margin": equality.margin, "p_equal": equality.p, "p_equal_holm": equality.p_holm}
        values["verdict"] = verdict(difference)
        names = (*_DIFFERENCE, *_EQUALITY)
    return {f"{column} difference {name}": _exact(values[name]) for name in names}


def _published_line(result: PublishedResult, *, block: str) -> dict[str, str]:
    published = result.published
    line = {name: getattr(published, name) or "" for name in _PUBLISHED}
    line |= {"block": block, "row": published.label, "kind": "published", "verified": str(published.verified).lower()}
    return line | {column: _exact(value) for column, value in published.values.items()}


def _cells(line: Mapping[str, str]) -> dict[str, str]:
    return {name: as_cell(value) for name, value in line.items()}


def _exact(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)
