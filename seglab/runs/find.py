"""The runs under an output folder: by what a user calls them, and by what decides their result."""

import glob
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seglab.errors import SeglabError, did_you_mean
from seglab.runs.files import CONFIG, RECORD, shown
from seglab.runs.record import Record, read_record

log = logging.getLogger("seglab")

EXPORTED = ".onnx"  # programs of torch (.pt2) are not among them: reading one unpickles, so a stranger's would run code
OUTPUT = "outputs"  # where runs/ and sweeps/ lie for a command that is not told of another output folder


def is_exported(run: str | Path) -> bool:
    """Whether `run=` names a file that `python -m seglab.export` wrote, and no run."""
    return Path(run).suffix.lower() == EXPORTED


def require_run(run: Path, *files: str) -> None:
    """Raises SeglabError when `run` is not the folder of a run with `files`, such as checkpoints/best.ckpt."""
    missing = [file for file in files if not (run / file).is_file()]
    if missing:
        came = f"it has no {' and no '.join(missing)}" if run.is_dir() else "it does not exist"
        exported = sorted(run.glob(f"*{EXPORTED}"))
        advice = f"of the exported network write run={exported[0]}; " if exported else ""
        raise SeglabError(
            f"run={run}: expected the folder of a trained run, with {' and '.join(files)} in it; {came} "
            f"- {advice}python -m seglab.runs lists the runs"
        )


def named_run(text: str, *, key: str, output: str | Path = OUTPUT) -> Path:
    """The folder of the run that `text` stands for: a folder, one of its files, a name, or the beginning of one.

    Args:
        key: that `text` was given with, for the message.
        output: whose runs/ and sweeps/ are looked through for a name. 'losses/loss-dice' is a job of a sweep.

    Raises:
        SeglabError: there is no such run, or several begin so.
    """
    path = Path(text)
    if path.is_file() or path.suffix == ".ckpt":  # a checkpoint, which `require_run` looks for; the record
        path = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    if _is_run(path):
        return path
    homes = (Path(output) / "runs", Path(output) / "sweeps")
    if not path.is_absolute():
        for home in homes:
            if _is_run(home / text):
                return home / text
    begun = _beginning_with(text, homes)
    if len(begun) == 1:
        return begun[0]
    if begun:
        names = ", ".join(folder.name for folder in begun[:5]) + (", ..." if len(begun) > 5 else "")
        raise SeglabError(f"{key}={text}: expected one run; {len(begun)} begin so: {names} - type more of the name")
    came = "a folder without a record came" if path.is_dir() else "there is none"
    if Path(text).is_file() and Path(text).suffix != ".ckpt":
        came = f"a file of another kind came (of what is exported, *{EXPORTED} alone is read, by evaluate and predict)"
    near = did_you_mean(path.name, [folder.name for folder in _beginning_with("", homes[:1])])
    raise SeglabError(
        f"{key}={text}: expected a run - its name or the beginning of it, its folder or a checkpoint; {came}{near}"
        f" - python -m seglab.runs lists those in {shown(Path(output).absolute())}"
    )


def with_run(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a command with the folder of its `run`, however that was named.

    A checkpoint that was named is `checkpoint` then. A folder that is no run is left for `require_run` to tell of.
    """
    run = settings["run"]
    if isinstance(run, list):
        return _with_runs(settings, run)
    if run is None or is_exported(run):
        return dict(settings)
    try:
        folder = named_run(run, key="run")
    except SeglabError:
        if Path(run).is_dir():
            return dict(settings)
        raise
    named = {"checkpoint": Path(run).stem} if Path(run).suffix == ".ckpt" else {}
    return {**settings, "run": str(folder), **named}


def _with_runs(settings: Mapping[str, Any], names: list[Any]) -> dict[str, Any]:
    """The settings of a command with the folders of several runs, all by a checkpoint of the same name."""
    each = [with_run({**settings, "run": str(name)}) for name in names]
    checkpoints = sorted({one["checkpoint"] for one in each})
    if len(checkpoints) > 1:
        raise SeglabError(
            f"run={','.join(map(str, names))}: expected checkpoints of one name; came {' and '.join(checkpoints)} - "
            "name the runs alone, and checkpoint=best or last"
        )
    return {**settings, "run": [one["run"] for one in each], **({"checkpoint": checkpoints[0]} if each else {})}


def _beginning_with(text: str, homes: tuple[Path, ...]) -> list[Path]:
    """The runs whose path, or whose path in one of `homes`, begins with `text`."""
    start = glob.escape(text.rstrip("/"))
    patterns = [f"{start}*"] if "/" in text else []
    patterns += [] if text.startswith("/") else [f"{glob.escape(str(home))}/{start}*" for home in homes]
    return [Path(path) for pattern in patterns for path in sorted(glob.glob(pattern)) if _is_run(Path(path))]


def _is_run(folder: Path) -> bool:
    return (folder / RECORD).is_file() or (folder / CONFIG).is_file()


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
