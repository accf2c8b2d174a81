"""The parts of a table: the plan that its YAML states, and the measurements of its runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seglab.tables.plan.design import Design
from seglab.tables.plan.noise import SeedDesign
from seglab.tables.plan.tuning import Tune


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting, trained once for each seed."""

    label: str
    overrides: tuple[str, ...] = ()  # of `python -m seglab.train`, besides those that all rows share
    note: str | None = None
    starts_from: str | None = None  # label of the row whose run of the same seed gives the first weights
    learns_from: str | None = None  # label of the row whose run of the same seed is its teacher
    downsample: int | None = None  # no training: the ground truth, down- and up-sampled by this factor, is scored
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # keys that differ from the table's
    training: str | None = None  # of a table with `tested_on`: the label of the row that its YAML states
    place: str | None = None  # and where it is tested
    tune: Tune | None = None  # the trials by which further overrides are chosen
    levels: tuple[str, ...] = ()  # of a table with factors: the label of its level of each

    @property
    def needs(self) -> str | None:
        """The label of the row that has to be trained before."""
        return self.starts_from or self.learns_from

    @property
    def needed_as(self) -> str:
        """The key of conf/train.yaml that names the run of that row."""
        return "init_from" if self.learns_from is None else "teacher"

    @property
    def trained_as(self) -> str:
        """The label of the row that its YAML states."""
        return self.training or self.label


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of somebody else's. What the source does not say is None."""

    label: str
    values: Mapping[str, float]  # {column: fraction}
    source: str
    split: str | None = None
    resolution: str | None = None
    pretraining: str | None = None
    verified: bool = False  # read in the source itself, or computed again
    note: str | None = None
    of: str | None = None  # label of the row of ours that reproduces it


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A reduced form of a table."""

    overrides: tuple[str, ...]  # of all rows, behind their own
    seeds: tuple[int, ...] | None = None  # None: those of the table
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # keys that differ from the table's
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Until:
    """When a row has enough seeds: they are added look by look, until its difference to the baseline is settled."""

    column: str  # whose difference is looked at
    half_width: float | None  # percentage points: its interval is narrow enough
    or_differs: bool  # from the baseline, which ends it as well
    first: int  # seeds at the first look
    step: int  # seeds more at each one
    at_most: int  # seeds at the last look

    @property
    def seeds(self) -> tuple[int, ...]:
        """All that there may be."""
        return tuple(range(1, self.at_most + 1))

    @property
    def looks(self) -> tuple[int, ...]:
        """How many seeds there are at each."""
        return (*range(self.first, self.at_most, self.step), self.at_most)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What conf/table/NAME.yaml says."""

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]  # miou, mdice, accuracy, mean_accuracy, iou/CLASS, iou/GROUP, iou/* (all classes), ...
    seeds: tuple[int, ...]
    common: tuple[str, ...] = ()  # overrides of all rows
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # {factor: labels of its levels}, for rows
    design: Design = field(default_factory=Design)  # and which of their combinations are rows
    baseline: tuple[str, ...] = ()  # labels of the rows that others are compared with, at most one in each block
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # {name: classes whose mean IoU is a column}
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # keys of conf/evaluate.yaml; `split` may be a list
    tested_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # {title: keys of the evaluation there}
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()  # what the source leaves unsaid or contradicts, and what is done here
    budgets: Mapping[str, Budget] = field(default_factory=dict)  # {"smoke": ..., "short": ...}
    budget: str = "full"  # the form of the table that this plan is; no key of the YAML
    margin: Mapping[str, float] = field(default_factory=dict)  # {column: points within which rows count as equal}
    ranks: bool = False  # whether to say how sure the ranks of the rows are
    noise: SeedDesign | None = None  # where each source of chance has seeds: what the numbers in `seeds` stand for
    until: Until | None = None  # the rule by which seeds are added; `seeds` are then all that there may be
    reached: Mapping[str, int] = field(default_factory=dict)  # {label: seeds} that the rule asks for by now; no key
    transposed: bool = False  # printed with the columns as lines: for many classes
    tune: Tune | None = None  # of the rows that state none themselves

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are named; none where that is left to the evaluation."""
        return _splits(self.evaluation)

    def evaluation_of(self, row: Row) -> dict[str, Any]:
        """What the table states of the evaluation of a row, and the row above it."""
        return {**self.evaluation, **row.evaluation}

    def splits_of(self, row: Row) -> tuple[str, ...]:
        """As `splits`, of a row that may state its own."""
        return _splits(self.evaluation_of(row))

    def seed_settings(self, seed: int) -> dict[str, Any]:
        """{key of conf/train.yaml: value} of a run, which is known by this seed or number."""
        if self.noise is None:
            return {"seed": seed}
        return {f"seeds.{key}": value for key, value in self.noise.settings(seed).items()}

    @property
    def counted_seeds(self) -> tuple[int, ...]:
        """Without a repetition, which is compared with the run that it repeats and counts nowhere."""
        return tuple(seed for seed in self.seeds if self.noise is None or not self.noise.is_repetition(seed))

    def seeds_of(self, row: Row) -> tuple[int, ...]:
        """The seeds that a row is measured with: without a training they make no difference."""
        if row.downsample is not None:
            return self.seeds[:1]
        return self.seeds[: self.reached.get(row.label, len(self.seeds))]

    @property
    def compared(self) -> tuple[str, ...]:
        """The labels of the rows that are trained and compared with a baseline."""
        return tuple(row.label for row in self.rows if row.downsample is None and row.label not in self.baseline)


def _splits(evaluation: Mapping[str, Any]) -> tuple[str, ...]:
    split = evaluation.get("split")
    return () if split is None else (split,) if isinstance(split, str) else tuple(split)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The scores of one finished run, as fractions, and where they come from."""

    row: str  # label
    seed: int
    metrics: Mapping[str, float]  # miou, mdice, accuracy, mean_accuracy, fwiou
    class_iou: Mapping[str, float]  # NaN where the class is absent
    protocol: Mapping[str, Any]  # as evaluate stores it; measurements of unequal ones are not compared
    curve: tuple[float, ...]  # val/miou after each validation of the training
    fingerprint: str  # of the configuration
    folder: str  # of the run, relative to the output folder
    commit: str
    command: str
    parameters: int
    flops: float | None  # of one image
    seconds: float
    threads: int
    device: str
    latency: float | None = None  # milliseconds from the bytes of an image to its label map
    images_per_second: float | None = None
    ensemble_miou: float | None = None  # of the mean of the row's seeds, by the same protocol
    timed_on: str = ""  # the device, the threads and the size of the images with which these two were measured

    @property
    def key(self) -> tuple[str, int]:
        """By which a table knows its runs."""
        return self.row, self.seed
