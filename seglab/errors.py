"""The one exception meant for the user, and the words that make its message useful."""

import signal
from collections.abc import Iterable
from difflib import get_close_matches


class SeglabError(ValueError):
    """A mistake the user can repair. Its message holds what was expected, what came (with path or key), what to do.

    The entry points print the message alone, without a traceback, and exit with code 2.
    """


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


class Interrupted(Exception):
    """The run was asked to stop by a signal and has saved its state."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
