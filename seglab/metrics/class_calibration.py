"""Calibration of every class: whether of all pixels that are a pole with 30 % probability, 30 % are poles."""

import math

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.metrics.calibration import BINS, CalibrationError


class ClassCalibrationErrors:
    """The expected and the maximum calibration error of each class against the rest, over all pixels of a data set.

    Of class k every labelled pixel falls into a bin by its probability of k, and counts as right where k is the truth.
    The class-wise ECE is the mean over all K classes: Kull et al., "Beyond temperature scaling", arXiv 1910.12656,
    equation 3 (of a class that is never there and never expected it is 0). The bins are those of `CalibrationError`.

    Attributes:
        classes: the K accumulators.
    """

    def __init__(self, num_classes: int, *, bins: int = BINS) -> None:
        self.classes = [CalibrationError(bins=bins) for _ in range(num_classes)]

    def update(self, probabilities: Tensor, mask: np.ndarray) -> None:
        """Adds an image.

        Args:
            probabilities: float (K, H, W) of the classes; outputs beyond them are left out of what is counted.
            mask: (H, W) train ids, IGNORE_INDEX where nothing is counted.

        Raises:
            SeglabError: they do not fit.
        """
        require_fit(probabilities, mask, num_classes=len(self.classes))
        labels = torch.from_numpy(np.ascontiguousarray(mask)).to(probabilities.device).long()
        valid = labels != IGNORE_INDEX
        truth = labels[valid]  # (N,)
        count = len(self.classes[0].pixels)
        for k, of_class in enumerate(self.classes):
            chosen = probabilities[k][valid].double()
            index = ((chosen * count).ceil().long() - 1).clamp(0, count - 1)
            of_class.pixels += torch.bincount(index, minlength=count).cpu().numpy()
            of_class.correct += torch.bincount(index[truth == k], minlength=count).cpu().numpy()
            of_class.confidence += torch.bincount(index, weights=chosen, minlength=count).cpu().numpy()

    def expected(self) -> list[float]:
        """(K,): the expected calibration error of each class; NaN before the first pixel."""
        return [of_class.compute() for of_class in self.classes]

    def maximum(self) -> list[float]:
        """(K,): the maximum calibration error of each class; NaN before the first pixel."""
        return [of_class.maximum() for of_class in self.classes]

    def compute(self) -> dict[str, float]:
        """{"classwise_ece", "classwise_max_error"}: the means over the classes, 0..1."""
        return {"classwise_ece": _mean(self.expected()), "classwise_max_error": _mean(self.maximum())}

    def merge(self, other: "ClassCalibrationErrors") -> None:
        """Adds another accumulator of as many classes and bins."""
        for mine, theirs in zip(self.classes, other.classes, strict=True):
            mine.merge(theirs)


def require_fit(probabilities: Tensor, mask: np.ndarray, *, num_classes: int) -> None:
    """Raises SeglabError unless these are probabilities (K or more, H, W) of K classes for a mask (H, W)."""
    outputs, *size = probabilities.shape
    if tuple(size) != mask.shape or outputs < num_classes:
        raise SeglabError(
            f"expected probabilities ({num_classes}, H, W) for the mask {mask.shape}; got {tuple(probabilities.shape)} "
            "- resize the probabilities to the mask"
        )


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
