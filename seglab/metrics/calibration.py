"""Whether the confidence of a network is the share of pixels on which it is right."""

import math

import numpy as np

from seglab.errors import SeglabError

BINS = 15


class CalibrationError:
    """Expected and maximum calibration error over all pixels of a data set, from one histogram of fixed size.

    ECE = sum_b n_b / n |accuracy_b - confidence_b| over bins (0, 1/15], (1/15, 2/15], ... of confidence, and MCE the
    largest of these differences; Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, equations 3
    and 5. 0 is perfect.

    Args:
        bins: how many; 15 in the paper.

    Attributes:
        pixels, correct: int64 (bins,), how many pixels fell into each bin and how many of them were right.
        confidence: float64 (bins,), sum of their confidences.
    """

    def __init__(self, *, bins: int = BINS) -> None:
        self.pixels = np.zeros(bins, dtype=np.int64)
        self.correct = np.zeros(bins, dtype=np.int64)
        self.confidence = np.zeros(bins)

    def update(self, confidence: np.ndarray, correct: np.ndarray, valid: np.ndarray) -> None:
        """Adds an image.

        Args:
            confidence: float (H, W), probability of the predicted class.
            correct: bool (H, W), whether the prediction is right.
            valid: bool (H, W), False where the mask is ignored.

        Raises:
            SeglabError: shapes differ, or a confidence lies outside 0..1.
        """
        if not confidence.shape == correct.shape == valid.shape:
            raise SeglabError(
                f"expected confidence, correct and valid of one shape; got {confidence.shape}, {correct.shape} and "
                f"{valid.shape} - resize the probabilities to the mask"
            )
        chosen = confidence[valid].astype(np.float64)
        # float32 softmax outputs may exceed 1 by rounding; `not` also catches NaN
        if chosen.size and not (chosen.min() >= 0 and chosen.max() <= 1 + 1e-5):
            raise SeglabError(
                f"expected confidences 0..1; got {chosen.min()}..{chosen.max()} - give probabilities, not logits"
            )
        count = len(self.pixels)
        index = np.clip(np.ceil(chosen * count).astype(np.intp) - 1, 0, count - 1)
        self.pixels += np.bincount(index, minlength=count)
        self.correct += np.bincount(index[correct[valid]], minlength=count)
        self.confidence += np.bincount(index, weights=chosen, minlength=count)

    def compute(self) -> float:
        """The expected calibration error, 0..1; NaN before the first pixel."""
        total = int(self.pixels.sum())
        return float(np.abs(self.correct - self.confidence).sum() / total) if total else math.nan

    def maximum(self) -> float:
        """The maximum calibration error, 0..1, over the bins that hold a pixel, were it one; NaN before the first."""
        filled = self.pixels > 0
        if not filled.any():
            return math.nan
        return float((np.abs(self.correct - self.confidence)[filled] / self.pixels[filled]).max())

    def diagram(self) -> dict[str, list[int] | list[float]]:
        """The reliability diagram: {"pixels", "correct", "confidence"} of each bin, as the attributes are."""
        return {
            "pixels": self.pixels.tolist(), "correct": self.correct.tolist(), "confidence": self.confidence.tolist(),
        }  # fmt: skip

    def merge(self, other: "CalibrationError") -> None:
        """Adds another accumulator with as many bins."""
        self.pixels += other.pixels
        self.correct += other.correct
        self.confidence += other.confidence
