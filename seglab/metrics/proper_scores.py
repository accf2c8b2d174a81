"""Brier score and negative log-likelihood: what is least where the probabilities are the true ones."""

import math

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.labels import IGNORE_INDEX
from seglab.metrics.class_calibration import require_fit

_LEAST = torch.finfo(torch.float32).tiny  # a probability that underflowed costs 87 nats


class ProperScores:
    """Both over all labelled pixels of a data set.

    Brier score: the mean of sum_k (p_k - y_k)^2, 0..2, as Brier defined it for several classes (Monthly Weather Review
    78, 1950). NLL: the mean of -log p of the true class, in nats; the cross-entropy without weights. Both are proper
    scoring rules: Gneiting & Raftery, JASA 102, 2007.
    """

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes
        self._pixels, self._squares, self._nats = 0, 0.0, 0.0

    def update(self, probabilities: Tensor, mask: np.ndarray) -> None:
        """Adds an image.

        Args:
            probabilities: float (K, H, W); outputs beyond the classes are wrong wherever they have a part.
            mask: (H, W) train ids, IGNORE_INDEX where nothing is counted.

        Raises:
            SeglabError: they do not fit.
        """
        require_fit(probabilities, mask, num_classes=self._num_classes)
        labels = torch.from_numpy(np.ascontiguousarray(mask)).to(probabilities.device).long()
        valid = labels != IGNORE_INDEX
        chosen = probabilities[:, valid]  # (K, N)
        of_truth = chosen.gather(0, labels[valid][None])[0]
        squares = chosen.square().sum(0) - 2 * of_truth + 1
        self._pixels += of_truth.numel()
        self._squares += float(squares.sum(dtype=torch.float64))
        self._nats -= float(of_truth.clamp(min=_LEAST).log().sum(dtype=torch.float64))

    def compute(self) -> dict[str, float]:
        """{"brier", "nll"}; NaN before the first pixel."""
        return {"brier": self._squares / self._pixels if self._pixels else math.nan, "nll": self.nll()}

    def nll(self) -> float:
        """In nats a pixel; NaN before the first."""
        return self._nats / self._pixels if self._pixels else math.nan

    def merge(self, other: "ProperScores") -> None:
        """Adds another accumulator."""
        self._pixels += other._pixels
        self._squares += other._squares
        self._nats += other._nats
