"""Cityscapes: 2048x1024 street scenes of 50 cities, finely or coarsely annotated (Cordts et al., CVPR 2016)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, list_files, pair_files, read_sample, require_root
from seglab.data.subset import random_split_indices
from seglab.labels import label_space

_LAYOUT = """\
  <data.root>/leftImg8bit/{train,val,test}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
  <data.root>/gtFine/{train,val,test}/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png
  <data.root>/gtCoarse/train_extra/<city>/<city>_<sequence>_<frame>_gtCoarse_labelIds.png (for split train_extra)"""
_SOURCE = "Register at www.cityscapes-dataset.com and unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."
_COARSE = "train_extra"
# A published split of the sorted training images, hence constants: random_split(train, [0.8, 0.2]) of torch.
_PARTS = {"train_80": 0, "train_20": 1}
_FRACTIONS, _SEED = (0.8, 0.2), 2147483647


class Cityscapes:
    """One split; masks are read from `labelIds`. The masks of `test` are dummies.

    Splits: the official train, val, test and train_extra (coarse masks), sorted by name; train_80 and train_20, a
    random split of train in the order that torch draws. A split is made of files, and a flip is an augmentation of a
    training image while it is loaded: no mirrored copy exists that could stand on the other side.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space(labels)
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        official = "train" if split in _PARTS else split
        kind = "gtCoarse" if official == _COARSE else "gtFine"
        images = _by_name(folder / "leftImg8bit" / official, ending="_leftImg8bit.png")
        masks = _by_name(folder / kind / official, ending=f"_{kind}_labelIds.png")
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.split("_")[0]) for name in sorted(images)
        ]
        if split in _PARTS:
            parts = random_split_indices(len(self.samples), fractions=_FRACTIONS, seed=_SEED)
            self.samples = [self.samples[index] for index in parts[_PARTS[split]]]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _by_name(folder: Path, *, ending: str) -> dict[str, Path]:
    files = list_files(folder, pattern=f"*/*{ending}", suffixes=(".png",), layout=_LAYOUT)
    return {path.name.removesuffix(ending): path for path in files}
