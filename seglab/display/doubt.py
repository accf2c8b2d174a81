"""Maps of what a network does not know, beside its prediction and its errors."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from seglab.display.draw import Sample, captioned, colourise, errors, titled
from seglab.labels import LabelSpace

_NO_COLOUR = (0, 0, 0)


class Doubt(NamedTuple):
    """An image with the maps (H, W) of its uncertainty, in nats."""

    sample: Sample
    entropy: np.ndarray
    information: np.ndarray


def doubt_sheet(doubts: Sequence[Doubt], labels: LabelSpace) -> np.ndarray:
    """uint8 picture: image | prediction | errors | entropy | mutual information, a row an image.

    A map goes from black, no doubt, to yellow, the most that any pixel of the sheet has, which its title says.
    """
    most = [max(float(maps.max()) for maps in column) for column in _columns(doubts)]
    titles = ["image", "prediction", "errors", f"entropy 0..{most[0]:.2g} nats", f"mutual inf. 0..{most[1]:.2g} nats"]
    rows = []
    for doubt in doubts:
        sample = doubt.sample
        prediction = colourise(sample.prediction.astype(np.uint8), labels)
        parts = [
            (sample.image, cv2.INTER_CUBIC),
            (prediction, cv2.INTER_NEAREST),
            (errors(sample.truth, sample.prediction), cv2.INTER_NEAREST),
            (_heat(doubt.entropy, most[0]), cv2.INTER_NEAREST),
            (_heat(doubt.information, most[1]), cv2.INTER_NEAREST),
        ]
        rows.append(captioned(parts, sample.name))
    return titled(rows, titles)


def _columns(doubts: Sequence[Doubt]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [doubt.entropy for doubt in doubts], [doubt.information for doubt in doubts]


def _heat(values: np.ndarray, most: float) -> np.ndarray:
    """uint8 (H, W, 3) RGB."""
    if most <= 0:
        return np.full((*values.shape, 3), _NO_COLOUR, dtype=np.uint8)
    levels = np.clip(255 * (values.astype(np.float32) / most), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1])
