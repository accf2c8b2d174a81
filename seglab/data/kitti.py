"""KITTI semantics: 200 frames of about 1242x375 with the label ids of Cityscapes (Alhaija et al., IJCV 2018)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, files_by_stem, pair_files, read_sample, require_root
from seglab.data.subset import random_split_indices
from seglab.errors import SeglabError
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/training/image_2/<number>_10.png
  <data.root>/training/semantic/<number>_10.png
  <data.root>/testing/image_2/<number>_10.png (for split test)"""
_SOURCE = "Get data_semantics.zip at www.cvlibs.net/datasets/kitti (semantic segmentation)."
# KITTI publishes no validation images, so this split is ours; hence constants, as it has to be the same in all runs.
_PARTS = {"train_80": 0, "train_20": 1}
_FRACTIONS, _SEED = (0.8, 0.2), 42


class KITTI:
    """One split: train (all 200), its random parts train_80 and train_20, or test (200 frames without labels)."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="cityscapes")
        if split not in ("train", "test", *_PARTS):
            raise SeglabError(f"expected the split train, train_80, train_20 or test of KITTI; got {split!r}")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        part = folder / ("testing" if split == "test" else "training")
        images = files_by_stem(part / "image_2", suffixes=(".png",), layout=_LAYOUT)
        masks: dict[str, Path] = {}
        if split != "test":
            masks = files_by_stem(part / "semantic", suffixes=(".png",), layout=_LAYOUT)
            pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks.get(name), name=name, group=name) for name in sorted(images)
        ]
        if split in _PARTS:
            parts = random_split_indices(len(self.samples), fractions=_FRACTIONS, seed=_SEED)
            self.samples = [self.samples[index] for index in parts[_PARTS[split]]]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)
