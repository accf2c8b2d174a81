"""Every run on the disk, of runs/ and of the sweeps: listed, shown, and removed where it holds nothing."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seglab import runs
from seglab.display import scores
from seglab.display.numbers import duration, word
from seglab.display.sheet import Sheet
from seglab.errors import SeglabError
from seglab.multirun.overview import ago, score_cell
from seglab.multirun.status import Job, Monitor, read_job
from seglab.runs.files import LOCK

log = logging.getLogger("seglab")

STATUSES = ("finished", "running", "interrupted", "stale", "failed", "damaged", "empty")
_OURS = {runs.CONFIG, runs.RECORD, runs.TRACEBACK, LOCK, "run.log", "output.log"}  # of a run that made no step
_STARTING = 600.0  # seconds in which a folder without a record may be that of a run that begins


@dataclass(frozen=True, kw_only=True)
class Run:
    """A folder in runs/, or the job of a sweep."""

    name: str  # as run=NAME takes it
    job: Job
    record: runs.Record
    bytes: int
    is_single: bool  # no job of a sweep

    @property
    def status(self) -> str:
        return "empty" if self.job.status == "pending" else self.job.status

    @property
    def choices(self) -> Mapping[str, str]:
        """{group: option} that it was composed of; of an older record what was typed."""
        return self.record.get("choices") or self.job.overrides

    @property
    def is_empty(self) -> bool:
        """A single run that ended before its first step, in whose folder is nothing but what says so."""
        files = {path.name for path in self.job.folder.iterdir()}
        began = self.job.last_activity is not None or time.time() - self.job.folder.stat().st_mtime > _STARTING
        return self.is_single and self.status in ("failed", "stale", "empty") and began and files <= _OURS

    def fits(self, wanted: Mapping[str, str], *, status: str | None) -> bool:
        same = all(self.choices.get(group) == option for group, option in wanted.items())
        return same and status in (None, self.status)


def read_runs(output: Path) -> list[Run]:
    """All runs under `output`, the one that was active last comes first.

    Raises:
        SeglabError: there is none.
    """
    singles = sorted(path for path in output.glob("runs/*/") if not path.name.startswith("."))
    jobs = sorted(path.parent for path in output.glob(f"sweeps/*/*/{runs.RECORD}"))
    found = [_read(path, name=path.name) for path in singles]
    found += [_read(path, name=f"{path.parent.name}/{path.name}") for path in jobs]
    if not found:
        raise SeglabError(
            f"no runs yet: expected folders in {runs.shown(output.absolute())}/runs - start one with "
            "python -m seglab.train, or name another folder with output=FOLDER"
        )
    return sorted(found, key=lambda run: _last_active(run).timestamp(), reverse=True)


def runs_sheet(found: Sequence[Run], *, of: int, output: str, now: datetime) -> Sheet:
    """One row a run; what it trained stands below its name."""
    rows = []
    for run in found:
        what = ", ".join(run.choices[group] for group in ("data", "model", "loss") if group in run.choices)
        state = run.job.state
        done = (
            "" if state.epoch is None else f"{state.epoch}/{state.max_epochs}" if state.max_epochs else f"{state.epoch}"
        )
        rows.append([
            word("\n  ".join(part for part in (run.name, what) if part)),
            word(run.status),
            score_cell(state.best, _monitor(run)),
            word(done),
            word(ago(_last_active(run), now)),
            word(_megabytes(run.bytes)),
        ])  # fmt: skip
    notes = [f"damaged: {run.job.damage}" for run in found if run.job.damage]
    if other := sorted({name for run in found if (name := _monitor(run).name) != Monitor().name}):
        notes.append(f"best is the validation mIoU, of some runs {', '.join(other)}")
    if empty := sum(run.is_empty for run in found):
        notes.append(f"{empty} ended before the first step: clean=true shows them")
    count = f"{len(found)} of {of} runs" if len(found) != of else f"{of} runs" if of != 1 else "1 run"
    header = ("run", "status", "best", "epoch", "active", "size")
    return Sheet(caption=f"{count} in {output}", header=header, rows=rows, words=2, notes=notes)


def show_run(folder: Path) -> None:
    """Prints what the record of a run says: how it stands, where it comes from, the scores of its classes."""
    run = _read(folder, name=folder.name)
    state, record = run.job.state, run.record
    facts = {
        "status": run.status + (f", process {state.pid} on {state.host}" if run.status == "running" else ""),
        "made of": " ".join(f"{group}={option}" for group, option in run.choices.items() if option is not None),
        "command": record.get("command"),
        "started": record.get("started"),
        "epochs": None if state.epoch is None else f"{state.epoch} of {state.max_epochs or '?'}",
        "last attempt": duration(state.seconds) if state.seconds else None,
        "device": record.get("device"),
        "error": run.job.damage or state.error,
        "scored": ", ".join(record.get("evaluations", ())),
        "folder": f"{runs.shown(folder.absolute())}, {_megabytes(run.bytes)}",
    }
    for name, fact in facts.items():
        if fact:
            print(f"{name:13} {fact}")
    if (record.get("best") or {}).get("metrics"):
        print()
        scores.print_run(record, folder)


def clean(empty: Sequence[Run], *, sure: bool) -> None:
    """Shows the runs, and removes them where the user is `sure`."""
    for run in empty:
        error = " ".join((run.job.state.error or "nothing was begun").split())
        print(f"{run.name}  {run.status}: {error[:100]}")
        if sure:
            shutil.rmtree(run.job.folder)
    if not empty:
        print("nothing to remove: no run ended before its first step")
    else:
        print(f"{len(empty)} removed" if sure else f"{len(empty)} to remove: add sure=true")


def _read(folder: Path, *, name: str) -> Run:
    job, record = read_job(folder)
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return Run(name=name, job=job, record=record, bytes=size, is_single=folder.parent.name == "runs")


def _last_active(run: Run) -> datetime:
    return run.job.last_activity or datetime.fromtimestamp(run.job.folder.stat().st_mtime).astimezone()


def _monitor(run: Run) -> Monitor:
    monitor = run.record.get("monitor")
    return Monitor(monitor["name"], monitor["mode"]) if monitor else Monitor()


def _megabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
