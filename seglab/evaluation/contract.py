"""What an evaluation counts beside the confusion matrix of its images: one contract for all of it.

Scores, detectors of anomalies and corruptions are shown each image once, as a `View`, and say at the end what came out;
memory does not grow with the number of images.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import numpy as np
from torch import Tensor

from seglab.inference.members import Belief


class View(NamedTuple):
    """One image at the headline's resolution, and what only some scores ask for."""

    number: int  # of the image in its split, from 0
    name: str
    image: np.ndarray  # (H, W, C) as it was read, uint8 or uint16
    pred: np.ndarray  # uint8 (h, w), train ids
    mask: np.ndarray  # uint8 (h, w), train ids
    probabilities: Callable[[], Tensor]  # (K, h, w); computed when it is called
    official: tuple[np.ndarray, np.ndarray] | None = None  # Cityscapes label ids uint8 (H, W), instance ids (H, W)
    belief: Callable[[], Belief] | None = None  # of several predictions, computed when it is called


class Finished(NamedTuple):
    """What an evaluation knows after its last image."""

    miou: float  # of all images, at the headline's resolution
    fingerprint: str  # of the data that were read
    again: Callable[[], Iterator[tuple[int, np.ndarray, np.ndarray]]]  # number, image, mask of each image once more


class Extra(ABC):
    """Something that is scored beside the confusion matrix, or in place of it."""

    needs_labels = True  # False where the classes of the data say nothing of the classes of the run

    def begin(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Called before the first image."""

    @abstractmethod
    def update(self, view: View) -> None:
        """Counts one image."""

    @abstractmethod
    def compute(self, finished: Finished) -> dict[str, Any]:
        """What metrics.json and the record hold of it; called once, after the last image."""

    def files(self) -> Mapping[str, str | np.ndarray]:
        """{file beside metrics.json: text, or a picture uint8 (H, W, 3)}, after `compute`."""
        return {}
