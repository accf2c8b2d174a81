"""The files of a run's folder, and how they are written: whole or not at all.

A run folder holds config.yaml, record.json, heartbeat.json, metrics.csv, checkpoints/{best,last}.ckpt, pictures/ and
run.log, and after a failure traceback.txt.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

RECORD, CONFIG = "record.json", "config.yaml"
HEARTBEAT, TRACEBACK, LOCK = "heartbeat.json", "traceback.txt", ".lock"
RUN_LOG = "seglab.run_log"  # the logger of what is printed as well: it goes to run.log, and not to the terminal again
BEST, LAST = "best.ckpt", "last.ckpt"  # in checkpoints/


def write_atomically(path: Path, text: str) -> None:
    """Replaces `path` in one rename: a reader or a kill never meets half a file."""
    partial = _partial(path)
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def write_quickly(path: Path, text: str) -> None:
    """As `write_atomically`, but a power cut may leave the older or an empty file: for what is written again soon."""
    partial = _partial(path)
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def remove_empty(folder: Path) -> None:
    """Removes the folder of a run or a sweep, runs/ or sweeps/ and the output folder, as far as nothing is in them."""
    in_output = folder.parent.name in ("runs", "sweeps")
    with suppress(OSError):
        for place in [folder, folder.parent, folder.parent.parent] if in_output else [folder]:
            if place.exists() and place.resolve() != Path.cwd():
                place.rmdir()


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Appends what the logger `seglab` and those below it say to run.log while it lasts."""
    logger = logging.getLogger("seglab")
    level = logger.level
    logger.setLevel(logging.INFO)
    handler = logging.FileHandler(folder / "run.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def shown(path: Path) -> str:
    """The path as a user would type it: relative, where it lies below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")
