"""COCO-Stuff, 164000 photographs of COCO 2017 with things and stuff (Caesar et al., CVPR 2018)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, files_by_stem, find_folder, pair_files, read_sample, require_root
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/images/{train2017,val2017}/<number>.jpg
  <data.root>/annotations/{train2017,val2017}/<number>.png
or the archives that hold them, as they were downloaded:
  <data.root>/train2017.zip
  <data.root>/val2017.zip
  <data.root>/stuffthingmaps_trainval2017.zip"""
_SOURCE = "Get the three archives that github.com/nightrome/cocostuff names."


class COCOStuff:
    """One split, sorted by name: train2017 or val2017."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="cocostuff")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = files_by_stem(_find(folder, "images", split, f"{split}.zip"), suffixes=(".jpg",), layout=_LAYOUT)
        masks = files_by_stem(
            _find(folder, "annotations", split, "stuffthingmaps*.zip"), suffixes=(".png",), layout=_LAYOUT
        )
        pair_files(images, masks)
        self.samples = [Sample(image=images[name], mask=masks[name], name=name, group=name) for name in sorted(images)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _find(root: Path, kind: str, split: str, archives: str) -> Path:
    """Both kinds of archives have the folder of the split at their top: their names tell them apart."""
    unpacked = root / kind / split
    if unpacked.is_dir():
        return unpacked
    found = find_folder(root, split, layout=_LAYOUT, archives=archives)
    return unpacked if found == root / split else found
