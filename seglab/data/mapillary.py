"""Mapillary Vistas, versions 1.2 and 2.0: 25000 photographs of streets of the world (Neuhold et al., ICCV 2017)."""

from pathlib import Path

import numpy as np

from seglab.data.source import Labels, Sample, files_by_stem, find_folder, pair_files, read_sample, require_root
from seglab.errors import SeglabError
from seglab.labels import label_space_of
from seglab.runs import archive

_LAYOUT = """\
  <data.root>/{training,validation,testing}/images/<key>.jpg
  <data.root>/{training,validation}/v1.2/labels/<key>.png (training/labels/<key>.png where there is only version 1.2)
  <data.root>/{training,validation}/v2.0/labels/<key>.png (for data=mapillary_v2)
or the archive that holds them, as it was downloaded:
  <data.root>/mapillary-vistas-dataset_public_v2.0.zip"""
_SOURCE = "Ask for the Vistas Dataset at www.mapillary.com/dataset/vistas."
_FAMILIES = {"1.2": "mapillary", "2.0": "mapillary2"}


class Mapillary:
    """One split, sorted by name: training, validation, or testing (without labels).

    Args:
        version: of the labels, "1.2" or "2.0"; the images are the same.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels, version: str) -> None:
        if version not in _FAMILIES:
            raise SeglabError(f"expected data.source.version as '1.2' or '2.0'; got {version!r}")
        self.labels = label_space_of(labels, family=_FAMILIES[version])
        folder = require_root(root, layout=_LAYOUT, source=_SOURCE)
        place = find_folder(folder, f"{split}/images", layout=_LAYOUT)
        images = files_by_stem(place, suffixes=(".jpg",), layout=_LAYOUT)
        masks: dict[str, Path] = {}
        if split != "testing":
            masks = files_by_stem(_labels(place.parent, version), suffixes=(".png",), layout=_LAYOUT)
            pair_files(images, masks)
        self.samples = [Sample(image=images[key], mask=masks.get(key), name=key, group=key) for key in sorted(images)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)


def _labels(split: Path, version: str) -> Path:
    """The folder of the masks; releases before 2.0 have no folders of versions."""
    alone = split / "labels"
    return alone if version == "1.2" and archive.is_dir(alone) else split / f"v{version}" / "labels"
