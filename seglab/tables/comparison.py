"""How the rows of a table compare: scores over seeds, differences to the baseline row, and what may not be compared.

All scores are fractions. What is not known (an absent class, the deviation of one seed) is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from seglab.tables.model import Measurement, Plan, Published, Row
from seglab.tables.per_image import PerImage


class Interval(NamedTuple):
    """Of 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One column of one row, over its seeds."""

    values: tuple[float | None, ...]  # in the order of the row's seeds
    n: int  # how many of them are known
    mean: float | None
    std: float | None  # of the sample; None below two seeds
    interval: Interval | None  # of the mean over seeds; None below two seeds


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row minus the baseline row, in one column or one class."""

    mean: float | None
    interval: Interval | None
    p: float | None  # two-sided, of this test alone
    p_holm: float | None  # corrected for the other rows of the column (for class deltas: rows and classes)
    p_wilcoxon: float | None  # of the ranks; from six pairs on
    effect: float | None  # Hedges' g_z: mean / deviation of the paired differences, corrected; from three pairs on
    n: int  # how many seeds were paired
    over: Literal["seeds", "images"] | None  # what the interval and p are over; None: no test was possible
    test: str  # in words: "paired t over 3 seeds"
    significant: bool  # p_holm < 0.05 over seeds; what is over images alone says nothing about another training


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
    measurements: tuple[Measurement, ...]  # in the order of the seeds: where the numbers come from


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


def compare(
    plan: Plan, measurements: Sequence[Measurement], images: Mapping[tuple[str, int], PerImage] | None = None
) -> Comparison:
    """The measurements of the plan's rows, in blocks of equal protocol."""
    raise NotImplementedError
