"""The folder of a run: record.json (status, provenance, metrics), how the run stands, and the lock.

A run folder holds config.yaml, record.json, heartbeat.json, metrics.csv, checkpoints/{best,last}.ckpt, pictures/ and
run.log, and after a failure traceback.txt. Nothing here imports torch: a sweep reads hundreds of records to find what
is left to do.
"""

import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from seglab.class_names import renamed
from seglab.errors import SeglabError
from seglab.identity import differences, fingerprint
from seglab.provenance import provenance

Status = Literal["running", "finished", "failed", "interrupted"]
Record = dict[str, Any]

RECORD, CONFIG = "record.json", "config.yaml"
PATIENCE = 10.0  # seconds that a run waits for a folder in use

HEARTBEAT, TRACEBACK, LOCK = "heartbeat.json", "traceback.txt", ".lock"
SILENCE = 300.0  # seconds without a heartbeat after which a run on another host counts as dead


def write_atomically(path: Path, text: str) -> None:
    """Replaces `path` in one rename: a reader or a kill never meets half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def write_quickly(path: Path, text: str) -> None:
    """As `write_atomically`, but a power cut may leave the older or an empty file: for what is written again soon."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    write_atomically(folder / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def read_record(folder: Path) -> Record | None:
    """The record of a run folder, or None where no run has been."""
    try:
        text = (folder / RECORD).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SeglabError(
            f"{folder / RECORD} is not JSON ({error}); expected the record of a run - delete it to run the job again"
        ) from error


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
    return record.get("monitor", {}).get("value")


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


def state(folder: Path) -> State:
    """How the run in `folder` stands; `pending` where none has been.

    A record that says `running` is believed while its process holds the folder's lock. With a free lock the run is
    `stale`: killed, or its machine went down. A lock may not reach from one host to another; there a run counts as
    running until its heartbeat, written every ten seconds, is older than SILENCE. That is long on purpose: to wait in
    vain costs minutes, two processes in one folder would cost the run.
    """
    record, beat = read_record(folder), read_heartbeat(folder)
    if record is None:
        return State(status="pending")
    age = _age(beat.get("time"))
    status, seconds = record["status"], record.get("seconds")
    if status == "running":
        seconds = _age(record.get("attempted"))
        silence = min((known for known in (age, seconds) if known is not None), default=None)
        status = "running" if _is_alive(folder, record, silence=silence) else "stale"
    finished = status == "finished"
    return State(
        status=status,
        seconds=seconds,
        heartbeat_age=age,
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
    with suppress(OSError, ValueError):
        return json.loads((folder / HEARTBEAT).read_text(encoding="utf-8"))
    return {}


def _is_alive(folder: Path, record: Record, *, silence: float | None) -> bool:
    held = _is_locked(folder)
    if held or (held is False and record.get("host") == socket.gethostname()):
        return held
    return silence is not None and silence < SILENCE


def _is_locked(folder: Path) -> bool | None:
    """Whether a process holds the folder's lock; None where that cannot be told. Takes it from nobody.

    A shared lock is tried: of those who look at the same time, none takes the other for the run.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        with open(folder / LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _age(time: str | None) -> float | None:
    """Seconds since `time`."""
    if time is None:
        return None
    return max(0.0, (datetime.now().astimezone() - datetime.fromisoformat(time)).total_seconds())


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Appends what the logger `seglab` says to run.log while it lasts."""
    logger = logging.getLogger("seglab")
    handler = logging.FileHandler(folder / "run.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def only_process_in(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the operating system releases when the process dies, however it dies.

    Raises:
        SeglabError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        # A moment's patience: the job of a killed sweep needs one to notice that its parent is gone.
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        record = read_record(folder) or {}
        raise SeglabError(
            f"{folder} is in use by process {record.get('pid', '?')} on {record.get('host', '?')}; "
            "expected a folder of its own for each run"
            " - wait for it to end, or give this one another name"
        ) from None
    try:
        yield
    finally:
        lock.release()


def check_same_experiment(folder: Path, config: Mapping[str, Any]) -> None:
    """Raises SeglabError when the run in `folder` was begun with a configuration that leads to another result."""
    changes = differences(plain(read_config(folder)), config)
    if changes:
        shown = "\n  ".join(changes[:8])
        raise SeglabError(
            f"{folder} holds a run of another configuration; expected the same one. What differs:\n  {shown}\n"
            "Choose another name for the sweep, or delete the folder to train this configuration in it"
        )


def read_config(folder: Path) -> DictConfig:
    """The configuration that the run in `folder` was begun with; it names seglab's classes where they are today."""
    cfg = OmegaConf.create(renamed(OmegaConf.to_container(OmegaConf.load(folder / CONFIG))))
    assert isinstance(cfg, DictConfig)
    return cfg


def plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration resolved into dicts, lists, numbers and strings."""
    container = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    assert isinstance(container, dict)
    return container  # type: ignore[return-value]


def shown(path: Path) -> str:
    """The path as a user would type it: relative, where it lies below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def is_first_process() -> bool:
    """False in the further processes of a training on several devices, which leave the folder to the first."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
