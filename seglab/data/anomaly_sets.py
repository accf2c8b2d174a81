"""Data sets of the road made to be scored by anomalies, in the layouts they are downloaded in.

Fishyscapes (Blum et al., arXiv 1904.03215), Lost and Found (Pinggera et al., arXiv 1609.04653), RoadAnomaly (Lis et
al., ICCV 2019) and SegmentMeIfYouCan (Chan et al., arXiv 2104.14812). Their masks tell anomalies from the rest and know
no classes, so that a run is scored on them with `ood` alone: to a network all pixels are not labelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seglab.data.anomalies import ANOMALY, KNOWN, UNSAID, marked
from seglab.data.image_files import read_ids, read_image
from seglab.data.source import (
    Labels,
    Sample,
    files_by_stem,
    find_folder,
    list_files,
    pair_files,
    read_sample,
    require_root,
)
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX, label_space, label_space_of


@dataclass(frozen=True)
class Set:
    """One split: where its images and masks lie, and what the values of its masks mean.

    Attributes:
        images, masks: a folder below the root, and a glob in it, whose last star is the name of an image.
        meaning: {value of a mask: KNOWN or ANOMALY}; of other values nothing is said.
        numbered: the name of a mask begins with four digits and '_', which that of its image has not.
    """

    images: tuple[str, str]
    masks: tuple[str, str]
    meaning: Mapping[int, int]
    numbered: bool = False


_USUAL = {0: KNOWN, 1: ANOMALY}
# labelTrainIds of Lost and Found: 1 is the free road, 2 and more are things on it; of all around nothing is said
_ON_THE_ROAD = {1: KNOWN, **dict.fromkeys(range(2, 255), ANOMALY)}


def _track(name: str, ending: str) -> Set:
    """Of SegmentMeIfYouCan. The images of its test part have no masks."""
    folder = f"dataset_{name}Track"
    return Set((f"{folder}/images", f"*{ending}"), (f"{folder}/labels_masks", "*_labels_semantic.png"), _USUAL)


def _lost_and_found(part: str) -> Set:
    images, masks = (
        (f"leftImg8bit/{part}", "*/*_leftImg8bit.png"),
        (f"gtCoarse/{part}", "*/*_gtCoarse_labelTrainIds.png"),
    )
    return Set(images, masks, _ON_THE_ROAD)


SPLITS: Mapping[str, Set] = {
    "fishyscapes_static": Set(("Static/original", "*.png"), ("Static/labels", "*.png"), _USUAL),
    "fishyscapes_lost_and_found": Set(
        ("leftImg8bit", "*/*/*_leftImg8bit.png"), ("fishyscapes_lostandfound", "*_labels.png"), _USUAL, numbered=True
    ),
    "lost_and_found_train": _lost_and_found("train"),
    "lost_and_found_test": _lost_and_found("test"),
    "road_anomaly": Set(
        ("frames", "*.jpg"), ("frames", "*.labels/labels_semantic.png"), {0: KNOWN, 1: KNOWN, 2: ANOMALY}
    ),
    "anomaly_track": _track("Anomaly", ".jpg"),
    "obstacle_track": _track("Obstacle", ".webp"),
}
_SOURCES = {
    "fishyscapes_static": "Get the validation set of FS Static at fishyscapes.com.",
    "fishyscapes_lost_and_found": "Get fishyscapes_lostandfound.zip, and leftImg8bit.zip of Lost and Found.",
    "road_anomaly": "Get RoadAnomaly_jpg.zip at www.epfl.ch/labs/cvlab/data/road-anomaly.",
    "anomaly_track": "Get dataset_AnomalyTrack.zip at segmentmeifyoucan.com/datasets.",
    "obstacle_track": "Get dataset_ObstacleTrack.zip at segmentmeifyoucan.com/datasets.",
    "lost_and_found_train": "Get leftImg8bit.zip and gtCoarse.zip of Lost and Found.",
    "lost_and_found_test": "Get leftImg8bit.zip and gtCoarse.zip of Lost and Found.",
}


class AnomalySet:
    """One split of SPLITS, sorted by name: of a benchmark's images those that have a public mask."""

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space(labels)
        if split not in SPLITS:
            raise SeglabError(
                f"expected a split, one of {', '.join(SPLITS)}; got {split!r}{did_you_mean(split, SPLITS)}"
            )
        self._set = SPLITS[split]
        layout, source = _layout(self._set), _SOURCES[split]
        folder = require_root(root, layout=layout, source=source)
        images, masks = (_files(folder, *place, layout=layout) for place in (self._set.images, self._set.masks))
        if self._set.numbered:
            masks = {name[5:]: path for name, path in masks.items()}
        images = {name: path for name, path in images.items() if name in masks}
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.rpartition("_")[0] or name)
            for name in sorted(images)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB, and a mask uint8 (H, W) that holds IGNORE_INDEX alone."""
        image = read_image(self.samples[index].image)
        return image, np.full(image.shape[:2], IGNORE_INDEX, dtype=np.uint8)

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W), see seglab.data.anomalies."""
        path = self.samples[index].mask
        assert path is not None
        return marked(read_ids(path), self._set.meaning)


_STREET_FOLDERS = {"training": "train", "validation": "train", "test": "test"}  # which of the archives holds a split
_STREET_ANOMALY = 14


class StreetHazards:
    """StreetHazards: 1280x720, a town of CARLA without the anomalies of another (Hendrycks et al., arXiv 1911.11132).

    Splits: training and validation, without anomalies; test. In its files 14 is the anomaly, 1 to 13 are the classes.
    """

    def __init__(self, root: str | Path | None, split: str, *, labels: Labels) -> None:
        self.labels = label_space_of(labels, family="streethazards")
        if split not in _STREET_FOLDERS:
            raise SeglabError(f"expected a split of StreetHazards ({', '.join(_STREET_FOLDERS)}); got {split!r}")
        layout = (
            "  <data.root>/train/{images,annotations}/{training,validation}/<town>/<number>.png\n"
            "  <data.root>/test/{images,annotations}/test/<town>/<number>.png"
        )
        source = "Get streethazards_train.tar and streethazards_test.tar at github.com/hendrycks/anomaly-seg."
        folder = require_root(root, layout=layout, source=source) / _STREET_FOLDERS[split]
        images, masks = (
            files_by_stem(folder / kind / split, suffixes=(".png",), layout=layout, recursive=True)
            for kind in ("images", "annotations")
        )
        pair_files(images, masks)
        self.samples = [
            Sample(image=images[name], mask=masks[name], name=name, group=name.split("__")[0])
            for name in sorted(images)
        ]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""
        return read_sample(self.samples[index], self.labels)

    def anomalies(self, index: int) -> np.ndarray:
        """uint8 (H, W), see seglab.data.anomalies: what is of no class and no anomaly is not counted."""
        path = self.samples[index].mask
        assert path is not None
        known = np.where(self.read(index)[1] == IGNORE_INDEX, UNSAID, KNOWN)
        return np.where(read_ids(path) == _STREET_ANOMALY, ANOMALY, known).astype(np.uint8)


def _files(root: Path, folder: str, pattern: str, *, layout: str) -> dict[str, Path]:
    """{name of an image: its file}: what stands for the last star of the pattern."""
    parts = pattern.split("/")
    place = max(index for index, part in enumerate(parts) if "*" in part)
    where = find_folder(root, folder, layout=layout)
    files = list_files(where, pattern=pattern, suffixes=(Path(pattern).suffix,), layout=layout)
    ending = parts[place].removeprefix("*")
    return {path.relative_to(where).parts[place].removesuffix(ending): path for path in files}


def _layout(of: Set) -> str:
    return "\n".join(f"  <data.root>/{folder}/{pattern}" for folder, pattern in (of.images, of.masks))
