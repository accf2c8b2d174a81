"""sweep.json: which jobs a sweep has been asked for, by whom and when. What became of them stands in their records."""

import json
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.files import remove_empty
from seglab.runs.json_file import read_object
from seglab.runs.lock import FileLock

log = logging.getLogger("seglab")

PLAN, _LOCK = "sweep.json", ".sweep.lock"


@dataclass(frozen=True)
class SweepPlan:
    """All jobs that the launches of a sweep have asked for, in the order in which they were first asked for."""

    jobs: Mapping[str, tuple[str, ...]]  # {name of the job's folder: its overrides}
    launches: tuple[Mapping[str, Any], ...]  # each {"command", "working_folder", "time", "host", "pid"}


def write(folder: Path, jobs: Mapping[str, tuple[str, ...]], *, command: str) -> list[str]:
    """Adds a launch and those of its jobs that are new to the plan of the sweep in `folder`; the names of these."""
    folder.mkdir(parents=True, exist_ok=True)
    launch = {"command": command, "working_folder": os.getcwd(), "time": runs.now(), "host": socket.gethostname()}
    with FileLock(folder / _LOCK):  # two launches may begin in the same second
        before = _read_or_set_aside(folder)
        new = [name for name in jobs if name not in before.jobs]
        added = {**before.jobs, **{name: jobs[name] for name in new}}
        _write(folder, SweepPlan(added, (*before.launches, {**launch, "pid": os.getpid()})))
    return new


def withdraw(folder: Path, names: Iterable[str]) -> None:
    """Takes those of the jobs that have never begun out of the plan: their configuration was refused.

    Of a sweep that has no other job nothing is left.
    """
    with FileLock(folder / _LOCK):
        before, gone = read(folder), {name for name in names if not (folder / name / runs.RECORD).exists()}
        if gone:
            left = {name: overrides for name, overrides in before.jobs.items() if name not in gone}
            _write(folder, SweepPlan(left, before.launches))
    if gone and not left and not any(path.is_dir() for path in folder.iterdir()):
        for name in (PLAN, _LOCK, "multirun.yaml"):  # the last is Hydra's
            (folder / name).unlink(missing_ok=True)
        remove_empty(folder)


def read(folder: Path) -> SweepPlan:
    """The plan of the sweep in `folder`, without jobs where there is none: a search does not know its jobs before."""
    what, cure = "the plan of a sweep", "delete it and type the same again"
    plan = read_object(folder / PLAN, what=what, cure=cure, required={"jobs": dict, "launches": list})
    if plan is None:
        return SweepPlan({}, ())
    if not all(isinstance(overrides, list) for overrides in plan["jobs"].values()):
        raise SeglabError(f"{folder / PLAN}: expected {what}, each of its jobs with a list of overrides - {cure}")
    if not all(isinstance(launch, dict) for launch in plan["launches"]):
        raise SeglabError(f"{folder / PLAN}: expected {what}, each of its launches as an object - {cure}")
    return SweepPlan({name: tuple(overrides) for name, overrides in plan["jobs"].items()}, tuple(plan["launches"]))


def _read_or_set_aside(folder: Path) -> SweepPlan:
    """The plan; a damaged one makes room for a new one: what has begun is found by its folder."""
    try:
        return read(folder)
    except SeglabError as error:
        os.replace(folder / PLAN, folder / f"{PLAN}.damaged")
        log.warning("%s; it was renamed to %s.damaged, and a new plan begins", error, PLAN)
        return SweepPlan({}, ())


def job_folders(folder: Path) -> list[Path]:
    """The folders of a sweep's jobs: first the planned ones in their order, then others in the order of their start."""
    planned = [folder / name for name in read(folder).jobs]
    others = [path for path in folder.iterdir() if (path / runs.RECORD).exists() and path not in planned]
    return planned + sorted(others, key=_start)


def _write(folder: Path, plan: SweepPlan) -> None:
    text = json.dumps({"launches": plan.launches, "jobs": plan.jobs}, indent=1, ensure_ascii=False)
    runs.write_atomically(folder / PLAN, text + "\n")


def _start(folder: Path) -> tuple[str, str]:
    """When the job began, then its name; a damaged one comes first."""
    with suppress(SeglabError):
        return (runs.read_record(folder) or {}).get("started") or "", folder.name
    return "", folder.name
