"""BDD100K, the 10K images with semantic labels: 1280x720, from cars in the United States (Yu et al., CVPR 2020)."""

from functools import partial
from pathlib import Path

import numpy as np

from seglab.data.image_files import read_ids, read_rgba
from seglab.data.source import Labels, Sample, files_by_stem, find_folder, pair_files, read_sample, require_root
from seglab.data.subset import grouped_split
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, label_space_of

_LAYOUT = """\
  <data.root>/images/10k/{train,val,test}/<video>-<frame>.jpg
  <data.root>/labels/sem_seg/masks/{train,val}/<video>-<frame>.png (train ids, for data.labels=bdd_19)
  <data.root>/labels/pan_seg/bitmasks/{train,val}/<video>-<frame>.png (RGBA, for data.labels=bdd_41)
or the zip archives that hold them, as they were downloaded"""
_SOURCE = "Register at bdd-data.berkeley.edu and get the 10K images with their semantic and panoptic labels."
_ALL_CLASSES = 41
_NO_COLORS = (
    "is it a colour mask? Its colours cannot be turned back into classes: (0, 0, 0) is unlabeled, ego vehicle and "
    "static, (220, 20, 60) person and parking sign, (153, 153, 153) pole and polegroup. Take the masks of "
    "labels/sem_seg/masks (19 classes) or labels/pan_seg/bitmasks (41 classes)"
)
# Our own split of all labelled images into 70:15:15, hence constants: two runs that name it have seen the same images.
_PARTS = {"train_70": 0, "val_15": 1, "test_15": 2}
_FRACTIONS, _SEED = (0.70, 0.15, 0.15), 42


class BDD100K:
    """One split, sorted by name: with 41 classes from the panoptic bitmasks, otherwise from the 19 train ids.

    Splits: the official train, val and test (without labels: every pixel is ignored); train_70, val_15 and test_15 of
    train and val together, where all frames of one video stand on one side.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="bdd")
        self._panoptic = self.labels.num_classes == _ALL_CLASSES
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        official = ("train", "val") if split in _PARTS else (split,)
        self.samples = sorted(
            (sample for part in official for sample in self._samples(folder, part)), key=lambda sample: sample.name
        )
        if split in _PARTS:
            parts = grouped_split([sample.group for sample in self.samples], fractions=_FRACTIONS, seed=_SEED)
            self.samples = [self.samples[index] for index in parts[_PARTS[split]]]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        read_mask = _read_bitmask if self._panoptic else partial(read_ids, if_colored=_NO_COLORS)
        return read_sample(self.samples[index], self.labels, read_mask=read_mask)

    def _samples(self, folder: Path, split: str) -> list[Sample]:
        images = files_by_stem(_find(folder, f"images/10k/{split}"), suffixes=(".jpg", ".jpeg"), layout=_LAYOUT)
        masks: dict[str, Path] = {}
        if split != "test":
            kind = "pan_seg/bitmasks" if self._panoptic else "sem_seg/masks"
            masks = files_by_stem(_find(folder, f"labels/{kind}/{split}"), suffixes=(".png",), layout=_LAYOUT)
            pair_files(images, masks)
        return [
            Sample(image=path, mask=masks.get(name), name=name, group=name.split("-")[0])
            for name, path in images.items()
        ]


def _find(root: Path, folder: str) -> Path:
    return find_folder(root, folder, layout=_LAYOUT, above="bdd100k")


def _read_bitmask(path: Path) -> np.ndarray:
    """uint8 (H, W), class ids 0..40: the red channel. Green holds attributes, blue and alpha number the instances."""
    channels = read_rgba(path, otherwise=_NO_COLORS)
    ids = np.ascontiguousarray(channels[..., 0])
    colored = (ids >= _ALL_CLASSES) & (ids != IGNORE_INDEX)
    if colored.any() or (channels[..., 3] == 255).all():  # an opaque picture, not the numbers of instances
        raise SeglabError(
            f"expected a panoptic bitmask with class ids 0..{_ALL_CLASSES - 1} in its red channel; '{path}' holds "
            f"{ids.max()} there and alpha {channels[..., 3].min()}..{channels[..., 3].max()} - {_NO_COLORS}"
        )
    return ids
