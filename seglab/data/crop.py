"""Random scale and crop in one: the geometry of mmsegmentation's training recipe, as a transform of albumentations."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from albumentations.core.transforms_interface import DualTransform
from albumentations.core.type_definitions import Targets

from seglab.labels import IGNORE_INDEX

_TRIES = 10  # crops that are looked at; the next is taken as it comes
_AT_ONCE = 4  # channels that OpenCV warps at once


class ScaleAndCrop(DualTransform):
    """Scales the image by a random factor and cuts a window out of it, of one size whatever the image's.

    As RandomResize and RandomCrop of mmsegmentation (mmseg/datasets/transforms/transforms.py): up to ten windows are
    drawn until one holds two classes or more of which none fills `cat_max_ratio` of its labelled pixels; ignored
    pixels are not counted. If none does, an eleventh is taken as it is. What a small image leaves empty, below and to
    the right, is black and ignored.

    Only the window is interpolated, so that a crop of a large image costs as much as one of a small image. Bilinear,
    without averaging where the image shrinks, as there; of the mask, the pixel under the centre of the new one.

    Args:
        size: (height, width) of the window.
        scale: the smallest and the largest factor, between which all are equally likely.
        cat_max_ratio: 0..1; 1 takes the first window.
    """

    _targets = (Targets.IMAGE, Targets.MASK)

    def __init__(
        self, size: Sequence[int], *, scale: Sequence[float] = (0.5, 2.0), cat_max_ratio: float = 0.75, p: float = 1.0
    ) -> None:
        super().__init__(p=p)
        self.size = (int(size[0]), int(size[1]))
        self.scale = (float(scale[0]), float(scale[1]))
        self.cat_max_ratio = cat_max_ratio

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """{"rows", "columns"}: of each row and column of the window, the place in the image, in pixels, as a float."""
        height, width = data["image"].shape[:2]
        factor = self.py_random.uniform(*self.scale)
        scaled = max(1, round(height * factor)), max(1, round(width * factor))
        mask = data.get("mask")
        for attempt in range(_TRIES + 1):
            rows = self._places(scaled[0], self.size[0], of=height)
            columns = self._places(scaled[1], self.size[1], of=width)
            if self.cat_max_ratio >= 1 or mask is None or attempt == _TRIES:
                break
            if _is_mixed(mask[np.ix_(_nearest(rows), _nearest(columns))], self.cat_max_ratio):
                break
        return {"rows": rows, "columns": columns}

    def _places(self, scaled: int, side: int, *, of: int) -> np.ndarray:
        """float64 (side,), fewer where the scaled image is smaller: centres of pixels, on the scale of the image."""
        first = self.py_random.randint(0, max(scaled - side, 0))
        return (np.arange(first, min(first + side, scaled)) + 0.5) * (of / scaled) - 0.5

    def apply(self, img: np.ndarray, rows: np.ndarray, columns: np.ndarray, **params: Any) -> np.ndarray:
        """(height, width, C) of an image (H, W, C)."""
        result = np.zeros((*self.size, *img.shape[2:]), img.dtype)
        vertical, horizontal = _step(rows), _step(columns)
        matrix = np.array([[horizontal, 0, columns[0]], [0, vertical, rows[0]]])
        bands = img.reshape(*img.shape[:2], -1)
        window = result.reshape(*self.size, -1)
        for first in range(0, bands.shape[2], _AT_ONCE):
            warped = cv2.warpAffine(
                np.ascontiguousarray(bands[..., first : first + _AT_ONCE]),
                matrix,
                (len(columns), len(rows)),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            window[: len(rows), : len(columns), first : first + _AT_ONCE] = warped.reshape(len(rows), len(columns), -1)
        return result

    def apply_to_mask(self, mask: np.ndarray, rows: np.ndarray, columns: np.ndarray, **params: Any) -> np.ndarray:
        """(height, width) of a mask (H, W)."""
        result = np.full(self.size, IGNORE_INDEX, mask.dtype)
        result[: len(rows), : len(columns)] = mask[np.ix_(_nearest(rows), _nearest(columns))]
        return result


def _is_mixed(mask: np.ndarray, most: float) -> bool:
    """Whether two classes or more are labelled and none fills the share `most` of the labelled pixels."""
    rows = np.ascontiguousarray(mask)
    counts = cv2.calcHist([rows], [0], None, [256], [0, 256]).ravel()
    counts[IGNORE_INDEX] = 0
    return bool(np.count_nonzero(counts) > 1 and counts.max() < most * counts.sum())


def _nearest(places: np.ndarray) -> np.ndarray:
    return np.floor(places + 0.5).astype(np.intp)  # places + 0.5 is inside 0..side


def _step(places: np.ndarray) -> float:
    return float(places[1] - places[0]) if len(places) > 1 else 1.0
