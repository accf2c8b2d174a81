"""record.json: status, provenance and scores of a run, its only memory."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from seglab.runs.files import RECORD, now, write_atomically
from seglab.runs.identity import fingerprint
from seglab.runs.json_file import read_object
from seglab.runs.provenance import provenance

Record = dict[str, Any]  # "status": running, finished, failed or interrupted

_OPTIONAL = {
    **dict.fromkeys(("attempted", "ended"), datetime),
    **dict.fromkeys(("started", "host", "fingerprint", "data_fingerprint", "error", "traceback", "slurm_job"), str),
    **dict.fromkeys(("pid", "attempts", "epochs", "steps"), int),
    **dict.fromkeys(("overrides", "codes"), list),
    **dict.fromkeys(("monitor", "best", "last", "protocol", "choices", "evaluations", "init_from", "git"), dict),
    **dict.fromkeys(("speed", "teacher"), dict),
    "seconds": float,
}  # fmt: skip


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    write_atomically(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def read_record(folder: Path) -> Record | None:
    """The record of a run folder, or None where no run has been."""
    return read_object(
        folder / RECORD,
        what="the record of a run",
        cure="delete it to run the job again",
        required={"status": str},
        optional=_OPTIONAL,
    )


def update_record(folder: Path, **changes: Any) -> Record:
    """The record after `changes`, which are written; keys that are not named stay as they are."""
    record = {**(read_record(folder) or {}), **changes}
    write_record(folder, record)
    return record


def start_record(folder: Path, *, config: Mapping[str, Any], overrides: list[str]) -> Record:
    """The record of a run that begins or is continued; what earlier attempts left is kept."""
    record = read_record(folder) or {"started": now(), "attempts": 0}
    origin = provenance()
    return update_record(
        folder,
        status="running",
        started=record["started"],
        attempts=record["attempts"] + 1,
        attempted=now(),
        overrides=overrides,
        seed=config["seed"],
        fingerprint=fingerprint(config),
        ended=None,
        error=None,
        traceback=None,
        codes=list(dict.fromkeys([*record.get("codes", ()), origin["code"]])),  # of all attempts
        **origin,
    )


def monitored_value(record: Record) -> float | None:
    """The score that the best checkpoint was chosen by; None where nothing was validated."""
    return (record.get("monitor") or {}).get("value")
