"""WildDash 2: 4256 frames of dash cams with hazards from all over the world, 1920x1080 (Zendel et al., CVPR 2022)."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from seglab.data.image_files import read_colors
from seglab.data.source import Labels, Sample, files_by_stem, find_folder, pair_files, read_sample, require_root
from seglab.data.subset import random_split_indices
from seglab.errors import SeglabError
from seglab.labels import label_space_of
from seglab.runs import archive

_LAYOUT = """\
  <data.root>/images/<name>.jpg
  <data.root>/panoptic/<name>.png (numbers of segments as colours)
  <data.root>/panoptic.json (which category a segment is)
or the archive that holds them, as it was downloaded:
  <data.root>/wd_public_v2p0.zip"""
_SOURCE = "Register at wilddash.cc and get the Public GT Package, wd_public_v2p0.zip."
_UNLABELED = 0  # category of pixels of no segment, as pano2sem.py of the authors' scripts has it
# WildDash publishes one part with labels, so this split is ours; hence constants, as it has to be the same in all runs.
_PARTS = {"all_80": 0, "all_20": 1}
_FRACTIONS, _SEED = (0.8, 0.2), 42

Segments = Mapping[int, int]  # {number of a segment: its category}


class WildDash:
    """One split, sorted by name: all, or its random parts all_80 and all_20."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="wilddash")
        if split not in ("all", *_PARTS):
            raise SeglabError(f"expected the split all, all_80 or all_20 of WildDash 2; got {split!r}")
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        place = find_folder(folder, "images", layout=_LAYOUT, above="wd_public_v2p0")
        images = files_by_stem(place, suffixes=(".jpg",), layout=_LAYOUT)
        masks = files_by_stem(place.parent / "panoptic", suffixes=(".png",), layout=_LAYOUT)
        pair_files(images, masks)
        table = place.parent / "panoptic.json"
        self._segments = _read_segments(table, names=sorted(images))
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name, beside=(table,))
            for name in sorted(images)
        ]
        if split in _PARTS:
            part = random_split_indices(len(images), fractions=_FRACTIONS, seed=_SEED)[_PARTS[split]]
            self.samples = [self.samples[index] for index in part]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        sample = self.samples[index]
        return read_sample(sample, self.labels, read_mask=partial(_read_mask, segments=self._segments[sample.name]))


def _read_segments(path: Path, *, names: list[str]) -> dict[str, Segments]:
    """{name of an image: its segments}, of a file in the format of COCO's panoptic task."""
    try:
        content = json.loads(archive.read_bytes(path))
        segments: dict[str, Segments] = {
            Path(of_image["file_name"]).stem: {part["id"]: part["category_id"] for part in of_image["segments_info"]}
            for of_image in content["annotations"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeglabError(f"expected annotations of segments in '{path}'; {type(error).__name__}: {error} - expected "
                          f"layout:\n{_LAYOUT}\n{_SOURCE}")  from error  # fmt: skip
    absent = [name for name in names if name not in segments]
    if absent:
        raise SeglabError(f"expected segments of every image in '{path}'; {len(absent)} of {len(names)} have none, the "
                          f"first is '{absent[0]}' - do both come from the same release?")  # fmt: skip
    return segments


def _read_mask(path: Path, *, segments: Segments) -> np.ndarray:
    """uint8 (H, W), categories: a segment's number is red + 256 green + 65536 blue."""
    red, green, blue = np.moveaxis(read_colors(path).astype(np.uint32), 2, 0)
    numbers, place = np.unique(red + (green << 8) + (blue << 16), return_inverse=True)
    categories = np.array([segments.get(number, _UNLABELED) for number in numbers.tolist()], dtype=np.uint8)
    return categories[place].reshape(red.shape)
