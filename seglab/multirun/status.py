"""The sweeps in a folder: their jobs as records and plan tell of them, the best one, and the time that is left.

Reads small files alone, and imports neither torch nor numpy.
"""

import math
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from omegaconf import OmegaConf

from seglab import runs
from seglab.errors import SeglabError, did_you_mean
from seglab.multirun import plan as sweep_plan
from seglab.runs.partial import process_exists

_LEFT = ("running", "interrupted", "stale", "pending")  # failed ones are left alone by the same command


@dataclass(frozen=True)
class Monitor:
    """What the best checkpoint of a job is chosen by."""

    name: str = "val/miou"
    mode: str = "max"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of a sweep: what it was asked for and how it stands."""

    folder: Path
    overrides: Mapping[str, str]
    state: runs.State
    seconds: float | None = None  # spent by the last attempt, whatever its end
    last_activity: datetime | None = None
    damage: str | None = None  # why its record cannot be read

    @property
    def status(self) -> str:
        return "damaged" if self.damage else self.state.status

    @property
    def is_begun(self) -> bool:
        """It began and did not say how it ended: it runs, or it died."""
        return self.status in ("running", "stale")

    @property
    def progress(self) -> float:
        """The part that is done, 0 where nothing is known of it."""
        state = self.state
        for done, total in ((state.step, state.total_steps), (state.epoch, state.max_epochs)):
            if done is not None and total:
                return min(1.0, done / total)
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All jobs of a sweep in the order in which they were asked for."""

    folder: Path
    jobs: Sequence[Job]
    monitor: Monitor = Monitor()
    command: str | None = None  # that was typed last
    launched: datetime | None = None  # when it was typed
    is_launcher_alive: bool = False  # known on its own machine alone
    damage: str | None = None  # why its plan cannot be read

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_running(self) -> bool:
        """A job runs, or the command that starts them is still there: between two jobs none runs."""
        alive = self.is_launcher_alive and not self.is_finished
        return alive or any(job.status == "running" for job in self.jobs)

    @property
    def is_finished(self) -> bool:
        """Nothing is left to do, except for what failed or is damaged."""
        return bool(self.jobs) and not any(job.status in _LEFT for job in self.jobs)

    @property
    def last_activity(self) -> datetime | None:
        times = (self.launched, *(job.last_activity for job in self.jobs))
        return max((time for time in times if time), default=None)


def read_sweeps(folder: Path) -> list[Sweep]:
    """Every sweep in `folder`; the one that was active last comes first.

    Raises:
        SeglabError: there is none.
    """
    sweeps = [read_sweep(path) for path in _folders(folder)]
    if not sweeps:
        raise SeglabError(
            f"no sweeps yet: expected folders in {runs.shown(folder.absolute())} - start one with "
            "python -m seglab.train -m loss=ce,dice sweep=losses, or name another folder with output=FOLDER"
        )
    return sorted(sweeps, key=lambda sweep: sweep.last_activity or _never(), reverse=True)


def sweep_folder(folder: Path, name: str) -> Path:
    """The folder of the sweep of this name.

    Raises:
        SeglabError: there is none.
    """
    names = [path.name for path in _folders(folder)]
    if name not in names:
        near = did_you_mean(name, names)
        here = runs.shown(folder.absolute())
        others = f"; there are {', '.join(names[-8:])}" if names else "; there are no sweeps yet"
        raise SeglabError(f"sweep={name}: expected the name of a folder in {here}{near or others}")
    return folder / name


def read_sweep(folder: Path) -> Sweep:
    """The sweep in `folder`, with every job that it was asked for; a file that cannot be read is told of."""
    plan, damage = _read_plan(folder)
    launch = plan.launches[-1] if plan.launches else {}
    planned = [read_job(folder / name, overrides) for name, overrides in plan.jobs.items()]
    others = [read_job(path) for path in _folders(folder) if path.name not in plan.jobs]
    others.sort(key=lambda pair: pair[1].get("started") or "")
    pairs = [*planned, *others]
    return Sweep(
        folder=folder,
        jobs=[job for job, _ in pairs],
        monitor=_monitor(pairs),
        command=launch.get("command"),
        launched=_time(launch.get("time")),
        is_launcher_alive=any(map(_is_alive, plan.launches)),
        damage=damage,
    )


def best_job(sweep: Sweep) -> Job | None:
    """The job with the best score so far, of those that did not fail; the first of equals."""
    rivals = [job for job in sweep.jobs if competes(job)]
    choose = min if sweep.monitor.mode == "min" else max
    return choose(rivals, key=lambda job: job.state.best or 0.0, default=None)


def seconds_left(sweep: Sweep) -> float | None:
    """An estimate by the mean time of the finished jobs and the progress of the others; None without either.

    A job that was begun once goes on at its own pace, every other one at the mean. As many jobs go on at once as run
    now.
    """
    if sweep.is_finished:
        return 0.0
    finished = [(job.state.attempts, job.seconds) for job in sweep.jobs if job.status == "finished" and job.seconds]
    whole = [seconds for attempts, seconds in finished if attempts <= 1]  # of the others only the last part is known
    left = [job for job in sweep.jobs if job.status in _LEFT]
    paces = [pace for job in left if (pace := _pace(job))]
    times = whole or [seconds for _, seconds in finished] or paces
    if not times:
        return None
    rest = {job.folder: (_pace(job) or fmean(times)) * (1 - job.progress) for job in left}
    running = [rest[job.folder] for job in left if job.status == "running"]
    return max([sum(rest.values()) / max(1, len(running)), *running])


def _pace(job: Job) -> float | None:
    """Seconds that the whole job takes if it goes on as it did so far."""
    return job.seconds / job.progress if job.seconds and job.progress and job.state.attempts <= 1 else None


def competes(job: Job) -> bool:
    """Whether its score counts: that of a failed job may be of half a training."""
    return job.status not in ("failed", "damaged") and job.state.best is not None and not math.isnan(job.state.best)


def _read_plan(folder: Path) -> tuple[sweep_plan.SweepPlan, str | None]:
    """The plan, and what is wrong with its file."""
    nothing = sweep_plan.SweepPlan({}, ())
    try:
        return sweep_plan.read(folder), None
    except SeglabError as error:
        return nothing, str(error)


def _time(text: Any) -> datetime | None:
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(text).astimezone()
    return None


def _is_alive(launch: Mapping[str, Any]) -> bool:
    """Whether the process of a launch is there, as far as this machine knows."""
    here, pid = launch.get("host") == socket.gethostname(), launch.get("pid")
    return here and isinstance(pid, int) and process_exists(pid)


def read_job(folder: Path, overrides: Sequence[str] = ()) -> tuple[Job, runs.Record]:
    """The job, or any run, in `folder` and its record, which is empty where there is none."""
    try:
        record = runs.read_record(folder) or {}
        state = runs.state(folder, record)
    except SeglabError as error:
        return _damaged(folder, overrides, str(error)), {}
    active = _last_activity(state, record)
    counted = state.seconds is not None and state.status != "stale"  # until now, though it died long ago
    job = Job(
        folder=folder,
        overrides=_mapping(overrides or record.get("overrides", ())),
        state=state,
        seconds=state.seconds if counted else _between(record.get("attempted"), active),
        last_activity=active,
    )
    return job, record


def _damaged(folder: Path, overrides: Sequence[str], message: str) -> Job:
    return Job(folder=folder, overrides=_mapping(overrides), state=runs.State(status="pending"), damage=message)


def _mapping(overrides: Sequence[str]) -> dict[str, str]:
    """{key: value}, without the name of the sweep, which all jobs share or which one of them was launched by."""
    pairs = (override.lstrip("+").partition("=")[::2] for override in overrides)
    return {key: value for key, value in pairs if key != "sweep"}


def _last_activity(state: runs.State, record: runs.Record) -> datetime | None:
    times = [datetime.fromisoformat(text) for text in (record.get("attempted"), state.ended) if text]
    if state.heartbeat_age is not None:
        times.append(datetime.now().astimezone() - timedelta(seconds=state.heartbeat_age))
    return max(times, default=None)


def _between(start: str | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return (end - datetime.fromisoformat(start)).total_seconds()


def _monitor(pairs: Sequence[tuple[Job, runs.Record]]) -> Monitor:
    """Of the first finished job; before there is one, of a job's configuration."""
    for _, record in pairs:
        monitor = record.get("monitor") or {}
        if {"name", "mode"} <= monitor.keys():
            return Monitor(monitor["name"], monitor["mode"])
    for job, record in pairs:
        if record and (job.folder / runs.CONFIG).is_file():
            with suppress(SeglabError):  # damaged: the next job's tells the same
                best = OmegaConf.select(runs.read_config(job.folder), "callbacks.best")
                return Monitor(best.monitor, best.mode) if best else Monitor()
    return Monitor()


def _folders(folder: Path) -> Iterator[Path]:
    """The folders in it by name; without hidden ones."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _never() -> datetime:
    return datetime.fromtimestamp(0).astimezone()
