"""How a run stands: what its record says, and whether its process is still there."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from seglab.errors import SeglabError
from seglab.runs.files import HEARTBEAT
from seglab.runs.json_file import read_object
from seglab.runs.lock import is_locked
from seglab.runs.record import Record, monitored_value, read_record

SILENCE = 300.0  # seconds without a heartbeat after which a run on another host counts as dead

_BEAT = {
    "time": datetime, "epoch": int, "max_epochs": int, "step": int, "total_steps": int, "best": float,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class State:
    """How a run stands. What is not known is None."""

    status: Literal["pending", "running", "finished", "failed", "interrupted", "stale"]  # stale: it died unseen
    host: str | None = None
    pid: int | None = None
    attempts: int = 0
    started: str | None = None  # the first attempt, ISO 8601
    ended: str | None = None
    seconds: float | None = None  # of the last attempt; until now where it is running
    error: str | None = None
    traceback: Path | None = None
    epoch: int | None = None  # epochs done
    max_epochs: int | None = None
    step: int | None = None
    total_steps: int | None = None
    best: float | None = None  # the monitored value
    heartbeat_age: float | None = None  # seconds

    @property
    def where(self) -> str:
        return f"process {self.pid or '?'} on {self.host or '?'}"


def state(folder: Path, record: Record | None = None) -> State:
    """How the run in `folder` stands; `pending` where none has been.

    A record that says `running` is believed while its process holds the folder's lock. With a free lock the run is
    `stale`: killed, or its machine went down. A lock may not reach from one host to another; there a run counts as
    running until its heartbeat, written every ten seconds, is older than SILENCE. That is long on purpose: to wait in
    vain costs minutes, two processes in one folder would cost the run.

    Args:
        record: its record, where that has been read already.
    """
    record, beat = record or read_record(folder), read_heartbeat(folder)
    if record is None:
        return State(status="pending")
    age = _age(beat.get("time"))
    status, seconds = record["status"], record.get("seconds")
    if status == "running":
        seconds = _age(record.get("attempted"))  # of a clock that was wrong less than nothing: no sign of life
        silence = min((span for span in (age, seconds) if span is not None and span > -SILENCE), default=None)
        status = "running" if _is_alive(folder, record, silence=silence) else "stale"
    finished = status == "finished"
    return State(
        status=status,
        seconds=None if seconds is None else max(0.0, seconds),
        heartbeat_age=None if age is None else max(0.0, age),
        traceback=folder / record["traceback"] if record.get("traceback") else None,
        epoch=record.get("epochs") if finished else beat.get("epoch"),
        step=record.get("steps") if finished else beat.get("step"),
        best=monitored_value(record) if finished else beat.get("best"),
        **{key: beat.get(key) for key in ("max_epochs", "total_steps")},
        **{key: record.get(key) for key in ("host", "pid", "started", "ended", "error")},
        attempts=record.get("attempts", 0),
    )


def read_heartbeat(folder: Path) -> dict[str, Any]:
    """{"time", "epoch", "max_epochs", "step", "total_steps", "best"}, or nothing where no step has been made."""
    with suppress(SeglabError):  # it only informs
        return read_object(folder / HEARTBEAT, what="a heartbeat", cure="delete it", optional=_BEAT) or {}
    return {}


def _is_alive(folder: Path, record: Record, *, silence: float | None) -> bool:
    held = is_locked(folder)
    if held or (held is False and record.get("host") == socket.gethostname()):
        return held
    return silence is not None and silence < SILENCE


def _age(time: str | None) -> float | None:
    """Seconds since `time`."""
    if time is None:
        return None
    return (datetime.now().astimezone() - datetime.fromisoformat(time)).total_seconds()
