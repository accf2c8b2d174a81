"""Data sets whose masks say where things lie that no class is for: what a network cannot know."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from seglab.data.source import Source

KNOWN, ANOMALY, UNSAID = 0, 1, 255  # of an anomaly mask, as Fishyscapes and SegmentMeIfYouCan have them


@runtime_checkable
class AnomalySource(Source, Protocol):
    """A source that has a second mask for each image. In the first, pixels of anomalies are ignored."""

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W): KNOWN, ANOMALY, or UNSAID where it is not counted."""


def marked(ids: np.ndarray, meaning: Mapping[int, int]) -> np.ndarray:
    """uint8 (H, W) of KNOWN, ANOMALY and UNSAID: what `meaning` says of each value in `ids`, of others UNSAID."""
    table = np.full(256, UNSAID, dtype=np.uint8)
    for value, mark in meaning.items():
        table[value] = mark
    return table[ids]
