"""The one exception meant for the user, and the words that make its message useful."""

import errno
import signal
from collections.abc import Iterable
from difflib import get_close_matches


class SeglabError(ValueError):
    """A mistake the user can repair. Its message holds what was expected, what came (with path or key), what to do.

    The entry points print the message alone, without a traceback, and exit with code 2.
    """


class DiskFullError(SeglabError):
    """Nothing more could be written. Where there is room again, the same command goes on."""


class NonFiniteError(SeglabError):
    """A training met NaN or infinity: of the values that a table tries for a row, these have lost."""


def first_line(error: BaseException) -> str:
    """What an error of a library says at its beginning, without the pages that may follow; its class, if nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ADVICE = {
    **dict.fromkeys(_FULL, "free some space, or raise the quota or the limit of a file's size"),
    errno.EROFS: "choose another folder, such as with output=FOLDER",
    errno.EACCES: "allow it, or choose another folder, such as with output=FOLDER",
    errno.EPERM: "allow it, or choose another folder, such as with output=FOLDER",
    errno.ENOTDIR: "choose another folder: a part of this path is a file",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ESTALE: "mount the disk again",
    errno.EIO: "look after the disk",
}


def is_full(error: BaseException) -> bool:
    """Whether a disk without room, a quota or a limit of the system stands behind `error`."""
    return isinstance(error, DiskFullError) or (isinstance(error, OSError) and error.errno in _FULL)


def disk_message(error: OSError) -> str | None:
    """What a disk refused and what to do about it; None for an error that is not of a disk."""
    if error.errno not in _ADVICE:
        return None
    what = f"'{error.filename}'" if error.filename else "a file"
    return f"{what} cannot be read or written: {error.strerror} - {_ADVICE[error.errno]}"


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The choice that `word` means but for case, order or a few letters; None when none is near."""
    by_letters = {choice.lower(): choice for choice in reversed(list(choices))}
    typed = word.lower()
    swapped = [choice for choice in by_letters if sorted(choice) == sorted(typed)]
    near = [typed] if typed in by_letters else swapped or get_close_matches(typed, by_letters, n=1, cutoff=cutoff)
    return by_letters[near[0]] if near else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """' - did you mean 'x'?' for the choice nearest to `word`, or an empty string when none is near."""
    near = nearest(word, choices)
    return f" - did you mean {near!r}?" if near else ""


def listed(names: Iterable[object], *, most: int = 24) -> str:
    """'road, car, sky', and of more than `most` the first ones with the number of the others."""
    shown = [str(name) for name in names]
    if len(shown) <= most:
        return ", ".join(shown)
    few = most // 4
    return f"{', '.join(shown[:few])}, ... and {len(shown) - few} more"


class Interrupted(Exception):
    """The run was asked to stop by a signal and has saved its state."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
