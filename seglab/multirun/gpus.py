"""The GPUs of this machine, dealt out one to each job. Nothing here imports torch or touches a device."""

import logging
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from seglab.runs.lock import FileLock

log = logging.getLogger("seglab")

SLOTS = "SEGLAB_GPUS"  # "0,1,1": three jobs at once, two of them on GPU 1; "" for no dealing
_PAUSE = 1.0  # seconds between two looks for a free GPU


def slots() -> list[str]:
    """What one job each may have, as values of CUDA_VISIBLE_DEVICES; one of a GPU, if nothing else is asked for."""
    asked = os.environ.get(SLOTS, os.environ.get("CUDA_VISIBLE_DEVICES"))
    if asked is not None:
        return [name.strip() for name in asked.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in Path("/dev").glob("nvidia[0-9]*"))
    return [str(number) for number in sorted(int(match[1]) for match in numbers if match)]


@contextmanager
def one_of(names: list[str], *, title: str) -> Iterator[str | None]:
    """A slot that no other job of any sweep on this machine has; waits for one. None where there are no slots.

    The slot is a file lock: when its process dies, however it dies, the slot is free.
    """
    if not names:
        yield None
        return
    locks = _locks(names)
    told = False
    while (taken := _first_free(locks)) is None:
        if not told:
            log.info("%s  waiting for a free GPU of %s (%s allows more jobs on one)", title, ", ".join(names), SLOTS)
            told = True
        time.sleep(_PAUSE)
    name, lock = taken
    try:
        yield name
    finally:
        lock.release()


def _locks(names: list[str]) -> list[tuple[str, FileLock]]:
    folder = Path(tempfile.gettempdir()) / f"seglab-gpus-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(exist_ok=True)
    seen: Counter[str] = Counter()
    locks = []
    for name in names:
        seen[name] += 1
        file = re.sub(r"[^A-Za-z0-9-]", "_", name) + f".{seen[name]}.lock"
        locks.append((name, FileLock(folder / file)))
    return locks


def _first_free(locks: list[tuple[str, FileLock]]) -> tuple[str, FileLock] | None:
    for name, lock in locks:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return name, lock
    return None
