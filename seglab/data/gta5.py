"""GTA5, 24966 frames of a video game with the label ids of Cityscapes, for pre-training (Richter et al., ECCV 2016)."""

import logging
from pathlib import Path

import numpy as np

from seglab.data.image_files import png_size, read_ids
from seglab.data.source import Labels, Sample, files_by_stem, pair_files, read_sample, require_root
from seglab.data.subset import random_split_indices
from seglab.errors import SeglabError
from seglab.labels import label_space_of

_LAYOUT = """\
  <data.root>/images/00001.png ... 24966.png
  <data.root>/labels/00001.png ... 24966.png
  <data.root>/split.mat (only for the official splits train, val and test)"""
_SOURCE = (
    "Get images, labels and read_mapping.zip (it holds split.mat) at download.visinf.tu-darmstadt.de/data/from_games."
)
_OFFICIAL = {"train": "trainIds", "val": "valIds", "test": "testIds"}  # names of the arrays in split.mat
# The split of the published pre-training, hence constants: random_split(all, [0.8, 0.2]) of torch.
_PARTS = {"all_80": 0, "all_20": 1}
_FRACTIONS, _SEED = (0.8, 0.2), 2147483647

_LICENSE_PLATE = 34

_log = logging.getLogger("seglab")


class GTA5:
    """One split: all_80 or all_20 (random), all, or the official train, val and test of split.mat.

    Of a few frames image and label differ in size. They are left out, with a warning that names each.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="cityscapes")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        images = files_by_stem(folder / "images", suffixes=(".png",), layout=_LAYOUT)
        masks = files_by_stem(folder / "labels", suffixes=(".png",), layout=_LAYOUT)
        pair_files(images, masks)
        names = _names_of(split, sorted(images), folder)
        samples = [Sample(image=images[name], mask=masks[name], name=name, group=name) for name in names]
        self.samples = [sample for sample in samples if _one_size(images[sample.name], masks[sample.name])]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels, read_mask=_read_label_ids)


def _read_label_ids(path: Path) -> np.ndarray:
    """uint8 (H, W), label ids of Cityscapes: the license plate, 34 in these files, has the id -1 (255) there."""
    ids = read_ids(path)
    ids[ids == _LICENSE_PLATE] = 255
    return ids


def _names_of(split: str, names: list[str], folder: Path) -> list[str]:
    if split == "all":
        return names
    if split in _PARTS:
        parts = random_split_indices(len(names), fractions=_FRACTIONS, seed=_SEED)
        return [names[index] for index in parts[_PARTS[split]]]
    if split in _OFFICIAL:
        return _official_names(folder / "split.mat", split, names)
    raise SeglabError(f"expected the split {', '.join(['all', *_PARTS, *_OFFICIAL])} of GTA5; got {split!r}")


def _official_names(path: Path, split: str, names: list[str]) -> list[str]:
    from scipy.io import loadmat, matlab  # type: ignore[import-untyped]  # here: only this split needs it

    try:
        numbers = loadmat(str(path))[_OFFICIAL[split]].ravel()
    except (OSError, ValueError, KeyError, matlab.MatReadError) as error:
        raise SeglabError(
            f"expected the official split in '{path}', with the array {_OFFICIAL[split]}; {error} - restore it from "
            "read_mapping.zip, or take the splits all_80 and all_20, which need no file"
        ) from error
    chosen = [f"{number:05d}" for number in sorted(numbers.tolist())]
    absent = sorted(set(chosen) - set(names))
    if absent:
        raise SeglabError(
            f"expected {len(chosen)} frames of the official split {split}; {len(absent)} are not in "
            f"'{path.parent / 'images'}', the first is {absent[0]}.png - unpack all parts of the data set"
        )
    return chosen


def _one_size(image: Path, mask: Path) -> bool:
    (height, width), (mask_height, mask_width) = png_size(image), png_size(mask)
    if (height, width) == (mask_height, mask_width):
        return True
    _log.warning(
        "left out: image '%s' is %dx%d and its label %dx%d (height x width)",
        image, height, width, mask_height, mask_width,
    )  # fmt: skip
    return False
