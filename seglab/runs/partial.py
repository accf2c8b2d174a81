"""Files on their way to their place: written beside it, renamed when they are whole, else removed."""

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DAY = 86400.0  # seconds after which a partial file of another machine, whose processes cannot be seen, is given up


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path beside `path`; what is written there takes its place in one rename. Of a failure nothing is left."""
    partial = partial_of(path)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def partial_of(path: Path) -> Path:
    """'.record.json.HOST-PID.partial': by the name it is known later whether somebody still writes it."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.partial")


def remove_leftovers(folder: Path) -> None:
    """Removes the partial files and folders in `folder` whose process is gone."""
    for path in folder.glob(".*.partial"):
        with suppress(OSError):  # others may clean up too
            if not _is_being_written(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def process_exists(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except PermissionError:  # of another user
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_being_written(path: Path) -> bool:
    match = re.search(rf"\.{re.escape(socket.gethostname())}-(\d+)\.partial$", path.name)
    if match is not None:
        return process_exists(int(match[1]))
    return time.time() - path.stat().st_mtime < _DAY
