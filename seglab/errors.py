"""The one exception meant for the user, and the words that make its message useful."""

import signal
from collections.abc import Iterable
from difflib import get_close_matches


class SeglabError(ValueError):
    """A mistake the user can repair. Its message holds what was expected, what came (with path or key), what to do.

    The entry points print the message alone, without a traceback, and exit with code 2.
    """


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """' - did you mean 'x'?' for the choice nearest to `word`, or an empty string when none is near."""
    near = get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" - did you mean {near[0]!r}?" if near else ""


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
