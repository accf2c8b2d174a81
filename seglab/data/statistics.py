"""How often each class occurs in a split, counted once from its label files at full size and then remembered."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from seglab.data.parallel import map_samples
from seglab.data.source import Source
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, LabelSpace
from seglab.runs import archive
from seglab.runs.json_file import read_object

_VERSION = 1  # of the stored file: raise it when the same labels would be counted otherwise
_EXACT = 2**24  # up to here a float32, in which OpenCV counts, holds every whole number


class Counts(NamedTuple):
    """The labels of one image."""

    pixels: np.ndarray  # int64 (K,)
    void: int
    digest: str  # of the mask's bytes


@dataclass(frozen=True)
class ClassStatistics:
    """What loss weights are made of. Every sequence has one whole number for each class, in the order of `names`."""

    labels: str  # name of the label space
    names: tuple[str, ...]
    images: int
    pixels: tuple[int, ...]  # of the class
    images_with: tuple[int, ...]  # images that contain the class
    pixels_of_images_with: tuple[int, ...]  # all pixels of those images, void ones as well
    void: int  # pixels without a class
    content: str  # SHA-256 of all masks in their order: equal for equal labels, wherever they lie

    @property
    def total(self) -> int:
        """All pixels, void ones as well."""
        return sum(self.pixels) + self.void

    @property
    def shares(self) -> np.ndarray:
        """float64 (K,): the share of each class in the labelled pixels; 0 where nothing is labelled."""
        return np.array(self.pixels, dtype=np.float64) / max(1, sum(self.pixels))

    @property
    def void_share(self) -> float:
        return self.void / max(1, self.total)

    @property
    def classes_per_image(self) -> float:
        """Mean number of classes in an image."""
        return sum(self.images_with) / max(1, self.images)

    @property
    def absent(self) -> list[str]:
        """Names of the classes without a pixel."""
        return [name for name, pixels in zip(self.names, self.pixels, strict=True) if pixels == 0]


def count_labels(mask: np.ndarray, labels: LabelSpace, *, name: str) -> Counts:
    """The pixels of each class in `mask`, uint8 (H, W) of train ids. Raises SeglabError for a value that is none."""
    # 10 times faster than np.bincount, which would need the mask as int64 first
    values = (
        cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        if mask.size <= _EXACT
        else np.bincount(mask.ravel(), minlength=256)
    )  # (256,)
    num_classes = labels.num_classes
    outside = [int(value) for value in np.flatnonzero(values) if value >= num_classes and value != IGNORE_INDEX]
    if outside:
        raise SeglabError(
            f"mask of '{name}': expected train ids 0..{num_classes - 1} and {IGNORE_INDEX} (void); got {outside[:5]} - "
            f"the reader of the data set does not map its values to {labels.name}"
        )
    digest = hashlib.blake2b(np.ascontiguousarray(mask).tobytes(), digest_size=16).hexdigest()
    return Counts(values[:num_classes], int(values[IGNORE_INDEX]), digest)


def summed(counts: Iterable[Counts], labels: LabelSpace) -> ClassStatistics:
    """The statistics of a split, given the counts of its images in their order."""
    images, void, content = 0, 0, hashlib.sha256()
    pixels, images_with, pixels_of_images_with = (np.zeros(labels.num_classes, np.int64) for _ in range(3))
    for of_image in counts:
        images, void = images + 1, void + of_image.void
        present = of_image.pixels > 0
        pixels += of_image.pixels
        images_with += present
        pixels_of_images_with += present * (int(of_image.pixels.sum()) + of_image.void)
        content.update(of_image.digest.encode())
    return ClassStatistics(
        labels=labels.name,
        names=labels.names,
        images=images,
        pixels=_whole(pixels),
        images_with=_whole(images_with),
        pixels_of_images_with=_whole(pixels_of_images_with),
        void=void,
        content=content.hexdigest(),
    )


def class_statistics(source: Source, *, folder: Path, title: str) -> ClassStatistics:
    """The statistics of a split: counted by all cores, or read from `folder`, where they are kept.

    They are found again as long as the label space and the list, size and time of the label files stay the same.
    Masks are never resized. Raises SeglabError naming the first file that cannot be read.
    """
    key = _key(source)
    path = folder / f"{source.labels.name}-{key[:16]}.json"
    stored = _stored(path, key=key)
    if stored is not None:
        return stored
    statistics = summed(_counts(source, folder=folder, key=key, title=title), source.labels)
    write(statistics, path, key=key)
    return statistics


def class_counts(source: Source, *, folder: Path, title: str) -> np.ndarray:
    """int64 (N, K + 1): the pixels of each class in each image of a split, void ones in the last column.

    Counted, kept and found again as `class_statistics` are, beside them; where either was counted, both are there.
    """
    key = _key(source)
    stored = _stored_counts(_file_of_counts(source, folder=folder, key=key), key=key)
    if stored is not None and stored.shape == (len(source.samples), source.labels.num_classes + 1):
        return stored
    counts = _counts(source, folder=folder, key=key, title=title)
    write(summed(counts, source.labels), folder / f"{source.labels.name}-{key[:16]}.json", key=key)
    return _of_images(counts, source.labels)


def write(statistics: ClassStatistics, path: Path, *, key: str) -> None:
    """Stores the statistics in one rename: of two processes that count at once, either leaves a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = json.dumps({"version": _VERSION, "key": key, "files": statistics.images, **asdict(statistics)}, indent=1)
    partial.write_text(text + "\n", encoding="utf-8")
    os.replace(partial, path)


def _counts(source: Source, *, folder: Path, key: str, title: str) -> list[Counts]:
    """Of every image; those of the classes are kept for `class_counts`."""
    counts = list(map_samples(_count, source, title=title))
    path = _file_of_counts(source, folder=folder, key=key)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "wb") as file:
        np.savez_compressed(file, key=np.array(key), counts=_of_images(counts, source.labels))
    os.replace(partial, path)
    return counts


def _of_images(counts: Iterable[Counts], labels: LabelSpace) -> np.ndarray:
    rows = [[*of_image.pixels.tolist(), of_image.void] for of_image in counts]
    return np.array(rows, dtype=np.int64).reshape(-1, labels.num_classes + 1)


def _file_of_counts(source: Source, *, folder: Path, key: str) -> Path:
    return folder / f"{source.labels.name}-{key[:16]}.npz"


def _stored_counts(path: Path, *, key: str) -> np.ndarray | None:
    """None where there are none, or they are damaged or of other files."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            return stored["counts"] if stored["key"].item() == key else None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None


def _count(source: Source, index: int) -> Counts:
    _, mask = source.read(index)
    return count_labels(mask, source.labels, name=source.samples[index].name)


def _key(source: Source) -> str:
    """SHA-256 of whatever the counts depend on, without reading a label file."""
    labels = source.labels
    decisive = (_VERSION, type(source).__qualname__, labels.name, labels.names, sorted(labels.to_train.items()))
    digest = hashlib.sha256(repr(decisive).encode())
    for sample in source.samples:
        path = sample.image if sample.mask is None else sample.mask
        try:
            status = archive.status(path)
        except OSError as error:
            raise SeglabError(f"expected a readable file; '{path}': {error.strerror} - restore it") from error
        digest.update(repr((sample.name, str(path.absolute()), *status)).encode())
    return digest.hexdigest()


def _stored(path: Path, *, key: str) -> ClassStatistics | None:
    """The statistics in `path`; None where there are none, or they are damaged or of other files: count again."""
    try:
        values = read_object(path, what="statistics", cure="delete it")
        if values is None or values.pop("key") != key or values.pop("version") != _VERSION:
            return None
        statistics = {field.name: _tuple_for_list(values[field.name]) for field in fields(ClassStatistics)}
    except (SeglabError, KeyError):
        return None
    return ClassStatistics(**statistics)


def _whole(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _tuple_for_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
