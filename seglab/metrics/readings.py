"""Scores of a confusion matrix (K, K): rows ground truth, columns prediction, counted over a whole data set.

All results are float64. What cannot be known is NaN: every score of a class that is neither in the ground truth nor
predicted, the accuracy of a class that is not in the ground truth, the precision of one that is never predicted.
Means are taken over the classes that have the score. This is the protocol of Cityscapes and Pascal VOC.

A matrix (K, K + 1) has a last column of pixels for which none of the classes was predicted: they are missed.
"""

from collections.abc import Sequence

from torch import Tensor

from seglab.metrics.means import means


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


def binary_accuracy(matrix: Tensor) -> Tensor:
    """(K,): (TP + TN) / all labelled pixels, each class against the rest, as some papers print beside IoU.

    High for whatever is rare: a class of 1 % of the pixels that is never predicted scores 0.99.
    """
    hit, truth, pred = _marginals(matrix)
    return 1 - (truth + pred - 2 * hit) / truth.sum()


def summary(matrix: Tensor) -> dict[str, float]:
    """The scores of the whole, by the names under which they are logged."""
    return {name: float(value) for name, value in means(*(part.numpy() for part in _marginals(matrix))).items()}


def per_class(matrix: Tensor, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """{"road": {"iou", "dice", "accuracy", "precision", "pixels" of ground truth}, ...}, in the order of the matrix."""
    scores = {"iou": iou(matrix), "dice": dice(matrix), "accuracy": accuracy(matrix), "precision": precision(matrix)}
    return {
        name: {score: float(values[index]) for score, values in scores.items()} | {"pixels": int(matrix[index].sum())}
        for index, name in zip(range(len(matrix)), names, strict=True)
    }


def named(matrix: Tensor, class_names: Sequence[str], *, prefix: str) -> dict[str, float]:
    """{"val/miou": ..., "val/iou/road": ..., "val/dice/road": ...} of a confusion matrix (K, K)."""
    values = {f"{prefix}/{name}": value for name, value in summary(matrix).items()}
    for class_name, scores in per_class(matrix, class_names).items():
        values |= {f"{prefix}/{name}/{class_name}": scores[name] for name in ("iou", "dice")}
    return values


def _marginals(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels of each class that are right, in the ground truth, in the prediction: float64 (K,), exact below 2^53."""
    counts = matrix.cpu().double()  # some devices know no float64
    return counts.diagonal(), counts.sum(1), counts.sum(0)[: len(counts)]
