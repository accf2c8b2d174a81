"""What has to be measured for one row of a table with one seed, so that what was measured can be found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from seglab import runs
from seglab.evaluation.columns import OFFICIAL, measured_by
from seglab.tables.plan.model import Plan, Row
from seglab.tables.survey import control
from seglab.tables.survey.measurements import wanted_protocols


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """By which a measurement is recognised."""

    row: str
    seed: int
    fingerprint: str
    protocols: Mapping[str, Mapping[str, Any]]  # by the data set's own name of the split
    splits: Mapping[str, str]  # the same splits as an evaluation is asked for them: {"test_15": "test"}
    extra: tuple[str, ...]  # of the evaluation
    factor: int | None  # of the down-sampling, where nothing is trained


def fingerprints(
    plan: Plan, configurations: Mapping[tuple[str, int], DictConfig], *, settings: Mapping[str, Any]
) -> set[str]:
    """Of all that the table measures."""
    rows = {row.label: row for row in plan.rows}
    return {
        wanted(plan, rows[label], seed=seed, config=runs.plain(cfg), settings=settings).fingerprint
        for (label, seed), cfg in configurations.items()
    }


def wanted(plan: Plan, row: Row, *, seed: int, config: Mapping[str, Any], settings: Mapping[str, Any]) -> Wanted:
    """Of a row with one seed.

    Args:
        config: the resolved configuration of the run.
        settings: the resolved values of conf/evaluate.yaml for this row.
    """
    asked = wanted_protocols(plan, row, settings, config)
    fingerprint = runs.fingerprint(config)
    if row.downsample is not None:
        asked = {split: control.wanted_protocol(protocol) for split, protocol in asked.items()}
        fingerprint = control.fingerprint(settings["data"] or config["data"], factor=row.downsample)
    official = any(measured_by(column) == OFFICIAL for column in plan.columns)
    return Wanted(
        row=row.label,
        seed=seed,
        fingerprint=fingerprint,
        protocols={protocol["split"]: protocol for protocol in asked.values()},
        splits={protocol["split"]: split for split, protocol in asked.items()},
        extra=(*settings["extra"], *([OFFICIAL] if official else [])),
        factor=row.downsample,
    )
