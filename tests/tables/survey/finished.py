"""A table of two losses, the evaluations of their runs, and what a survey says of them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from seglab.tables.plan.model import Measurement, Plan, Row
from seglab.tables.survey.survey import Survey, survey

DATA = {
    "size": [64, 128], "val_split": "val", "test_split": "test_15", "prepare": None,
    "source": {"_target_": "seglab.data.bdd.Bdd"},
}  # fmt: skip
SETTINGS = {
    "data": None, "split": "test", "size": "run", "tile": None, "overlap": 0.25, "limit": None, "resolution": "both",
    "scales": [1.0], "flip": False, "post": None, "checkpoint": "best", "extra": [],
    "uncertainty": None, "calibrated": None,
    "corruption": None, "severity": [1], "seed": 1, "classes": "same",
}  # fmt: skip
PROTOCOL = {
    "dataset": "bdd", "split": "test_15", "limit": None, "resolution": "original",
    "resolutions": ["original", "network"], "size": [64, 128], "scales": [1.0], "flip": False, "tile": None,
    "overlap": None, "checkpoint": "best", "epoch": 3, "step": 40, "fingerprint": "abc",
}  # fmt: skip
PLAN = Plan(
    name="t",
    title="T",
    source="s",
    rows=(Row(label="ce", overrides=()), Row(label="dice", overrides=())),
    columns=("miou",),
    seeds=(1, 2),
)
SPLITS = replace(PLAN, evaluation={"split": ["val", "test"]})


def config(row: str, seed: int) -> DictConfig:
    return OmegaConf.create({"loss": row, "seed": seed, "data": DATA})


CONFIGURATIONS = {(row, seed): config(row, seed) for row in ("ce", "dice") for seed in (1, 2)}


def scores(miou: float) -> dict:
    return {
        "metrics": {"miou": miou, "mdice": miou + 0.1},
        "classes": {"road": {"iou": miou}, "tram": {"iou": math.nan}},
    }


def evaluation(miou: float, **changes: object) -> dict:
    return {
        "folder": "evaluations/x", "protocol": {**PROTOCOL, **changes}, "original": scores(miou),
        "network": scores(miou / 2),
    }  # fmt: skip


def surveyed(
    output: Path, *, plan: Plan = PLAN, committed: Sequence[Measurement] = (), outdated_too: bool = True,
    **settings: object,
) -> Survey:  # fmt: skip
    return survey(
        plan, CONFIGURATIONS, settings={**SETTINGS, **settings}, output=output, committed=committed,
        outdated_too=outdated_too,
    )  # fmt: skip


def statuses(found: Survey) -> dict[tuple[str, int], str]:
    return {(state.row, state.seed): state.status for state in found.states}
