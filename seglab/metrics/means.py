"""The scores of a whole data set from the pixels of its classes. Numpy alone: tables need no torch for them.

All results are float64. A mean is over the classes that have the score, NaN where none has: the protocol of Cityscapes
and Pascal VOC. One more score is a line here, and its title in seglab.metrics.titles.
"""

import numpy as np


def means(right: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """{name: (...)} of (..., K) pixels of each class: that are right, in the ground truth, in the prediction.

    miou: mean of the classes' IoU. mdice: mean of their Dice scores; it does not follow from mIoU.
    accuracy: share of all labelled pixels that is right. mean_accuracy: mean of the class accuracies.
    fwiou: sum_c f_c IoU_c, with f_c the share of class c in the ground truth (Long et al., arXiv 1411.4038).
    """
    iou, labelled = ratio(right, truth + predicted - right), truth.sum(-1)
    return {
        "miou": known_mean(iou),
        "mdice": known_mean(ratio(2 * right, truth + predicted)),
        "accuracy": ratio(right.sum(-1), labelled),
        "mean_accuracy": known_mean(ratio(right, truth)),
        "fwiou": ratio(np.where(truth > 0, truth * iou, 0).sum(-1), labelled),
    }


def known_mean(values: np.ndarray) -> np.ndarray:
    """(..., M) -> (...): the mean of those that are not NaN; NaN where all are."""
    is_known = ~np.isnan(values)
    return ratio(np.where(is_known, values, 0).sum(-1), is_known.sum(-1))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where `whole` is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
