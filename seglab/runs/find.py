"""The runs under an output folder, by what decides their result: a run is found wherever it lies."""

import logging
from pathlib import Path
from typing import NamedTuple

from seglab.errors import SeglabError
from seglab.runs.files import RECORD
from seglab.runs.record import Record, read_record

log = logging.getLogger("seglab")


def require_run(run: Path, *files: str) -> None:
    """Raises SeglabError when `run` is not the folder of a run with `files`, such as checkpoints/best.ckpt."""
    missing = [file for file in files if not (run / file).is_file()]
    if missing:
        came = f"it has no {' and no '.join(missing)}" if run.is_dir() else "it does not exist"
        raise SeglabError(
            f"run={run}: expected the folder of a trained run, with {' and '.join(files)} in it; {came} "
            "- look into outputs/"
        )


class Run(NamedTuple):
    """A folder with a record in it."""

    folder: Path
    record: Record


def find_runs(output: Path) -> dict[str, list[Run]]:
    """{fingerprint: its runs, the earliest first} of all single runs and all jobs of sweeps under `output`."""
    runs: dict[str, list[Run]] = {}
    for path in sorted([*output.glob(f"runs/*/{RECORD}"), *output.glob(f"sweeps/*/*/{RECORD}")]):
        try:
            record = read_record(path.parent)
        except SeglabError as error:
            log.warning("left out: %s", error)
            continue
        if record is not None and "fingerprint" in record:
            runs.setdefault(record["fingerprint"], []).append(Run(path.parent, record))
    return {key: sorted(group, key=lambda run: run.record.get("started", "")) for key, group in runs.items()}
