"""IDD, the India Driving Dataset: unstructured traffic, 1920x1080 and 1280x720 (Varma et al., WACV 2019)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, list_files, pair_files, read_sample, require_root
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/leftImg8bit/{train,val,test}/<drive>/<frame>_leftImg8bit.png (part II: .jpg)
  <data.root>/gtFine/{train,val}/<drive>/<frame>_gtFine_labellevel3Ids.png
  <data.root>/gtFine/{train,val}/<drive>/<frame>_gtFine_labelcsTrainIds.png (for data.labels=idd_19)"""
_SOURCE = (
    "Register at idd.insaan.iiit.ac.in and get IDD Segmentation. Its polygons become masks by "
    "preperation/createLabels.py of github.com/AutoNUE/public-code: --datadir ROOT --id-type level3Id; for the 19 "
    "classes of Cityscapes (data.labels=idd_19) --id-type csTrainId."
)
_MASKS = {"idd_19": "_gtFine_labelcsTrainIds"}  # of other label spaces: level 3
_LEVEL_3 = "_gtFine_labellevel3Ids"


class IDD:
    """One split, sorted by name: train, val, or test (without labels). Both parts of IDD may lie in one folder."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="idd")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = _by_name(folder / "leftImg8bit" / split, ending="_leftImg8bit", suffixes=(".png", ".jpg"))
        masks: dict[str, Path] = {}
        if split != "test":
            ending = _MASKS.get(self.labels.name, _LEVEL_3)
            masks = _by_name(folder / "gtFine" / split, ending=ending, suffixes=(".png",))
            pair_files(images, masks)
        self.samples = [
            Sample(image=path, mask=masks.get(name), name=name, group=path.parent.name)
            for name, path in sorted(images.items())
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _by_name(folder: Path, *, ending: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """By drive and frame, as drives number their frames alike."""
    files = list_files(folder, pattern=f"*/*{ending}.*", suffixes=suffixes, layout=f"{_LAYOUT}\n{_SOURCE}")
    return {f"{path.parent.name}_{path.stem.removesuffix(ending)}": path for path in files}
