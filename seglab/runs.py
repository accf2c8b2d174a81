"""The folder of a run: record.json (status, provenance, metrics), the lock, and the identity of a configuration.

A run folder holds config.yaml, record.json, metrics.csv, checkpoints/{best,last}.ckpt, pictures/ and run.log. Nothing
here imports torch: a sweep reads hundreds of records to find what is left to do.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from seglab.errors import SeglabError
from seglab.provenance import provenance

Status = Literal["running", "finished", "failed", "interrupted"]
Record = dict[str, Any]

RECORD, CONFIG = "record.json", "config.yaml"
PATIENCE = 10.0  # seconds that a run waits for a folder in use

# What does not decide a result: two configurations that differ only here are the same experiment.
NOT_IDENTITY = (
    "output", "sweep", "resume", "name", "retry_failed", "logger",
    "data.root", "data.source.root", "data.prepare.root", "data.num_workers", "data.cache",
    "trainer.accelerator", "trainer.devices", "trainer.log_every_n_steps", "trainer.enable_progress_bar",
    "callbacks.progress", "callbacks.pictures", "callbacks.last",
)  # fmt: skip


def write_atomically(path: Path, text: str) -> None:
    """Replaces `path` in one rename: a reader or a kill never meets half a file."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
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
    return update_record(
        folder,
        status="running",
        started=record["started"],
        attempts=record["attempts"] + 1,
        attempted=now(),
        overrides=overrides,
        seed=config["seed"],
        fingerprint=fingerprint(config),
        error=None,
        **provenance(),
    )


def monitored_value(record: Record) -> float | None:
    """The score that the best checkpoint was chosen by; None where nothing was validated."""
    return record.get("monitor", {}).get("value")


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
    lock = FileLock(folder / ".lock")
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


def fingerprint(config: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that are equal for configurations whose results must be equal."""
    return hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()[:16]


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """The flat {dotted key: value} of what decides the result of a run."""
    return {key: value for key, value in _flat(config) if not _is_under(key, NOT_IDENTITY)}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Lines such as "loss.gamma: 2.0 -> 3.0" for everything that decides a result and differs."""
    before, after = identity(old), identity(new)
    return [
        f"{key}: {before.get(key, '(absent)')} -> {after.get(key, '(absent)')}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


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
    """The configuration that the run in `folder` was begun with."""
    cfg = OmegaConf.load(folder / CONFIG)
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


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, node


def _is_under(key: str, prefixes: tuple[str, ...]) -> bool:
    return any(key == prefix or key.startswith(prefix + ".") for prefix in prefixes)
