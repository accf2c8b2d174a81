"""Cityscapes image pairs: JPEG files with the photo on the left and its colour mask on the right.

Kaggle, dansbecker/cityscapes-image-pairs: 2975 training and 500 validation files of 512x256, squashed from 2:1 to
1:1. JPEG blurs the colours of the mask, so each pixel becomes the class of the nearest official colour: of 256x256
masks at quality 75 to 95, 95 to 97 % of the pixels come back right as one of 19 classes or void.
"""

from pathlib import Path

import numpy as np

from seglab.data.image_files import read_image
from seglab.data.source import Labels, Sample, files_by_stem, find_folder, require_root, to_train_ids
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, label_space_of

_LAYOUT = """\
  <data.root>/{train,val}/<number>.jpg (photo left, colour mask right; subfolders are not read)
  or <data.root>/archive.zip, as it was downloaded"""
_SOURCE = "Get cityscapes-image-pairs of dansbecker from Kaggle; the folder is cityscapes_data."
_COLORS = np.array([label.color for label in CITYSCAPES_LABELS], dtype=np.float32)  # (35, 3)
_NO_MASK = 20.0  # RGB distance; half the pixels of a JPEG mask lie within 3 of an official colour, of a photo beyond 30


class ImagePairs:
    """One split, sorted by name. Masks are decoded at the size of the file, to be resized afterwards.

    Args:
        palette: how many colours a pixel may be decoded to. 35: all of the official table, of equally near ones the
            first. 20: those of the 19 evaluated classes and black; fewer colours, fewer false classes at the edges of
            objects. 8: the 35, merged into the categories (labels cityscapes_8).
        distance: pixels farther than this from every colour (Euclidean, RGB of 0..255) are ignored; None: none are.
    """

    def __init__(
        self, root: str | Path | None, split: str, *, labels: Labels, palette: int, distance: float | None
    ) -> None:
        self.labels = label_space_of(labels, family="cityscapes")
        self._rows = _palette(palette, self.labels.name)  # of the official table
        self._ids = np.array([CITYSCAPES_LABELS[row].id % 256 for row in self._rows], dtype=np.uint8)
        self._distance = np.inf if distance is None else distance
        root = require_root(root, layout=_LAYOUT, source=_SOURCE)
        folder = find_folder(root, split, layout=_LAYOUT, above="cityscapes_data")
        files = files_by_stem(folder, suffixes=(".jpg", ".jpeg"), layout=_LAYOUT)
        self.samples = [Sample(image=files[name], mask=files[name], name=name, group=name) for name in sorted(files)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids: the two halves of a file of H x 2W."""
        path = self.samples[index].image
        pair = read_image(path)  # (H, 2W, 3)
        width = pair.shape[1] // 2
        if pair.shape[1] != 2 * width:
            raise SeglabError(
                f"expected a pair of two equally wide halves; '{path}' is {pair.shape[1]} pixels wide - remove it"
            )
        ids, far = self._decode(pair[:, width:], path)
        mask = to_train_ids(ids, self.labels, path)
        mask[far] = IGNORE_INDEX
        return np.ascontiguousarray(pair[:, :width]), mask

    def _decode(self, mask: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Label ids uint8 (H, W) of the colours (H, W, 3), and bool (H, W): is it too far from all of the palette?"""
        red, green, blue = (mask[..., channel].astype(np.uint32) for channel in range(3))
        colors, position = np.unique(red << 16 | green << 8 | blue, return_inverse=True)  # a fifth of the pixels
        pixels = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.float32)  # (N, 3)
        # |pixel - color|^2; whole numbers below 2^24, hence exact in float32
        squared = (_COLORS**2).sum(1) - 2 * (pixels @ _COLORS.T) + (pixels**2).sum(1, keepdims=True)  # (N, 35)
        position = position.reshape(mask.shape[:2])
        if np.median(squared.min(1)[position]) > _NO_MASK**2:  # of all colours: a small palette lacks some of a mask's
            raise SeglabError(
                f"expected a Cityscapes colour mask in the right half; '{path}' holds mostly other colours - is it a "
                "pair of another data set, or the photo on the right?"
            )
        chosen = squared[:, self._rows]  # (N, palette)
        return self._ids[chosen.argmin(1)][position], (chosen.min(1) > self._distance**2)[position]


def _palette(colors: int, labels: str) -> list[int]:
    """Rows of CITYSCAPES_LABELS."""
    if colors == 8 and labels != "cityscapes_8":
        raise SeglabError(
            f"expected data.labels=cityscapes_8 with the palette of 8; got {labels} - set it, or choose 35 or 20"
        )
    if colors in (35, 8):
        return list(range(len(CITYSCAPES_LABELS)))
    if colors == 20:
        return [0, *(row for row, label in enumerate(CITYSCAPES_LABELS) if not label.ignore_in_eval)]
    raise SeglabError(f"expected data.source.palette of 35, 20 or 8 colours; got {colors!r}")
