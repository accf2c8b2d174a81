"""How fast the networks of a table are on one machine: measured when asked for, kept, committed beside the table."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.display.numbers import NOT_THERE, cell, sides, word
from seglab.display.sheet import Cell, Sheet
from seglab.errors import SeglabError
from seglab.runs.json_file import read_object
from seglab.tables.costs.estimate import configs_of_rows, timed
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Plan
from seglab.tables.survey.composed import Composed

PROGRAM = ("-m", "seglab.diagnostics.network_speed")

_OF_FAILED = {"fingerprint": str, "error": str}
_OF_MEASURED = {"fingerprint": str, "parameters": int, "flops": int | None, "size": list,
                "images_per_second": float, "milliseconds": float, "conditions": str}  # fmt: skip

log = logging.getLogger("seglab")

Speeds = Mapping[str, Mapping[str, Any]]  # {row: what seglab.diagnostics.network_speed says, and a fingerprint}


def measure(plan: Plan, composed: Composed) -> dict[str, dict[str, Any]]:
    """The speed of the network of every row that is trained, on this machine; of a row that fails, its error."""
    configs = {row: config for row, config in configs_of_rows(composed).items() if row in _trained(plan)}
    log.info("%s: measuring the speed of %d networks", plan.name, len(configs))
    speeds = timed(configs, PROGRAM)
    return {row: {"fingerprint": runs.fingerprint(configs[row]), **speed} for row, speed in speeds.items()}


def here(plan: Plan, output: Path) -> Path:
    """The file of what was measured on this machine."""
    return output / "tables" / form(plan) / "speed.json"


def committed(plan: Plan, home: Path) -> Path:
    """Where it is committed, beside the table's YAML."""
    return home / f"{form(plan)}.speed.json"


def write(path: Path, speeds: Speeds) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    runs.write_atomically(path, json.dumps(speeds, indent=1) + "\n")


def known(plan: Plan, composed: Composed, *, home: Path, output: Path) -> dict[str, dict[str, Any]]:
    """What was measured here, else what is committed: of one machine, and of rows as they are configured now.

    Raises:
        SeglabError: the file is damaged.
    """
    for path in (here(plan, output), committed(plan, home)):
        speeds = read_object(path, what="the speed of networks", cure="speed=true measures it again", values=dict)
        if speeds:
            _require_whole(speeds, path)
            configs = configs_of_rows(composed)
            current = {row: runs.fingerprint(configs[row]) for row in speeds if row in configs}
            return {
                row: speeds[row] for row, fingerprint in current.items() if speeds[row]["fingerprint"] == fingerprint
            }
    return {}


def _require_whole(speeds: Speeds, path: Path) -> None:
    """Raises SeglabError for a row of the file that says less than `measure` does."""
    for row, speed in speeds.items():
        wanted = _OF_FAILED if "error" in speed else _OF_MEASURED
        for key, kind in wanted.items():
            if not isinstance(speed.get(key), kind):
                raise SeglabError(
                    f"{path}: expected the speed of networks; {row} has {key}={speed.get(key)!r} - speed=true "
                    "measures it again"
                )


def speed_sheet(plan: Plan, speeds: Speeds) -> Sheet:
    """One line for each network that was measured; the conditions, which all of them share, stand above."""
    measured = {row: speeds[row] for row in _trained(plan) if row in speeds and "error" not in speeds[row]}
    conditions = list(dict.fromkeys(f"{sides(speed['size'])}, {speed['conditions']}" for speed in measured.values()))
    apart = len(conditions) > 1
    rows: list[list[Cell]] = [
        [
            word(row),
            *([word(f"{sides(speed['size'])}, {speed['conditions']}")] if apart else []),
            cell(speed["parameters"] / 1e6, ".3g"),
            cell(None if speed["flops"] is None else speed["flops"] / 1e9, ".3g"),
            cell(speed["images_per_second"], ".3g"),
            cell(speed["milliseconds"], ",.0f" if speed["milliseconds"] >= 100 else ".3g"),
        ]
        for row, speed in measured.items()
    ]
    failed = [f"{row}: {speeds[row]['error']}" for row in speeds if "error" in speeds[row]]
    missing = [row for row in _trained(plan) if row not in speeds]
    return Sheet(
        caption=f"{plan.title}, speed" + ("" if apart else f": {', '.join(conditions) or NOT_THERE}"),
        header=["row", *(["measured"] if apart else []), "M params", "GFLOPs", "images/s", "latency ms"],
        rows=rows,
        words=2 if apart else 1,
        notes=[
            "of the network alone, in the mode of a prediction: parameters of heads for training are not counted",
            *failed,
            *([f"not measured as it is configured now: {', '.join(missing)} - speed=true"] if missing else []),
        ],
    )


def _trained(plan: Plan) -> list[str]:
    return [row.label for row in plan.rows if row.downsample is None]
