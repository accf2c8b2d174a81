"""The checkpoints of a run as files: which are there, whether they are whole, and from which one it goes on.

Nothing here imports torch. A checkpoint is a zip archive that holds a checksum of each of its parts.
"""

import logging
import zipfile
import zlib
from pathlib import Path

from seglab.errors import SeglabError
from seglab.runs.files import LAST, PREVIOUS, shown

log = logging.getLogger("seglab")


def saved(folder: Path) -> list[Path]:
    """The states from which the run in `folder` can go on, the newest first; none of a run that has to begin.

    Without last.ckpt there may be its predecessor: a kill can come between the two renames that replace it.
    """
    return [path for name in (LAST, PREVIOUS) if (path := folder / "checkpoints" / name).exists()]


def newest_sound(folder: Path) -> Path | None:
    """The newest state of `saved` that can be read; None of a run that has to begin. Newer ones are removed.

    Raises:
        SeglabError: there are some, and none of them can be read.
    """
    damaged: dict[Path, str] = {}
    for path in saved(folder):
        if (reason := damage(path)) is None:
            for lost, what in damaged.items():
                log.warning("%s is damaged (%s) and was removed; the run goes on from the one before", lost, what)
                lost.unlink(missing_ok=True)  # or it would become the one before
            return path
        damaged[path] = reason
    if damaged:
        found = " and ".join(f"{path.name} ({reason})" for path, reason in damaged.items())
        raise SeglabError(
            f"{shown(folder)}: expected a checkpoint to continue from; came damaged files, {found} in checkpoints/ - "
            "restore one from a copy, or delete the run's folder to train it from its start"
        )
    return None


def require_sound(path: Path) -> None:
    """Raises SeglabError, with the file's name, for a checkpoint that is not as it was written."""
    if (reason := damage(path)) is not None:
        raise SeglabError(
            f"{shown(path)}: expected a checkpoint; came a damaged file ({reason}) - restore it from a copy, choose "
            "another checkpoint of the run, or delete the run's folder to train it again"
        )


def damage(path: Path) -> str | None:
    """Why the file cannot be read, such as "0 bytes"; None for one that is whole. All of it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, zlib.error):
        return f"{path.stat().st_size} bytes, not the whole of a checkpoint"
    except OSError as error:
        return str(error.strerror or error)
    return None if part is None else f"the checksum of {part} differs"
