"""One process in a run's folder: the lock that the operating system releases when its process dies."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from seglab.errors import SeglabError
from seglab.runs.files import LOCK
from seglab.runs.record import read_record

log = logging.getLogger("seglab")

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP)
PATIENCE = 10.0  # seconds that a run waits for a folder in use


class FileLock(filelock.FileLock):
    """A lock of the operating system; where a file system has none, one by a file that holds the process's number.

    filelock itself does so for ENOSYS alone; NFS without its lock daemon says ENOLCK.
    """

    def _acquire(self) -> None:  # filelock's own name
        was_there = os.path.exists(self.lock_file)
        try:
            super()._acquire()
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            # What an earlier lock left empty is nobody's: a lock by a file writes the process's number into it.
            if os.path.exists(self.lock_file) and not (was_there and os.path.getsize(self.lock_file)):
                os.unlink(self.lock_file)
            log.warning("%s: %s; a file stands in for the lock", self.lock_file, error.strerror)
            self.__class__ = filelock.SoftFileLock  # type: ignore[assignment]
            self._acquire()


def is_locked(folder: Path) -> bool | None:
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
    except filelock.Timeout:
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


def is_first_process() -> bool:
    """False in the further processes of a training on several devices, which leave the folder to the first."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
