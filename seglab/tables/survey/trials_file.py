"""The trials of a tuned table, kept in a small file beside its plan: what was chosen follows from them anywhere."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.json_file import read_object
from seglab.tables.plan.budgets import form
from seglab.tables.plan.model import Plan
from seglab.tables.plan.tuning import Trial

_KINDS: dict[str, Any] = {
    "row": str, "values": list, "seed": int, "fingerprint": str, "column": str, "checkpoint": str, "dataset": str,
    "split": str, "outcome": str, "score": float | int | None, "seconds": float | int | None, "device": str,
    "commit": str, "command": str, "reason": str | None,
}  # fmt: skip
_OF_THIS_MACHINE = ("folder", "config")


def committed(plan: Plan, home: Path) -> Path:
    """Where the trials of this form of the table are committed, beside its YAML."""
    return home / f"{form(plan)}.trials.json"


def write(path: Path, trials: Sequence[Trial]) -> None:
    """Those that are done, one a line."""
    names = [field.name for field in fields(Trial) if field.name not in _OF_THIS_MACHINE]
    lines = [json.dumps({name: getattr(trial, name) for name in names}, ensure_ascii=False)
             for trial in trials if trial.is_done]  # fmt: skip
    runs.write_atomically(path, '{"trials": [\n' + ",\n".join(lines) + "\n]}\n")


def read(path: Path) -> list[Trial]:
    """What `write` wrote; none where there is no such file.

    Raises:
        SeglabError: the file is damaged.
    """
    cure = "write it again with python -m seglab.table table=NAME record=true"
    content = read_object(path, what="the trials of a table", cure=cure, required={"trials": list})
    trials = []
    for number, line in enumerate((content or {"trials": []})["trials"]):
        values = line if isinstance(line, dict) else {}
        wrong = [name for name, kind in _KINDS.items() if not isinstance(values.get(name, ...), kind)]
        if wrong or values["outcome"] not in ("finished", "diverged"):
            came = ", ".join(f"{name}={values.get(name)!r}" for name in wrong or ["outcome"])
            raise SeglabError(f"{path}: expected the trials of a table; trials[{number}] has {came} - {cure}")
        known = {name: values[name] for name in _KINDS}
        trials.append(Trial(**{**known, "values": tuple(known["values"])}))
    return trials
