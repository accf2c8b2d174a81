"""The largest logit beside what is usual for its class."""

from collections.abc import Iterable

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor

from seglab.inference.ood.contract import Labelled, OfLogits, require_images
from seglab.training.module import SegmentationModule

_FEWEST = 100  # pixels of a class, below which its deviation says little


class StandardisedMaxLogit(OfLogits):
    """-(max_k z_k - mean_k) / deviation_k of the predicted class k (Jung et al., arXiv 2107.11264).

    Mean and deviation are those of the largest logits of each predicted class, over training images. A class that is
    predicted for fewer than 100 pixels there keeps those of all. The paper's second step, which replaces scores at the
    edges of regions and smooths them, is left out.

    Args:
        images: of the training split.

    Raises:
        SeglabError: there are none of them.
    """

    def __init__(self, *, images: int) -> None:
        self.images = require_images(images, of="mean and deviation of the largest logits")
        self._mean = self._deviation = torch.zeros(0)  # (K,) each

    def fit(self, network: SegmentationModule, samples: Iterable[Labelled]) -> None:
        count, total, squares = (torch.zeros(network.num_scores, dtype=torch.float64) for _ in range(3))
        for sample in samples:
            largest, label = (part.flatten().cpu() for part in network(sample.image).float()[0].max(0))
            largest = largest.double()
            count += torch.bincount(label, minlength=len(count))
            total.index_add_(0, label, largest)
            squares.index_add_(0, label, largest.square())
        count, total, squares = (torch.where(count >= _FEWEST, part, part.sum()) for part in (count, total, squares))
        self._mean = (total / count).float()
        self._deviation = (squares / count - (total / count).square()).clamp(min=1e-12).sqrt().float()

    def of_logits(self, logits: Tensor) -> Tensor:
        largest, label = logits.max(0)
        mean, deviation = self._mean.to(logits.device), self._deviation.to(logits.device)
        return -(largest - mean[label]) / deviation[label]
