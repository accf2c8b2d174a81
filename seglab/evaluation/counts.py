"""What an evaluation counts while images pass by: memory does not grow with their number."""

import heapq
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from seglab.display import draw
from seglab.display.doubt import Doubt
from seglab.metrics import count_pixels, readings


class Pixels:
    """The confusion matrix of all images, (K, K); (K, K + 1) with `misses`: see seglab.metrics.confusion."""

    def __init__(self, names: Sequence[str], *, misses: bool = False) -> None:
        self._names = names
        self._misses = misses
        self.matrix = torch.zeros(len(names), len(names) + misses, dtype=torch.int64)

    def update(self, pred: np.ndarray, mask: np.ndarray) -> Tensor:
        """The matrix of one image: uint8 label maps (H, W)."""
        matrix = count_pixels(_batch(pred), _batch(mask), num_classes=len(self._names), misses=self._misses)
        self.matrix += matrix
        return matrix

    def compute(self) -> dict[str, Any]:
        """{"metrics": means, "classes": {name: scores}}, of the whole data set."""
        classes = readings.per_class(self.matrix, self._names)
        binary = readings.binary_accuracy(self.matrix).tolist()
        for scores, value in zip(classes.values(), binary, strict=True):
            scores["binary_accuracy"] = value
        return {"metrics": readings.summary(self.matrix), "classes": classes}


class Ranked(NamedTuple):
    """An image by its own mIoU."""

    miou: float
    number: int  # of the image in its split, from 0
    sample: draw.Sample
    doubt: Doubt | None = None  # of several predictions


class Extremes:
    """The images with the highest and the lowest mIoU of their own; images without a labelled pixel are left out."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._best: list[tuple[float, int, Ranked]] = []  # heaps of (rank, -index, image), the first leaves next
        self._worst: list[tuple[float, int, Ranked]] = []

    def update(self, miou: float, *, index: int, sample: draw.Sample, doubt: Doubt | None = None) -> None:
        if math.isnan(miou) or self._count == 0:
            return
        image = Ranked(miou, index, sample, doubt)
        for heap, rank in ((self._best, miou), (self._worst, -miou)):
            entry = (rank, -index, image)  # of equal ones the earlier stays; indices differ, images are not compared
            if len(heap) < self._count:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)

    def best(self) -> list[Ranked]:
        """From the highest mIoU down."""
        return [image for _, _, image in sorted(self._best, reverse=True)]

    def worst(self) -> list[Ranked]:
        """From the lowest mIoU up."""
        return [image for _, _, image in sorted(self._worst, reverse=True)]


def _batch(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(labels))[None]
