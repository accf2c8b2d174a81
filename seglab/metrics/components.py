"""Whether each anomaly is found as one thing: sIoU, PPV and F1 of connected components, as SegmentMeIfYouCan has them.

Chan et al., "SegmentMeIfYouCan: A Benchmark for Anomaly Segmentation", arXiv 2104.14812, section 4.2.
"""

import math
from typing import Any

import cv2
import numpy as np

from seglab.errors import SeglabError

THRESHOLDS = tuple(percent / 100 for percent in range(25, 80, 5))  # of sIoU, over which F1 is averaged


class ComponentScores:
    """Means over the components of a data set; components touch at edges and corners (8 neighbours).

    sIoU of an anomaly k: |k and P| / |(k or P) without the other anomalies|, P all predicted components that meet k.
    PPV of a predicted component p: |p and the anomalies that it meets| / |p|. For a threshold t an anomaly with
    sIoU > t is found, one of no more is missed, a predicted component with PPV <= t is false;
    F1(t) = 2 found / (2 found + missed + false). Pixels that are not valid are neither predicted nor anomalies.

    Args:
        least: predicted components of fewer pixels are passed over; 500 on the benchmark's anomaly track, 50 on that
            of obstacles.

    Raises:
        SeglabError: `least` is below 0.
    """

    def __init__(self, *, least: int = 0) -> None:
        if least < 0:
            raise SeglabError(f"expected the least pixels of a component as a whole number >= 0; got {least}")
        self._least = least
        self.siou: list[float] = []  # of every anomaly
        self.ppv: list[float] = []  # of every predicted component

    def update(self, predicted: np.ndarray, positive: np.ndarray, valid: np.ndarray) -> None:
        """Adds an image: bool (H, W) each, what is taken for an anomaly, what is one, where both count."""
        truth_count, truth, truth_sizes = _components(positive & valid)
        count, found, sizes = _components(predicted & valid)
        kept = sizes >= max(self._least, 1)
        kept[0] = False
        # pixels of each pair of an anomaly and a predicted component; what is neither is 0
        pairs = np.bincount(
            truth.astype(np.intp).ravel() * count + found.ravel(), minlength=truth_count * count
        ).reshape(truth_count, count)  # fmt: skip
        pairs[:, ~kept] = 0
        on_anomalies = pairs[1:].sum(0)  # of each predicted component
        self.ppv += (on_anomalies[kept] / sizes[kept]).tolist()
        for own, size in zip(pairs[1:], truth_sizes[1:], strict=True):
            meeting = own > 0
            both = int(own.sum())
            on_others = int(on_anomalies[meeting].sum()) - both
            together = int(size) + int(sizes[meeting].sum()) - both - on_others
            self.siou.append(both / together)

    def merge(self, other: "ComponentScores") -> None:
        """Adds another accumulator of the same `least`."""
        self.siou += other.siou
        self.ppv += other.ppv

    def compute(self) -> dict[str, Any]:
        """{"siou", "ppv", "f1"}, 0..1 each, and how many "anomalies" and predicted "components" there are.

        NaN where there are none of those over which a mean goes.
        """
        siou, ppv = np.array(self.siou), np.array(self.ppv)
        f1 = []
        for threshold in THRESHOLDS:
            found = int((siou > threshold).sum())
            wrong = len(siou) - found + int((ppv <= threshold).sum())
            f1.append(2 * found / (2 * found + wrong) if found + wrong else math.nan)
        return {
            "siou": float(siou.mean()) if len(siou) else math.nan,
            "ppv": float(ppv.mean()) if len(ppv) else math.nan,
            "f1": float(np.mean(f1)),
            "anomalies": len(siou),
            "components": len(ppv),
        }


def _components(mask: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """How many there are, the background among them, their numbers (H, W) and their sizes in pixels."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return count, numbers, np.bincount(numbers.ravel(), minlength=count)
