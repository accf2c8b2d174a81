"""The file that a training takes its first weights from: where it is, and whether it is still the same one.

Nothing here imports torch: a missing file is told of before anything heavy is imported, and a sweep asks for each job.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab.errors import SeglabError
from seglab.runs import checkpoints
from seglab.runs.files import BEST, LAST, shown
from seglab.runs.find import find_runs, named_run
from seglab.runs.record import read_record

log = logging.getLogger("seglab")

RUN = "run:"  # and the fingerprint of its configuration: a run by what it is, on whatever machine it was trained
_FILES = (".ckpt", ".safetensors", ".pt", ".pth")
_CHECKPOINTS = (BEST, LAST)  # of a run, in the order of preference


def locate(init_from: str, *, output: Path) -> Path:
    """The file of weights that `init_from` stands for: a file, the folder or the name of a run, or run:FINGERPRINT.

    Args:
        output: where runs/ and sweeps/ lie, in which a run is looked for by its fingerprint.

    Raises:
        SeglabError: there is none.
    """
    path = _finished(init_from, output) if init_from.startswith(RUN) else Path(init_from)
    if path.is_file():
        return path
    if not path.exists():
        if path.suffix in _FILES:
            raise SeglabError(
                f"init_from={init_from}: expected the folder of a run or a file of weights ({', '.join(_FILES)}); "
                "nothing is there - correct the path"
            )
        path = named_run(init_from, key="init_from", output=output)
    checkpoints = [path / "checkpoints" / name for name in _CHECKPOINTS if (path / "checkpoints" / name).is_file()]
    if not checkpoints:
        raise SeglabError(
            f"init_from={init_from}: expected the folder of a run, with checkpoints/{' or '.join(_CHECKPOINTS)} in it; "
            "came a folder without - name one run of a sweep, or a file"
        )
    return checkpoints[0]


def _finished(init_from: str, output: Path) -> Path:
    """The folder of the earliest finished run with this fingerprint."""
    runs = find_runs(output).get(init_from.removeprefix(RUN), [])
    finished = [run for run in runs if run.record["status"] == "finished"]
    if not finished:
        came = f"came one that is {runs[-1].record['status']}" if runs else "there is none"
        raise SeglabError(
            f"init_from={init_from}: expected a finished run of the configuration with this fingerprint in "
            f"{shown(output.absolute())}; {came} - train it first, or give the folder of a run"
        )
    return finished[0].folder


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(folder: Path, config: Mapping[str, Any]) -> None:
    """Nothing, if the run in `folder` can begin with the weights of `init_from`, or did begin with these weights.

    A run on its way continues with what it has; there a changed file is only warned of. One that is gone is no fault.

    Raises:
        SeglabError: a run that is to begin has no such file; a finished one began with another content of the file.
    """
    if config["init_from"] is None:
        return
    output = Path(config["output"])
    record = read_record(folder) or {}
    finished = record.get("status") == "finished"
    if not finished and not checkpoints.saved(folder):
        locate(config["init_from"], output=output)
        return
    before = record.get("init_from", {}).get("sha256")
    try:
        now = sha256(locate(config["init_from"], output=output))
    except SeglabError:
        return
    if before is None or now == before:
        return
    changed = f"init_from={config['init_from']}: expected the weights that {shown(folder)} began with (sha256 "
    changed += f"{before[:12]}); came others ({now[:12]})"
    if finished:
        raise SeglabError(f"{changed} - choose another name for the sweep, or delete the folder to train with these")
    log.warning("%s; the run continues from its own checkpoint", changed)
