"""ADE20K as the scene parsing benchmark has it: 150 classes, indoors and outdoors (Zhou et al., CVPR 2017)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, files_by_stem, find_folder, pair_files, read_sample, require_root
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/images/{training,validation}/ADE_{train,val}_<number>.jpg
  <data.root>/annotations/{training,validation}/ADE_{train,val}_<number>.png
or the archive that holds them, as it was downloaded:
  <data.root>/ADEChallengeData2016.zip"""
_SOURCE = (
    "Get ADEChallengeData2016.zip at data.csail.mit.edu/places/ADEchallenge; unpacked, data.root is the folder "
    "ADEChallengeData2016."
)


class ADE20K:
    """One split, sorted by name: training or validation."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="ade20k")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = files_by_stem(_find(folder, f"images/{split}"), suffixes=(".jpg",), layout=_LAYOUT)
        masks = files_by_stem(_find(folder, f"annotations/{split}"), suffixes=(".png",), layout=_LAYOUT)
        pair_files(images, masks)
        self.samples = [Sample(image=images[name], mask=masks[name], name=name, group=name) for name in sorted(images)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _find(root: Path, folder: str) -> Path:
    return find_folder(root, folder, layout=_LAYOUT, above="ADEChallengeData2016")
