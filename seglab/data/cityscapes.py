"""Cityscapes, fine annotations: 2048x1024 street scenes of 50 cities (Cordts et al., CVPR 2016)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Sample, list_files, pair_files, read_sample, require_root
from seglab.labels import label_space

_LAYOUT = """\
  <data.root>/leftImg8bit/{train,val,test}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
  <data.root>/gtFine/{train,val,test}/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png"""
_SOURCE = "Register at www.cityscapes-dataset.com and unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."


class Cityscapes:
    """One official split, sorted by name; masks are read from `labelIds`. The masks of `test` are dummies."""

    def __init__(self, root: str | Path | None, split: str, *, labels: str) -> None:
        self.labels = label_space(labels)
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = _by_name(folder / "leftImg8bit" / split, ending="_leftImg8bit.png")
        masks = _by_name(folder / "gtFine" / split, ending="_gtFine_labelIds.png")
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.split("_")[0]) for name in sorted(images)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _by_name(folder: Path, *, ending: str) -> dict[str, Path]:
    files = list_files(folder, pattern=f"*/*{ending}", suffixes=(".png",), layout=_LAYOUT)
    return {path.name.removesuffix(ending): path for path in files}
