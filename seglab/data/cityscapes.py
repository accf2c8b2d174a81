"""Cityscapes: 2048x1024 street scenes of 50 cities, finely or coarsely annotated (Cordts et al., CVPR 2016)."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, find_folder, list_files, pair_files, read_sample, require_root
from seglab.data.subset import random_split_indices
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/leftImg8bit/{train,val,test}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
  <data.root>/gtFine/{train,val,test}/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png
  <data.root>/gtCoarse/train_extra/<city>/<city>_<sequence>_<frame>_gtCoarse_labelIds.png (for split train_extra)
or the archives that hold them, as they were downloaded:
  <data.root>/leftImg8bit_trainvaltest.zip
  <data.root>/gtFine_trainvaltest.zip"""
_SOURCE = "Register at www.cityscapes-dataset.com and get leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."
_COARSE = "train_extra"
# A published split of the sorted training images, hence constants: random_split(train, [0.8, 0.2]) of torch.
_PARTS = {"train_80": 0, "train_20": 1}
_FRACTIONS, _SEED = (0.8, 0.2), 2147483647
# train_80 and mirrored copies: of its own images, or as published, of those of the generator's next draw.
_COPIES_OF_DRAW = {"train_80_mirrored": 0, "train_80_leaking": 1}

log = logging.getLogger("seglab")


class Cityscapes:
    """One split; masks are read from `labelIds`. The masks of `test` are dummies.

    Splits: the official train, val, test and train_extra (coarse masks), sorted by name; train_80 and train_20, a
    random split of train in the order that torch draws; train_80_mirrored, train_80 and a mirrored copy of each of its
    images. No copy stands on another side than its original, but in train_80_leaking, which repeats a published
    mistake (svenbbsp/CS_challenge) and warns: of the 595 images of train_20, it holds 465 mirrored.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="cityscapes")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        official = "train" if split in _PARTS or split in _COPIES_OF_DRAW else split
        kind = "gtCoarse" if official == _COARSE else "gtFine"
        images = _by_name(folder, f"leftImg8bit/{official}", ending="_leftImg8bit.png")
        masks = _by_name(folder, f"{kind}/{official}", ending=f"_{kind}_labelIds.png")
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.split("_")[0]) for name in sorted(images)
        ]
        if split in _PARTS:
            self.samples = _part(self.samples, _PARTS[split])
        elif split in _COPIES_OF_DRAW:
            self.samples = _with_copies(self.samples, split)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _part(samples: list[Sample], part: int, *, draw: int = 0) -> list[Sample]:
    indices = random_split_indices(len(samples), fractions=_FRACTIONS, seed=_SEED, draw=draw)[part]
    return [samples[index] for index in indices]


def _with_copies(samples: list[Sample], split: str) -> list[Sample]:
    """train_80, then the mirrored copies."""
    train, val = (_part(samples, _PARTS[part]) for part in ("train_80", "train_20"))
    originals = _part(samples, _PARTS["train_80"], draw=_COPIES_OF_DRAW[split])
    held_out = {sample.name for sample in val}
    leaking = sum(sample.name in held_out for sample in originals)
    if leaking:
        log.warning("the split %s holds %d of the %d images of train_20, mirrored: no score on train_20 is one on "
                    "unseen images; train_80_mirrored holds none", split, leaking, len(val))  # fmt: skip
    return train + [replace(sample, name=f"{sample.name}_mirrored", mirrored=True) for sample in originals]


def _by_name(root: Path, folder: str, *, ending: str) -> dict[str, Path]:
    place = find_folder(root, folder, layout=_LAYOUT)
    files = list_files(place, pattern=f"*/*{ending}", suffixes=(".png",), layout=_LAYOUT)
    return {path.name.removesuffix(ending): path for path in files}
