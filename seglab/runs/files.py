"""The files of a run's folder, and how they are written: whole or not at all.

A run folder holds config.yaml, record.json, heartbeat.json, metrics.csv, checkpoints/{best,last,previous}.ckpt,
pictures/ and run.log, at its end confusion.csv and report.html, and after a failure traceback.txt.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from seglab.runs.environment import Mask
from seglab.runs.partial import written_beside

RECORD, CONFIG = "record.json", "config.yaml"
HEARTBEAT, TRACEBACK, LOCK = "heartbeat.json", "traceback.txt", ".lock"
RUN_LOG = "seglab.run_log"  # the logger of what is printed as well: it goes to run.log, and not to the terminal again
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"  # in checkpoints/; previous: the last but one


def write_atomically(path: Path, text: str) -> None:
    """Replaces `path` in one rename: a reader or a kill never meets half a file."""
    with written_beside(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_quickly(path: Path, text: str) -> None:
    """As `write_atomically`, but a power cut may leave the older or an empty file: for what is written again soon."""
    with written_beside(path) as partial:
        partial.write_text(text, encoding="utf-8")


def remove_empty(folder: Path) -> None:
    """Removes the folder of a run or a sweep, runs/ or sweeps/ and the output folder, as far as nothing is in them."""
    in_output = folder.parent.name in ("runs", "sweeps")
    with suppress(OSError):
        for place in [folder, folder.parent, folder.parent.parent] if in_output else [folder]:
            if place.exists() and place.resolve() != Path.cwd():
                place.rmdir()


@contextmanager
def logging_to(folder: Path, *, hidden: Iterable[str] = ()) -> Iterator[None]:
    """Appends what the logger `seglab` and those below say to run.log, without values of the variables in `hidden`."""
    logger, mask = logging.getLogger("seglab"), Mask(hidden)
    level = logger.level
    logger.setLevel(logging.INFO)
    handler = _LogFile(folder / "run.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.addFilter(mask)  # of the logger: what a job prints is kept as well
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeFilter(mask)
        logger.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # logging's own name
        """Nothing: what cannot be written, as on a full disk, stands on the terminal."""


def shown(path: Path) -> str:
    """The path as a user would type it: relative, where it lies below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
