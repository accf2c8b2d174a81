"""The parts of a table: the plan that its YAML states, and the measurements of its runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting, trained once for each seed."""

    label: str
    overrides: tuple[str, ...]  # of `python -m seglab.train`, besides those that all rows share
    note: str | None = None


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


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What conf/table/NAME.yaml says."""

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]  # miou, mdice, accuracy, mean_accuracy, fwiou, iou/CLASS, iou/GROUP, parameters, ...
    seeds: tuple[int, ...]
    common: tuple[str, ...] = ()  # overrides of all rows
    baseline: str | None = None  # label of the row that the others are compared with
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # {name: classes whose mean IoU is a column}
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # keys of conf/evaluate.yaml that differ from it
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()


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
