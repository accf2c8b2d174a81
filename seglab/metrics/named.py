"""Scores as others counted them: needed to compare with published numbers, never for a headline number.

Each depends on the batch size, on the resolution or on the treatment of void, so the same predictions score 0.41 under
one name and 0.03 under another (tests/metrics/test_named.py). All work on `Areas`, counted per image and class, where
predictions on void pixels count as predictions: this is how these programs differ from `seglab.metrics.readings`.

| name                        | level    | class absent          | averaged over                            |
|-----------------------------|----------|-----------------------|------------------------------------------|
| `batch_absent1`             | batch    | 1 if absent in both   | classes, then batches                    |
| `image_gt_present`          | image    | left out if not in GT | classes, images of a batch, then batches |
| `image_gt_present_iou`      | image    | left out if not in GT | classes, images of a batch, then batches |
| `accuracy_void_wrong`       | data set | -                     | all pixels, void included                |
| `micro_soft`                | batch    | -                     | all elements, then samples or batches    |
| `readings.binary_accuracy`  | data set | 1 if absent in both   | per class                                |
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

_BYTE = 256
_MICRO_EPSILON = 1e-6


class Areas(NamedTuple):
    """Pixel counts, int64: (B, K) but for `pixels` (B,)."""

    hit: np.ndarray  # pixels of class c that were predicted as c
    pred: np.ndarray  # pixels predicted as c, on void pixels too
    truth: np.ndarray  # pixels of class c in the ground truth
    pixels: np.ndarray  # pixels of the image, void included


def areas(pred: np.ndarray, mask: np.ndarray, *, num_classes: int) -> Areas:
    """Counts each image of a batch of uint8 label maps (B, H, W); both may hold IGNORE_INDEX, for none of the classes.

    Raises:
        SeglabError: shapes differ, types are not uint8, or a value lies outside 0..K-1.
    """
    _check_maps(pred, mask)
    joint = np.stack([_joint_histogram(*pair) for pair in zip(pred, mask, strict=True)])  # (B, 256 mask, 256 pred)
    truth, guess = joint.sum(2), joint.sum(1)
    _check_classes(truth[:, :IGNORE_INDEX], num_classes, "mask")
    _check_classes(guess[:, :IGNORE_INDEX], num_classes, "prediction")
    hit = np.diagonal(joint, axis1=1, axis2=2)
    return Areas(hit[:, :num_classes], guess[:, :num_classes], truth[:, :num_classes], truth.sum(1))


def batch_absent1(counts: Areas) -> float:
    """Dice of a batch: areas summed over its images, D_c = 2|P and T| / (|P| + |T|), 1 where both are empty; mean.

    Source: Gupta, "Train an Image Segmentation Model" (2025), `dice_score` over argmax maps. It grows as the batch
    shrinks, because absent classes count as solved: "road everywhere" on Cityscapes train scores 0.41 a single image,
    0.19 a batch of 4, 0.13 a batch of 8.
    """
    hit, both = counts.hit.sum(0), counts.pred.sum(0) + counts.truth.sum(0)
    return float(np.where(both == 0, 1.0, 2 * hit / np.maximum(both, 1)).mean())


def image_gt_present(counts: Areas) -> float:
    """Dice of each image over the classes of its ground truth; mean of the classes, then of the images.

    Source: Bierenbroodspot's U-Net baseline for Cityscapes (TU/e 5LSM0), whose classes that are predicted but absent
    cost nothing of their own. An image without a labelled pixel is left out.
    """
    return _mean_of_present(2 * counts.hit, counts.pred + counts.truth, counts.truth)


def image_gt_present_iou(counts: Areas) -> float:
    """IoU of each image over the classes of its ground truth; as `image_gt_present`."""
    return _mean_of_present(counts.hit, counts.pred + counts.truth - counts.hit, counts.truth)


class MeanOfBatches:
    """Mean of a batch's score over the batches, each counting the same: a small last batch weighs too much.

        score = MeanOfBatches(batch_absent1, num_classes=19)

    Args:
        reading: score of the Areas of a batch; a batch where it is NaN is left out.
        num_classes: K.
    """

    def __init__(self, reading: Callable[[Areas], float], *, num_classes: int) -> None:
        self.reading = reading
        self.num_classes = num_classes
        self.total = 0.0
        self.batches = 0

    def update(self, pred: np.ndarray, mask: np.ndarray) -> None:
        """Adds a batch of uint8 label maps (B, H, W)."""
        score = self.reading(areas(pred, mask, num_classes=self.num_classes))
        if score == score:
            self.total += score
            self.batches += 1

    def compute(self) -> float:
        """NaN before the first batch."""
        return self.total / self.batches if self.batches else float("nan")


class AccuracyVoidWrong:
    """Right pixels / all pixels of the data set: void is in the denominator, and nothing is right there.

    Source: pixel accuracy of Gupta (2025) and of other scripts that never mask 255. On Cityscapes train, 11.47 % of
    the pixels are void, so no network passes 0.885.
    """

    def __init__(self, *, num_classes: int) -> None:
        self.num_classes = num_classes
        self.hit = 0
        self.pixels = 0

    def update(self, pred: np.ndarray, mask: np.ndarray) -> None:
        """Adds a batch of uint8 label maps (B, H, W)."""
        counts = areas(pred, mask, num_classes=self.num_classes)
        self.hit += int(counts.hit.sum())
        self.pixels += int(counts.pixels.sum())

    def compute(self) -> float:
        """NaN before the first pixel."""
        return self.hit / self.pixels if self.pixels else float("nan")


class MicroSoft:
    """Soft Dice and IoU of all elements at once: (2 sum pt + e) / (sum p + sum t + e), e = 1e-6, void being a class.

    Source: `dice_coeff` and `iou` of the Cityscapes notebook for the 128x128 U-Net, with softmax outputs p and one-hot
    targets t flattened together. As both sum to 1 in each pixel, this Dice is the mean probability of the true class, a
    soft pixel accuracy, and IoU = Dice / (2 - Dice) within a batch.

    Args:
        by_sample: weigh each batch by its images (one derivative of the notebook), or all batches alike (the other).
    """

    def __init__(self, *, by_sample: bool) -> None:
        self.by_sample = by_sample
        self.dice = self.iou = 0.0
        self.weight = 0

    def update(self, probabilities: np.ndarray, mask: np.ndarray) -> None:
        """Adds a batch: softmax outputs (B, K, H, W), class ids (B, H, W) that are all below K.

        Raises:
            SeglabError: the mask holds IGNORE_INDEX or another value that is no class.
        """
        num_classes = probabilities.shape[1]
        if int(mask.max()) >= num_classes:
            raise SeglabError(
                f"the mask holds {mask.max()}; expected class ids 0..{num_classes - 1}, as micro_soft counts void as a "
                "class - use a label space with void, or another score"
            )
        true = np.take_along_axis(probabilities, mask[:, None].astype(np.intp), axis=1)  # (B, 1, H, W)
        shared, both = float(true.sum(dtype=np.float64)), float(probabilities.sum(dtype=np.float64)) + mask.size
        weight = len(mask) if self.by_sample else 1
        self.dice += weight * (2 * shared + _MICRO_EPSILON) / (both + _MICRO_EPSILON)
        self.iou += weight * (shared + _MICRO_EPSILON) / (both - shared + _MICRO_EPSILON)
        self.weight += weight

    def compute(self) -> dict[str, float]:
        """{"dice", "iou"}; NaN before the first batch."""
        weight = self.weight or float("nan")
        return {"dice": self.dice / weight, "iou": self.iou / weight}


def _mean_of_present(numerator: np.ndarray, denominator: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the classes of each image with truth > 0, then over the images that have one."""
    present = truth > 0
    scores = np.where(present, numerator / np.maximum(denominator, 1), 0.0).sum(1)  # (B,)
    classes = present.sum(1)
    labelled = classes > 0
    return float((scores[labelled] / classes[labelled]).mean()) if labelled.any() else float("nan")


def _joint_histogram(pred: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """int64 (256, 256), rows mask; exact for images below 2^24 pixels, as OpenCV counts in float32."""
    maps = [np.ascontiguousarray(mask), np.ascontiguousarray(pred)]
    return cv2.calcHist(maps, [0, 1], None, [_BYTE] * 2, [0, _BYTE] * 2).astype(np.int64)


def _check_maps(pred: np.ndarray, mask: np.ndarray) -> None:
    if pred.shape != mask.shape or mask.ndim != 3 or pred.dtype != np.uint8 or mask.dtype != np.uint8:
        raise SeglabError(
            f"expected uint8 label maps (B, H, W) of one shape; got {pred.dtype} {pred.shape} and {mask.dtype} "
            f"{mask.shape} - resize the prediction to the mask"
        )


def _check_classes(pixels: np.ndarray, num_classes: int, what: str) -> None:
    """`pixels` (B, up to 256): how often each value occurs."""
    unknown = np.flatnonzero(pixels.sum(0)[num_classes:]) + num_classes
    if len(unknown):
        raise SeglabError(
            f"the {what} holds {unknown[0]}; expected class ids 0..{num_classes - 1}, in the mask "
            f"also {IGNORE_INDEX} - is it of another label space?"
        )
