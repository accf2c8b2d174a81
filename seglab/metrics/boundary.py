"""How well outlines are drawn: boundary F1 (BF score) and boundary IoU.

Void counts neither way, in both: a pixel that the mask ignores is void in the prediction as well, it belongs to no
outline, and an edge between a class and void is no outline (where the object ends there is unknown).
"""

import math
from functools import cache

import cv2
import numpy as np

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

_BYTE = 256


class BoundaryF1:
    """Mean F1 of the outlines, each pixel of which has to lie near the other outline.

    Of each image and each class of its ground truth: precision = share of the predicted outline less than `tolerance`
    times the image's diagonal from the true outline; recall the other way round; F1 their harmonic mean, 0 if only one
    of the outlines exists. Scores are averaged over the classes of an image, then over images, as in SegNet
    (arXiv 1511.00561, section 4.1) after Csurka et al., "What is a good evaluation measure for semantic
    segmentation?" (BMVC 2013). An outline is made of the pixels of a class that have another class to the left,
    right, top or bottom; the image's border is none. A class without outline in either map has no score.

    Args:
        num_classes: K.
        tolerance: share of the diagonal; 0.0075 in both papers.
    """

    def __init__(self, num_classes: int, *, tolerance: float = 0.0075) -> None:
        self.tolerance = tolerance
        self.class_total = np.zeros(num_classes)
        self.class_images = np.zeros(num_classes, dtype=np.int64)
        self.image_total = 0.0
        self.images = 0

    def update(self, pred: np.ndarray, mask: np.ndarray) -> None:
        """Adds an image: uint8 (H, W) label map and mask of class ids, IGNORE_INDEX in the mask is void."""
        pred = _without_void(pred, mask, len(self.class_total))
        cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
        true_outline, pred_outline = _edge_band(mask, cross), _edge_band(pred, cross)
        reach = self.tolerance * math.hypot(*mask.shape)
        scores = []
        for index in np.flatnonzero(_pixels(mask)[: len(self.class_total)]):
            score = _f1(pred_outline & (pred == index), true_outline & (mask == index), reach)
            if score == score:
                self.class_total[index] += score
                self.class_images[index] += 1
                scores.append(score)
        if scores:
            self.image_total += sum(scores) / len(scores)
            self.images += 1

    def compute(self) -> dict[str, float | np.ndarray]:
        """{"mean": over images, "per_class": float64 (K,), over images with the class}; NaN where there is none."""
        images = np.where(self.class_images > 0, self.class_images, np.nan)
        return {"mean": self.image_total / (self.images or math.nan), "per_class": self.class_total / images}


class BoundaryIoU:
    """IoU of the bands along the outlines, which unlike IoU asks for as much of a large object as of a small one.

    The band of a class holds its pixels at most d pixels (d steps of a 3x3 erosion) from another class or from the
    image's border, d = `dilation` times the diagonal, rounded, at least 1. Source: Cheng et al., "Boundary IoU", arXiv
    2103.16562, and its program's `mask_to_boundary`. Intersections and unions are summed over the data set.

    Args:
        num_classes: K.
        dilation: share of the diagonal; 0.02 in the paper.
    """

    def __init__(self, num_classes: int, *, dilation: float = 0.02) -> None:
        self.dilation = dilation
        self.intersection = np.zeros(num_classes, dtype=np.int64)
        self.union = np.zeros(num_classes, dtype=np.int64)

    def update(self, pred: np.ndarray, mask: np.ndarray) -> None:
        """Adds an image: uint8 (H, W) label map and mask of class ids, IGNORE_INDEX in the mask is void."""
        num_classes = len(self.union)
        pred = _without_void(pred, mask, num_classes)
        steps = max(1, round(self.dilation * math.hypot(*mask.shape)))
        square = np.ones((2 * steps + 1, 2 * steps + 1), dtype=np.uint8)  # = that many erosions with 3x3
        true_band, pred_band = (_edge_band(labels, square, border=True) for labels in (mask, pred))
        shared = _pixels(mask[true_band & pred_band & (mask == pred)])[:num_classes]
        self.intersection += shared
        self.union += _pixels(mask[true_band])[:num_classes] + _pixels(pred[pred_band])[:num_classes] - shared

    def compute(self) -> dict[str, float | np.ndarray]:
        """{"mean": over classes, "per_class": float64 (K,)}; NaN where a class is nowhere, left out of the mean."""
        per_class = self.intersection / np.where(self.union > 0, self.union, np.nan)
        return {"mean": float(np.nanmean(per_class)) if (self.union > 0).any() else math.nan, "per_class": per_class}


def _without_void(pred: np.ndarray, mask: np.ndarray, num_classes: int) -> np.ndarray:
    """The prediction, IGNORE_INDEX where the mask has it; both checked."""
    if pred.shape != mask.shape or mask.ndim != 2 or pred.dtype != np.uint8 or mask.dtype != np.uint8:
        raise SeglabError(
            f"expected uint8 label maps (H, W) of one shape; got {pred.dtype} {pred.shape} and {mask.dtype} "
            f"{mask.shape} - resize the prediction to the mask"
        )
    pred = np.where(mask == IGNORE_INDEX, np.uint8(IGNORE_INDEX), pred)
    for labels, what in ((pred, "prediction"), (mask, "mask")):
        unknown = np.flatnonzero(_pixels(labels[mask != IGNORE_INDEX])[num_classes:IGNORE_INDEX]) + num_classes
        if len(unknown):
            raise SeglabError(
                f"the {what} holds {unknown[0]}; expected class ids 0..{num_classes - 1} and "
                f"{IGNORE_INDEX} for none of them - is it of another label space?"
            )
    return pred


def _edge_band(labels: np.ndarray, window: np.ndarray, *, border: bool = False) -> np.ndarray:
    """bool (H, W): labelled pixels in whose window another class lies; with `border`, also the outside of the image.

    The extremes of the window say so for all classes at once: where no other class is near, both are the pixel's own.
    """
    void = labels == IGNORE_INDEX
    outside = {"borderType": cv2.BORDER_CONSTANT, "borderValue": IGNORE_INDEX} if border else {}
    highest = cv2.dilate(np.where(void, np.uint8(0), labels), window, **outside)  # void is never the highest
    lowest = cv2.erode(labels, window)  # void is 255, never the lowest
    return ~void & ((highest != labels) | (lowest != labels))


def _f1(pred: np.ndarray, truth: np.ndarray, reach: float) -> float:
    """F1 of two outlines, bool (H, W); NaN when both are empty."""
    if not pred.any() or not truth.any():
        return 0.0 if pred.any() or truth.any() else math.nan
    precision = _share_near(pred, truth, reach)
    recall = _share_near(truth, pred, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_near(outline: np.ndarray, other: np.ndarray, reach: float) -> float:
    """Share of the pixels of `outline` that are less than `reach` pixels from `other`.

    Looks around each pixel, near ones first, until it is found: outlines are thin, so this is 3 to 7 times faster
    than distance transforms of the image.
    """
    margin = math.ceil(reach)
    wide = cv2.copyMakeBorder(other.view(np.uint8), margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    rows, columns = np.nonzero(outline)
    far = (rows + margin) * wide.shape[1] + columns + margin  # positions in `wide` that are not near so far
    flat = wide.reshape(-1)
    for row, column in _disc(reach):
        far = far[flat[far + (row * wide.shape[1] + column)] == 0]
        if not len(far):
            break
    return 1 - len(far) / len(rows)


@cache
def _disc(reach: float) -> list[tuple[int, int]]:
    """All steps (rows, columns) shorter than `reach` pixels, and none at all; ascending."""
    extent = range(-math.ceil(reach), math.ceil(reach) + 1)
    steps = [(row, column) for row in extent for column in extent if math.hypot(row, column) < reach]
    return sorted(steps or [(0, 0)], key=lambda step: math.hypot(*step))


def _pixels(labels: np.ndarray) -> np.ndarray:
    """int64 (256,): how often each value occurs."""
    return np.bincount(labels.reshape(-1), minlength=_BYTE)
