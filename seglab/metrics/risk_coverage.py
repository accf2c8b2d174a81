"""Selective prediction: what a network is worth that may keep silent where it is unsure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.metrics.means import means

# A bin holds the confidences that agree in the first 16 bits of 1 - confidence as float32: sign, exponent and 7 bits of
# mantissa. So they are fine where confidences crowd: 128 between 0 and 1/2, 128 between 1/2 and 3/4, and so on to 1.
_SHIFT = 16
_FIRST = (127 - 24) << 7  # 2^-24: float32 has nothing between 1 - 2^-24 and 1
_BINS = ((127 << 7) - _FIRST) + 2  # that of confidence 1 comes first, that of 0 last


class Kept(NamedTuple):
    """The pixels of highest confidence, as a share of all."""

    miou: float  # over the classes that are left; NaN where none is
    classes: int  # of which one pixel at least is kept or predicted
    confidence: float  # at which the line is drawn: what lies above is kept
    undecided: float  # share of all pixels in the bin of that line, of which so many are taken as are missing


class RiskCoverage:
    """Risk-coverage curve, its area, and mIoU at a coverage, over all labelled pixels of a data set.

    The risk at coverage c is the share of wrong pixels among the most confident c of all; AURC is its mean over all
    coverages 1/n, 2/n, ..., 1 (Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty estimation", arXiv 1805.08206,
    equation 2). Confidences are counted in 3,074 bins, finer than 1 % of 1 - confidence, class by class: 3 K numbers
    a bin, whatever the number of images. The order inside a bin is unknown: what is told is the mean over all of them,
    and `error_bound` says how far the true order can be from it.
    """

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes
        # pixels of each class that are right, in the ground truth, and in the prediction
        self._hit, self._truth, self._pred = np.zeros((3, num_classes, _BINS), dtype=np.int64)

    def update(self, confidence: np.ndarray, pred: np.ndarray, mask: np.ndarray) -> None:
        """Adds an image.

        Args:
            confidence: float (H, W), 0..1.
            pred: (H, W) train ids; anything outside the classes is wrong.
            mask: (H, W) train ids, IGNORE_INDEX where nothing is counted.

        Raises:
            SeglabError: shapes differ.
        """
        if not confidence.shape == pred.shape == mask.shape:
            raise SeglabError(
                f"expected confidence, pred and mask of one shape; got {confidence.shape}, {pred.shape} and "
                f"{mask.shape} - resize the probabilities to the mask"
            )
        valid = mask != IGNORE_INDEX
        place = _bin(confidence[valid])
        truth, guess = mask[valid].astype(np.intp), pred[valid].astype(np.intp)
        known = guess < self._num_classes
        self._truth += self._counted(truth, place)
        self._pred += self._counted(guess[known], place[known])
        self._hit += self._counted(truth[truth == guess], place[truth == guess])

    def aurc(self) -> float:
        """The area under the curve, 0..1; NaN before the first pixel."""
        return self._areas()[1]

    def error_bound(self) -> float:
        """How far at most `aurc` is from the value that the exact order of all confidences gives."""
        low, middle, high = self._areas()
        return max(high - middle, middle - low)

    def risks(self, coverages: Sequence[float]) -> list[float]:
        """The risk at each of the coverages (0 < c <= 1); NaN before the first pixel."""
        pixels, wrong = self._totals()
        reached, errors = np.concatenate([[0], pixels.cumsum()]), np.concatenate([[0], wrong.cumsum()])
        if not reached[-1]:
            return [math.nan] * len(coverages)
        asked = np.asarray(coverages, dtype=np.float64) * reached[-1]
        return (np.interp(asked, reached, errors) / asked).tolist()

    def kept(self, coverage: float) -> Kept:
        """What is left where the most confident `coverage` (0 < c <= 1) of all pixels are kept."""
        pixels, _ = self._totals()
        reached = pixels.cumsum()
        total = int(reached[-1])
        if not total:
            return Kept(math.nan, 0, math.nan, math.nan)
        asked = coverage * total
        last = min(int(np.searchsorted(reached, asked)), _BINS - 1)
        part = (asked - (reached[last] - pixels[last])) / pixels[last]
        hit, truth, pred = (
            counts[:, :last].sum(1) + part * counts[:, last] for counts in (self._hit, self._truth, self._pred)
        )
        miou = float(means(hit, truth, pred)["miou"])
        return Kept(miou, int((truth + pred > 0).sum()), _confidence(last), float(pixels[last] / total))

    def merge(self, other: "RiskCoverage") -> None:
        """Adds another accumulator of as many classes."""
        self._hit += other._hit
        self._truth += other._truth
        self._pred += other._pred

    def _counted(self, classes: np.ndarray, place: np.ndarray) -> np.ndarray:
        """int64 (K, bins): how many of the pixels are of each class, in each bin."""
        size = self._num_classes * _BINS
        return np.bincount(classes * _BINS + place, minlength=size).reshape(self._num_classes, _BINS)

    def _totals(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 (bins,) each: all pixels and the wrong ones, the most confident first."""
        pixels = self._truth.sum(0)
        return pixels, pixels - self._hit.sum(0)

    def _areas(self) -> tuple[float, float, float]:
        """The least, the mean and the largest area that an order inside the bins can give."""
        pixels, wrong = self._totals()
        filled = pixels > 0
        n, e = pixels[filled], wrong[filled]
        if not n.size:
            return (math.nan,) * 3
        before, errors = n.cumsum() - n, e.cumsum() - e
        # The sum over j = 1..n of (errors + x_j) / (before + j), x_j of the first j being wrong: in the mean e j / n
        mean = e + (errors - e * before / n) * _harmonic(before, n)
        # the right ones first: x_j = 0 up to n - e, then j - (n - e)
        right = n - e
        low = errors * _harmonic(before, right) + e + (errors - (before + right)) * _harmonic(before + right, e)
        # the wrong ones first: x_j = j up to e, then e
        high = e + (errors - before) * _harmonic(before, e) + (errors + e) * _harmonic(before + e, right)
        total = float(n.sum())
        return float(low.sum() / total), float(mean.sum() / total), float(high.sum() / total)


def _harmonic(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """float64: the sum of 1 / (start + j) over j = 1..count, of each."""
    return _harmonic_number(start + count) - _harmonic_number(start)


def _harmonic_number(n: np.ndarray) -> np.ndarray:
    """1 + 1/2 + ... + 1/n, of each: by the asymptotic series, exact to the last digits from n = 32 on."""
    table = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, 33))])
    x = np.maximum(n, 32).astype(np.float64)
    series = np.log(x) + np.euler_gamma + 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4)
    return np.where(n <= 32, table[np.minimum(n, 32)], series)


def _bin(confidence: np.ndarray) -> np.ndarray:
    """The place of each confidence among the bins, the highest first; monotone, so that no order is turned."""
    doubt = np.clip(1 - confidence.astype(np.float32), 0, 1)
    bits = doubt.view(np.uint32).astype(np.int64) >> _SHIFT
    return np.maximum(bits - _FIRST + 1, 0)


def _confidence(place: int) -> float:
    """The lowest confidence that a bin holds."""
    if place == 0:
        return 1.0
    ends = np.array([(place + _FIRST) << _SHIFT], dtype=np.uint32).view(np.float32)  # where the next bin begins
    return float(max(0.0, 1 - ends[0]))
