"""Photographs into which things are drawn that no class is for: a benchmark of anomalies of any labelled data set.

As Fishyscapes Static does it (Blum et al., The Fishyscapes Benchmark, IJCV 2021), with the things of our street scenes
in place of cut-out photographs: they lie on the image, without its light, so that they are easier to find than real
ones.
"""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seglab.data.anomalies import ANOMALY, KNOWN, UNSAID
from seglab.data.image_files import RGB
from seglab.data.scenes.ids import UNKNOWN
from seglab.data.source import Labels, Source
from seglab.data.synthetic import scene_at
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX


class DrawnUnknown:
    """One split of `source`; what is drawn into an image follows from `seed` and the image's name alone.

    Args:
        source: a reader class, or what makes one of (root, split, labels=...).
        seed: of the things; not the run's, so that all runs see the same.
    """

    def __init__(
        self, root: str | Path | None, split: str, *, labels: Labels, source: Callable[..., Source], seed: int
    ) -> None:
        self._source, self._seed = source(root, split, labels=labels), seed
        self.labels, self.samples = self._source.labels, self._source.samples

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files.

        The mask ignores what is drawn.
        """
        image, mask, things = self._drawn(index)
        return image, np.where(things, np.uint8(IGNORE_INDEX), mask)

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W), see seglab.data.anomalies: what is of no class and no thing drawn here is not counted."""
        _, mask, things = self._drawn(index)
        return np.where(things, ANOMALY, np.where(mask == IGNORE_INDEX, UNSAID, KNOWN)).astype(np.uint8)

    def _drawn(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The image with its things, the mask without them, and where they are, bool (H, W)."""
        image, mask = self._source.read(index)
        if image.dtype != np.uint8 or image.shape[2] != RGB:
            raise SeglabError(f"expected 8-bit images of {RGB} channels, into which things can be drawn; came "
                              f"{image.shape[2]} channels of {image.dtype} - choose another data set")  # fmt: skip
        height, width = mask.shape
        number = zlib.crc32(self.samples[index].name.encode())
        scene = scene_at(seed=self._seed, split="test", index=number, height=height, width=width, unknown=True)
        things = scene.label_ids == UNKNOWN
        return np.where(things[..., None], scene.image, image), mask, things
