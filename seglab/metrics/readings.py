"""Scores of a confusion matrix (K, K): rows ground truth, columns prediction, counted over a whole data set.

All results are float64. What cannot be known is NaN: every score of a class that is neither in the ground truth nor
predicted, the accuracy of a class that is not in the ground truth, the precision of one that is never predicted.
Means are taken over the classes that have the score. This is the protocol of Cityscapes and Pascal VOC.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def iou(matrix: Tensor) -> Tensor:
    """(K,): intersection over union (Jaccard index) of each class."""
    hit, truth, pred = _marginals(matrix)
    return hit / (truth + pred - hit)


def dice(matrix: Tensor) -> Tensor:
    """(K,): Dice score (F1) of each class; 2 IoU / (1 + IoU)."""
    hit, truth, pred = _marginals(matrix)
    return 2 * hit / (truth + pred)


def accuracy(matrix: Tensor) -> Tensor:
    """(K,): share of each class's pixels that was found (class accuracy, recall)."""
    hit, truth, _ = _marginals(matrix)
    return hit / truth


def precision(matrix: Tensor) -> Tensor:
    """(K,): share of the pixels predicted as each class that is right."""
    hit, _, pred = _marginals(matrix)
    return hit / pred


def mean_iou(matrix: Tensor) -> Tensor:
    """mIoU."""
    return iou(matrix).nanmean()


def mean_dice(matrix: Tensor) -> Tensor:
    """Mean of the classes' Dice scores; it does not follow from mIoU."""
    return dice(matrix).nanmean()


def pixel_accuracy(matrix: Tensor) -> Tensor:
    """Share of all labelled pixels that is right."""
    hit, truth, _ = _marginals(matrix)
    return hit.sum() / truth.sum()


def mean_accuracy(matrix: Tensor) -> Tensor:
    """Mean of the class accuracies, over the classes in the ground truth."""
    return accuracy(matrix).nanmean()


def frequency_weighted_iou(matrix: Tensor) -> Tensor:
    """sum_c f_c IoU_c, with f_c the share of class c in the ground truth (Long et al., arXiv 1411.4038)."""
    _, truth, _ = _marginals(matrix)
    share = truth / truth.sum()
    return torch.where(share == 0, 0, share * iou(matrix)).sum()


def binary_accuracy(matrix: Tensor) -> Tensor:
    """(K,): (TP + TN) / all labelled pixels, each class against the rest, as some papers print beside IoU.

    High for whatever is rare: a class of 1 % of the pixels that is never predicted scores 0.99.
    """
    hit, truth, pred = _marginals(matrix)
    return 1 - (truth + pred - 2 * hit) / truth.sum()


def summary(matrix: Tensor) -> dict[str, float]:
    """The scores of the whole, by the names under which they are logged."""
    return {
        "miou": float(mean_iou(matrix)),
        "mdice": float(mean_dice(matrix)),
        "accuracy": float(pixel_accuracy(matrix)),
        "mean_accuracy": float(mean_accuracy(matrix)),
        "fwiou": float(frequency_weighted_iou(matrix)),
    }


def per_class(matrix: Tensor, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """{"road": {"iou", "dice", "accuracy", "precision", "pixels" of ground truth}, ...}, in the order of the matrix."""
    scores = {"iou": iou(matrix), "dice": dice(matrix), "accuracy": accuracy(matrix), "precision": precision(matrix)}
    return {
        name: {score: float(values[index]) for score, values in scores.items()} | {"pixels": int(matrix[index].sum())}
        for index, name in zip(range(len(matrix)), names, strict=True)
    }


def _marginals(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels of each class that are right, in the ground truth, in the prediction: float64 (K,), exact below 2^53."""
    counts = matrix.cpu().double()  # some devices know no float64
    return counts.diagonal(), counts.sum(1), counts.sum(0)
