"""Scores: one confusion matrix is counted, every number is a reading of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seglab.metrics.confusion import ConfusionMatrix, count_pixels

__all__ = ["ConfusionMatrix", "count_pixels"]


def __getattr__(name: str) -> object:
    """Imports torch when one of the two is asked for: the processes that evaluate files need only numpy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from seglab.metrics import confusion

    return getattr(confusion, name)
