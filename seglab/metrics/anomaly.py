"""How well a score tells anomalies from what is known: AUROC, AP and the false positive rate at 95 % recall.

A higher score means more anomalous; anomalies are the positives. Of equal scores none stands before the other.
"""

import math
from typing import NamedTuple

import numpy as np

from seglab.errors import SeglabError

RECALL = 0.95  # of FPR95, as in Hendrycks & Gimpel, arXiv 1610.02136
BINS = 1 << 20
_DROPPED_BITS = 32 - 20


class Detection(NamedTuple):
    """0..1 each; NaN where there are no positives or no negatives."""

    auroc: float  # share of pairs of a positive and a negative in which the positive scores higher, equal ones a half
    ap: float  # sum of the recall's steps times the precision at their end, as scikit-learn's average_precision_score
    fpr95: float  # share of negatives that score no less than the highest threshold that finds 95 % of the positives


UNDEFINED = Detection(math.nan, math.nan, math.nan)


def detection(scores: np.ndarray, positive: np.ndarray) -> Detection:
    """Exact, of scores that are all held: any shape, with `positive` bool of the same one.

    Raises:
        SeglabError: shapes differ, or a score is not a number.
    """
    _check(scores, positive)
    values, place = np.unique(scores.ravel(), return_inverse=True)
    found, false = (
        np.bincount(place[chosen], minlength=len(values))[::-1] for chosen in (positive.ravel(), ~positive.ravel())
    )
    return _of_counts(found, false)


class AnomalyHistogram:
    """The same over all pixels of a data set, in 16 MB, with bounds of what counting in bins may change.

    A bin holds the scores whose float32 agree in the first 20 of 32 bits, sign, exponent and 11 bits of the mantissa:
    the order of floats is that of these bits, so that no range has to be known before, and a bin is at most 0.05 % of
    its score wide. Scores close to 0 where little is anomalous (as 1 - max softmax) are told apart the best. What is
    counted does not depend on the order of images; two histograms are added by `merge`.

    Attributes:
        positives, negatives: int64 (BINS,), from the lowest score to the highest.
    """

    def __init__(self) -> None:
        self.positives = np.zeros(BINS, dtype=np.int64)
        self.negatives = np.zeros(BINS, dtype=np.int64)
        self._of_images: list[Detection] = []

    def update(self, scores: np.ndarray, positive: np.ndarray, valid: np.ndarray) -> None:
        """Adds an image.

        Args:
            scores: float (H, W).
            positive: bool (H, W), whether a pixel is an anomaly.
            valid: bool (H, W), False where nobody says whether it is one.

        Raises:
            SeglabError: shapes differ, or a score is not a number.
        """
        _check(scores, positive, valid)
        positives = _counted(scores[valid & positive])
        negatives = _counted(scores[valid & ~positive])
        self.positives += positives
        self.negatives += negatives
        if positives.any() and negatives.any():
            self._of_images.append(_of_counts(positives[::-1], negatives[::-1]))

    def merge(self, other: "AnomalyHistogram") -> None:
        """Adds another histogram."""
        self.positives += other.positives
        self.negatives += other.negatives
        self._of_images += other._of_images

    def compute(self) -> Detection:
        """Pooled over all pixels, those of one bin as equal scores. The exact value is within `error` of it."""
        return _of_counts(self.positives[::-1], self.negatives[::-1])

    def error(self) -> Detection:
        """The most by which each value of `compute` may differ from that of the scores themselves."""
        found, false = self.positives[::-1], self.negatives[::-1]
        if not (found.any() and false.any()):
            return UNDEFINED
        value = self.compute()
        positives, negatives = int(found.sum()), int(false.sum())
        in_a_bin = float((found.astype(np.float64) * false).sum())  # pairs whose order is not known
        lowest, highest = _bounds_of_ap(found, false)
        at = int(np.searchsorted(np.cumsum(found), _needed(positives)))
        return Detection(
            in_a_bin / positives / negatives / 2,
            max(value.ap - lowest, highest - value.ap, 0.0),
            int(false[at]) / negatives,
        )

    def mean_of_images(self) -> Detection:
        """Mean over the images that have both kinds of pixels, as StreetHazards counts (arXiv 1911.11132).

        Each image's values are those of its own histogram.
        """
        return Detection(*np.mean(self._of_images, axis=0).tolist()) if self._of_images else UNDEFINED

    @property
    def images(self) -> int:
        """How many images have both kinds of pixels."""
        return len(self._of_images)

    def best_threshold(self) -> float:
        """The score from which on pixels are taken for anomalies so that their F1 is highest: a bin's lower end."""
        found, false = np.cumsum(self.positives[::-1]), np.cumsum(self.negatives[::-1])
        f1 = 2 * found / np.maximum(found + false + found[-1], 1)
        return _lower_end(BINS - 1 - int(f1.argmax()))


def _check(scores: np.ndarray, *others: np.ndarray) -> None:
    shapes = [scores.shape, *(other.shape for other in others)]
    if len(set(shapes)) > 1:
        raise SeglabError(f"expected scores and marks of one shape; got {' and '.join(map(str, shapes))} - resize them")
    if np.isnan(scores).any():
        raise SeglabError(
            f"expected scores that are numbers; {int(np.isnan(scores).sum())} of {scores.size} are not - has the "
            "network's training diverged?"
        )


def _of_counts(found: np.ndarray, false: np.ndarray) -> Detection:
    """Of how many positives and negatives have each score, int64, the highest score first."""
    positives, negatives = int(found.sum()), int(false.sum())
    if not positives or not negatives:
        return UNDEFINED
    held = (found > 0) | (false > 0)
    found, false = found[held], false[held]
    all_found, all_false = np.cumsum(found), np.cumsum(false)
    below = negatives - all_false + false / 2  # negatives that a positive of this score beats
    precision = all_found / (all_found + all_false)
    at = int(np.searchsorted(all_found, _needed(positives)))
    return Detection(
        float((found * below).sum() / positives / negatives),
        float((found * precision).sum() / positives),
        int(all_false[at]) / negatives,
    )


def _needed(positives: int) -> int:
    """How many positives are at least 95 % of them, without the rounding of 0.95."""
    return -(-positives * 95 // 100)


def _bounds_of_ap(found: np.ndarray, false: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest AP of all orders, ties included, that scores inside the bins may have.

    At worst a bin's negatives stand before its positives, whose i-th has the precision f(i) = (t + i) / (t + i + n).
    f grows and is concave, so that f(1) + ... + f(p) is at least p (f(1) + f(p)) / 2. At best all its positives stand
    before its negatives, at one threshold.
    """
    held = found > 0
    all_found, all_false = np.cumsum(found)[held], np.cumsum(false)[held]
    here, negatives = found[held], false[held]
    before = all_found - here
    first, last = ((before + count) / (before + count + all_false) for count in (1, here))
    best = all_found / (all_found + all_false - negatives)
    total = here.sum()
    return float((here * (first + last) / 2).sum() / total), float((here * best).sum() / total)


def _counted(scores: np.ndarray) -> np.ndarray:
    """int64 (BINS,): how many of the scores (N,) lie in each bin."""
    return np.bincount(_bins(scores), minlength=BINS)


def _bins(scores: np.ndarray) -> np.ndarray:
    """The bins of scores (N,): the bits of a float in the order of its value, 0 and -0 in one."""
    bits = (np.ascontiguousarray(scores, dtype=np.float32) + np.float32(0)).view(np.uint32)
    negative = (bits >> 31).astype(bool)
    ordered = np.where(negative, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> _DROPPED_BITS).astype(np.intp)


def _lower_end(number: int) -> float:
    """The lowest score of a bin."""
    ordered = np.array([number << _DROPPED_BITS], dtype=np.uint32)
    bits = np.where(ordered >> 31, ordered & np.uint32(0x7FFFFFFF), ~ordered)
    return float(bits.view(np.float32)[0])
