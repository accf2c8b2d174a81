"""Invented trainings of tables with factors: how a score depends on levels and seeds is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Measurement, Plan
from seglab.tables.plan.read import plan_of
from tests.tables.comparison.losses import measured

THREE = {"loss": ["ce", "dice", "focal"], "augment": ["none", "default"]}
TWO = {"loss": ["ce", "dice"], "augment": ["none", "default"], "activation": ["relu", "silu"]}


def plan(factors: Mapping[str, object] = THREE, *, seeds: Sequence[int] = (1, 2, 3, 4), **changes: object) -> Plan:
    content = {"title": "Factors", "source": "invented", "columns": ["miou", "accuracy", "parameters"],
               "seeds": list(seeds), "factors": dict(factors), **changes}  # fmt: skip
    return plan_of(content, name="factors")


def trainings(table: Plan, *, noise: float = 0.01, effects: Mapping[str, float] | None = None) -> list[Measurement]:
    """A training of each row and seed; `effects`: what a level, or two ("dice & default"), add to the mIoU of 0.4."""
    generator = np.random.default_rng(0)
    seed_adds = dict(zip(table.seeds, 0.01 * generator.standard_normal(len(table.seeds)), strict=True))
    found = []
    for row, seed in product(table.rows, table.seeds):
        here = [adds for words, adds in (effects or {}).items() if set(words.split(" & ")) <= set(row.levels)]
        miou = 0.4 + sum(here) + seed_adds[seed] + noise * generator.standard_normal()
        metrics = {"miou": float(miou), "accuracy": float(0.8 + noise * generator.standard_normal())}
        found.append(replace(measured(row.label, seed, float(miou)), metrics=metrics))
    return found


def compared(table: Plan, *, without: Sequence[tuple[str, int]] = (), **changes: object) -> Comparison:
    """`without`: (row, seed) of trainings that failed."""
    runs = trainings(table, **changes)  # type: ignore[arg-type]
    return compare(table, [run for run in runs if run.key not in without])
