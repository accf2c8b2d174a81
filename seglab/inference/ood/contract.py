"""What a detector of anomalies is: a score for every pixel of an image, perhaps after a look at the training images."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import seglab.lean_imports  # noqa: F401

from torch import Tensor

from seglab.errors import SeglabError
from seglab.training.module import SegmentationModule
from seglab.training.outputs import resize_logits


class Labelled(NamedTuple):
    """A training image as the network sees it, and its mask at the same size."""

    image: Tensor  # (1, C, h, w), on the scale of bytes
    mask: Tensor  # int64 (h, w), train ids and IGNORE_INDEX


class Detector(ABC):
    """Scores the pixels of images, higher where they are more anomalous.

    Attributes:
        images: so many of the run's own training split are shown to `fit`; 0 for a detector that needs none.
    """

    images: int = 0

    def check(self, network: SegmentationModule) -> None:  # noqa: B027  # most need nothing
        """Raises SeglabError for a network that it cannot be used with; called first."""

    def fit(self, network: SegmentationModule, samples: Iterable[Labelled]) -> None:
        """Takes its statistics from training images, which pass by once. Memory does not grow with their number."""
        raise NotImplementedError(f"{type(self).__name__} needs no training images")

    @abstractmethod
    def scores(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Tensor:
        """float32 (H, W) at `size`, of an image (1, C, h, w) as the network sees it; in inference mode."""


class OfLogits(Detector):
    """Of the logits alone, which are brought to the size of the result as they are for label maps."""

    def scores(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Tensor:
        return self.of_logits(resize_logits(network(image).float(), size)[0])

    @abstractmethod
    def of_logits(self, logits: Tensor) -> Tensor:
        """float32 (H, W) of logits (K, H, W)."""


def require_images(images: int, *, of: str) -> int:
    """`images` of the training split. Raises SeglabError where there are none."""
    if images < 1:
        raise SeglabError(f"ood.images: expected a whole number >= 1 of training images for {of}; got {images}")
    return images


def require_above(value: float, *, key: str, least: float = 0.0) -> float:
    """Raises SeglabError for a value that is not above `least`."""
    if not value > least:
        raise SeglabError(f"ood.{key}: expected a number > {least:g}; got {value}")
    return value
