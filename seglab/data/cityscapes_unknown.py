"""Street scenes in the layout of Cityscapes with things that no class is for: what seglab draws itself."""

from pathlib import Path

import numpy as np

from seglab.data.anomalies import ANOMALY, KNOWN, UNSAID
from seglab.data.cityscapes import Cityscapes
from seglab.data.image_files import read_ids
from seglab.data.scenes.ids import UNKNOWN
from seglab.data.source import Labels, read_sample
from seglab.labels import IGNORE_INDEX


class CityscapesUnknown:
    """One split; the label id 34, which Cityscapes does not have, marks an anomaly. To a network it is not labelled."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        source = Cityscapes(root, split, labels=labels)
        self.labels, self.samples = source.labels, source.samples

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels, read_mask=_without_unknown)

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W), see seglab.data.anomalies: what is of no class and no anomaly is not counted."""
        path = self.samples[index].mask
        assert path is not None
        mask = self.read(index)[1]
        return np.where(read_ids(path) == UNKNOWN, ANOMALY, np.where(mask == IGNORE_INDEX, UNSAID, KNOWN)).astype(
            np.uint8
        )


def _without_unknown(path: Path) -> np.ndarray:
    ids = read_ids(path)
    return np.where(ids == UNKNOWN, np.uint8(0), ids)
