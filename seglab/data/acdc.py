"""ACDC: streets in fog, at night, in rain and in snow, 1920x1080, with the label ids of Cityscapes.

Sakaridis et al., ACDC: The Adverse Conditions Dataset with Correspondences, ICCV 2021.
"""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, find_folder, list_files, pair_files, read_sample, require_root
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/rgb_anon/{fog,night,rain,snow}/{train,val,test}/<sequence>/<sequence>_frame_<number>_rgb_anon.png
  <data.root>/gt/{fog,night,rain,snow}/{train,val}/<sequence>/<sequence>_frame_<number>_gt_labelIds.png
or the archives that hold them, as they were downloaded:
  <data.root>/rgb_anon_trainvaltest.zip
  <data.root>/gt_trainval.zip"""
_SOURCE = "Register at acdc.vision.ee.ethz.ch and get rgb_anon_trainvaltest.zip and gt_trainval.zip."
_CONDITIONS = ("fog", "night", "rain", "snow")
_PARTS = ("train", "val", "test")
# {split: (part, its conditions)}
_SPLITS: dict[str, tuple[str, tuple[str, ...]]] = {part: (part, _CONDITIONS) for part in _PARTS}
_SPLITS |= {f"{part}_{condition}": (part, (condition,)) for part in _PARTS for condition in _CONDITIONS}


class ACDC:
    """One split: train, val or test (without labels) of all conditions, or of one: val_fog, train_night, ..."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="cityscapes")
        if split not in _SPLITS:
            raise SeglabError(
                f"expected a split of ACDC ({', '.join(_SPLITS)}); got {split!r}{did_you_mean(split, _SPLITS)}"
            )
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        part, conditions = _SPLITS[split]
        self.samples = [sample for condition in conditions for sample in _samples(folder, condition, part)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _samples(root: Path, condition: str, part: str) -> list[Sample]:
    images = _by_name(root, f"rgb_anon/{condition}/{part}", ending="_rgb_anon.png")
    masks: dict[str, Path] = {}
    if part != "test":
        masks = _by_name(root, f"gt/{condition}/{part}", ending="_gt_labelIds.png")
        pair_files(images, masks)
    return [
        Sample(image=path, mask=masks.get(name), name=f"{condition}_{name}", group=path.parent.name)
        for name, path in sorted(images.items())
    ]


def _by_name(root: Path, folder: str, *, ending: str) -> dict[str, Path]:
    place = find_folder(root, folder, layout=_LAYOUT)
    files = list_files(place, pattern=f"*/*{ending}", suffixes=(".png",), layout=_LAYOUT)
    return {path.name.removesuffix(ending): path for path in files}
