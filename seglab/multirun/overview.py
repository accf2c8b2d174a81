"""How sweeps stand, as tables: all of them, or the jobs of one. Pure functions of what `status` reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from seglab import runs
from seglab.display import comparison
from seglab.display.numbers import NOT_THERE, duration, word
from seglab.display.sheet import Cell, Sheet
from seglab.metrics.titles import TITLES, val_titles
from seglab.multirun.status import Job, Monitor, Sweep, best_job, competes, seconds_left

STATUSES = ("finished", "running", "failed", "interrupted", "stale", "damaged", "pending")
_FRACTIONS = val_titles(tuple(TITLES))
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def overview_sheet(sweeps: Sequence[Sweep], *, output: str, now: datetime) -> Sheet:
    """One row a sweep; what is not finished, and the best job, stand below its name."""
    titles = {_title(sweep.monitor) for sweep in sweeps if best_job(sweep)}
    title = titles.pop() if len(titles) == 1 else "score"
    rows = []
    for sweep in sweeps:
        best = best_job(sweep)
        lines = [sweep.name, *(f"  {line}" for line in (_others(sweep), _best_line(sweep, best)) if line)]
        rows.append([
            word("\n".join(lines)),
            word(_done(sweep)),
            score_cell(best.state.best if best else None, sweep.monitor),
            word(duration(_spent(sweep)) if _spent(sweep) else NOT_THERE),
            word(_about(seconds_left(sweep))),
            word(ago(sweep.last_activity, now)),
        ])  # fmt: skip
    notes = [f"damaged: {message}" for sweep in sweeps for message in _damages(sweep)]
    if any(not sweep.is_running and seconds_left(sweep) for sweep in sweeps):
        notes.append("left, where nothing runs: if the sweep is continued, one job after the other")
    notes.append("the jobs of one: python -m seglab.sweeps sweep=NAME" + _in(output))
    return Sheet(
        caption=f"{_plural(len(sweeps), 'sweep')} in {output}",
        header=("sweep", "finished", f"best {title}", "spent", "left", "active"),
        rows=rows,
        notes=notes,
    )


def jobs_sheet(sweep: Sweep, *, now: datetime) -> Sheet:
    """One row a job: overrides that differ, status, epoch, score so far; failures below. The sweep has a job."""
    jobs, keys = sweep.jobs, comparison.differing(sweep.jobs)
    columns = [(key, [word(job.overrides.get(key, "(default)")) for job in jobs]) for key in keys]
    columns = columns or [("job", [word(_name(job, keys)) for job in jobs])]
    columns.append(("status", [word(job.status) for job in jobs]))
    begun = any(job.is_begun for job in jobs)
    if begun:
        columns.append(("process", [word(_process(job) if job.is_begun else "") for job in jobs]))
    words = len(columns)
    columns.append(("epoch", [word(_epoch(job)) for job in jobs]))
    best = best_job(sweep)
    scores = [
        score_cell(job.state.best, sweep.monitor)._replace(best=job is best and sum(map(competes, jobs)) > 1)
        for job in jobs
    ]
    columns.append((f"best {_title(sweep.monitor)}", scores))
    columns.append(("time", [word(duration(job.seconds)) for job in jobs]))
    if begun:
        columns.append(("heartbeat", [word(_short(job.state.heartbeat_age) if job.is_begun else "") for job in jobs]))
    return Sheet(
        caption=_summary(sweep, now=now),
        header=[title for title, _ in columns],
        rows=list(zip(*(cells for _, cells in columns), strict=True)),
        words=words,
        notes=list(_notes(sweep, keys)),
    )


def _name(job: Job, keys: Sequence[str]) -> str:
    return comparison.name_of(job, keys, otherwise=job.folder.name)


def _spent(sweep: Sweep) -> float:
    return sum(job.seconds or 0.0 for job in sweep.jobs)


def _done(sweep: Sweep) -> str:
    return f"{sum(job.status == 'finished' for job in sweep.jobs)}/{len(sweep.jobs)}"


def _others(sweep: Sweep) -> str:
    """'1 running, 2 failed': all that is not finished."""
    count = Counter(job.status for job in sweep.jobs)
    return ", ".join(f"{count[status]} {status}" for status in STATUSES[1:] if count[status])


def _best_line(sweep: Sweep, best: Job | None) -> str:
    return f"best: {_name(best, comparison.differing(sweep.jobs))}" if best and len(sweep.jobs) > 1 else ""


def _summary(sweep: Sweep, *, now: datetime) -> str:
    """'losses: 4/6 finished, 1 running, 1 pending; 12 min 05 s spent, ~6 min left'."""
    parts = [f"{_done(sweep)} finished", *([_others(sweep)] if _others(sweep) else [])]
    times = [f"{duration(_spent(sweep))} spent"]
    if left := seconds_left(sweep):
        times.append(f"{_about(left)} left" + ("" if sweep.is_running else " if continued"))
    if not sweep.is_running:
        times.append(f"last active {ago(sweep.last_activity, now)}")
    return f"{sweep.name}: {', '.join(parts)}; {', '.join(times)}"


def _notes(sweep: Sweep, keys: Sequence[str]) -> Iterator[str]:
    for job in sweep.jobs:
        if job.damage is None and job.state.error and job.status != "running":
            where = job.state.traceback or job.folder
            message = comparison.one_line(job.state.error)
            yield f"{job.status}: {_name(job, keys)}: {message}  ({runs.shown(where.absolute())})"
        if job.status == "stale":
            yield f"stale: {_name(job, keys)}: process {_process(job)} is gone and could not say why"
    yield from (f"damaged: {message}" for message in _damages(sweep))
    if not sweep.is_running and not sweep.is_finished and sweep.command:
        yield f"to continue: {sweep.command}"


def _damages(sweep: Sweep) -> list[str]:
    return [damage for damage in (sweep.damage, *(job.damage for job in sweep.jobs)) if damage]


def _process(job: Job) -> str:
    return f"{job.state.host or '?'}:{job.state.pid or '?'}"


def _epoch(job: Job) -> str:
    """'3/12', of a finished job without what it might have had: early stopping ends before."""
    state = job.state
    if state.epoch is None:
        return NOT_THERE
    return f"{state.epoch}/{state.max_epochs}" if state.max_epochs else str(state.epoch)


def _title(monitor: Monitor) -> str:
    return _FRACTIONS.get(monitor.name, monitor.name)


def score_cell(value: float | None, monitor: Monitor) -> Cell:
    if value is None or math.isnan(value):
        return Cell(NOT_THERE, "")
    return Cell(f"{100 * value:.1f} %" if monitor.name in _FRACTIONS else f"{value:.4g}", repr(value))


def _about(seconds: float | None) -> str:
    """'~40 s', '~6 min', '~2 h 10 min', '~3 d 4 h'; nothing left and nothing known are both a –."""
    return f"~{_short(seconds)}" if seconds else NOT_THERE


def ago(moment: datetime | None, now: datetime) -> str:
    return NOT_THERE if moment is None else f"{_coarse((now - moment).total_seconds())} ago"


def _short(seconds: float | None) -> str:
    """'40 s', '6 min', '2 h 10 min', '3 d 4 h'."""
    if seconds is None:
        return NOT_THERE
    whole = max(0, round(seconds))
    if _HOUR <= whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    if whole >= _DAY:
        return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"
    return _coarse(whole)


def _coarse(seconds: float) -> str:
    """'40 s', '6 min', '2 h', '3 d'."""
    whole = max(0, round(seconds))
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _in(output: str) -> str:
    return "" if output == "outputs" else f" output={output}"
