"""Images a second of our loader and of those one would write without it, on the same samples in one run."""

import io
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import seglab.lean_imports  # noqa: F401

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, default_collate

from seglab.data.dataset import Key, SegmentationDataset
from seglab.data.module import DataModule
from seglab.data.source import Source
from seglab.data.transforms import Augmentation
from seglab.data.workers import leave_signals_to_parent
from seglab.display.numbers import sides
from seglab.errors import SeglabError
from seglab.runs import archive

NAIVE, OPENCV, FILES = "PIL, float32, sample by sample", "OpenCV decode and resize", "seglab, no cache"
CACHED, UNAUGMENTED, COPIES = "seglab, cache", "seglab, cache, no augmentation", "plain copies of the same bytes"
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class _Loader(NamedTuple):
    dataset: Any
    passes: int
    collate: bool = False  # one tensor of many samples


def measure(
    data: DataModule, *, augmentation: Augmentation, batch_size: int, workers: int, repetitions: int, passes: int
) -> dict[str, float]:
    """Images a second of every loader: medians of `repetitions`, which are interleaved.

    Each loader has read every sample once before, so all files and the cache are in the memory of the system.
    """
    files, cache = data.source("train"), data.cached_source("train")
    if files is cache:
        raise SeglabError("expected data.cache and data.size for the loaders to compare; one of them is null - set it")
    image, mask = cache.read(0)
    size = mask.shape[0], mask.shape[1]
    pictures = np.repeat(image[None], len(cache.samples), axis=0), np.repeat(mask[None], len(cache.samples), axis=0)
    kinds = {
        NAIVE: _Loader(_Naive(files, size=size, augmentation=augmentation), 1, collate=True),
        OPENCV: _Loader(SegmentationDataset(_OpenCV(files), size=size, augmentation=augmentation), 1),
        FILES: _Loader(SegmentationDataset(files, size=size, augmentation=augmentation), 1),
        CACHED: _Loader(SegmentationDataset(cache, size=size, augmentation=augmentation), passes),
        UNAUGMENTED: _Loader(SegmentationDataset(cache, size=size, augmentation=None), 4 * passes),
        COPIES: _Loader(_Copies(*pictures), 4 * passes),
    }
    count = len(files.samples)
    loaders = {
        name: _torch_loader(kind, keys=_batches(count, kind.passes, batch_size), workers=workers)
        for name, kind in kinds.items()
    }
    for loader in loaders.values():
        _seconds(loader)  # starts the processes and checks the cache
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(repetitions):
        for name, loader in loaders.items():
            rates[name].append(count * kinds[name].passes / _seconds(loader))
    return {name: statistics.median(values) for name, values in rates.items()}


def report(rates: dict[str, float], *, size: Sequence[int], workers: int) -> str:
    """A table of the rates and the three ratios that are to hold."""
    lines = [f"{sides(size)}, {workers} workers, medians".ljust(40) + "  images/s", "-" * 50]
    lines += [f"{name:40}{rate:10.1f}" for name, rate in rates.items()]
    faster, copies = rates[CACHED] / rates[NAIVE], rates[COPIES] / rates[UNAUGMENTED]
    plain = rates[FILES] / rates[OPENCV]
    lines += ["", "ratio".ljust(40) + f"{'':10}  goal"]
    for name, ratio, goal, reached in (
        ("cache / PIL", faster, ">= 40", faster >= 40),
        ("plain copies / cache, no augmentation", copies, "<= 3", copies <= 3),
        ("no cache / OpenCV decode and resize", plain, ">= 1", plain >= 1),
    ):
        lines.append(f"{name:40}{ratio:10.2f}  {goal:7}{'reached' if reached else 'missed'}")
    return "\n".join(lines)


def _batches(count: int, passes: int, batch_size: int) -> list[list[Key]]:
    keys = [(position % count, position) for position in range(count * passes)]
    return [keys[first : first + batch_size] for first in range(0, len(keys), batch_size)]


def _torch_loader(kind: _Loader, *, keys: list[list[Key]], workers: int) -> DataLoader[Any]:
    fork = workers > 0 and "fork" in multiprocessing.get_all_start_methods()
    return DataLoader(
        kind.dataset,
        batch_sampler=keys,
        collate_fn=default_collate if kind.collate else _as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if fork else None,
        worker_init_fn=_start_worker,
    )


def _seconds(loader: DataLoader[Any]) -> float:
    start = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - start


def _as_it_is(batch: Any) -> Any:
    return batch


def _start_worker(worker_id: int) -> None:
    leave_signals_to_parent()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


class _Naive:
    """Samples as many a tutorial reads them: PIL, float32, normalised in the worker."""

    def __init__(self, source: Source, *, size: tuple[int, int], augmentation: Augmentation) -> None:
        self._samples, self._lookup = source.samples, source.labels.lookup
        self._size, self._augmentation = size, augmentation

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, torch.Tensor]:
        sample, (height, width) = self._samples[key[0]], self._size
        assert sample.mask is not None
        with Image.open(io.BytesIO(archive.read_bytes(sample.image))) as file:
            image = np.array(file.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
        with Image.open(io.BytesIO(archive.read_bytes(sample.mask))) as file:
            mask = self._lookup[np.array(file.resize((width, height), Image.Resampling.NEAREST))]
        image, mask = self._augmentation(image, mask, key[1])
        normalised = (image.astype(np.float32) / 255 - _MEAN) / _STD
        return torch.from_numpy(normalised).permute(2, 0, 1).contiguous(), torch.from_numpy(mask).long()


class _OpenCV:
    """A source that reads as plainly as OpenCV allows, without a look at what it gets."""

    def __init__(self, source: Source) -> None:
        self.samples, self.labels = source.samples, source.labels

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self.samples[index]
        assert sample.mask is not None
        image = _decoded(sample.image, cv2.IMREAD_COLOR_RGB)
        return image, cv2.LUT(_decoded(sample.mask, cv2.IMREAD_UNCHANGED), self.labels.lookup)


def _decoded(path: Path, flags: int) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(archive.read_bytes(path), np.uint8), flags)
    assert image is not None
    return image


class _Copies:
    """Batches of bytes from memory: what no loader of this kind can beat."""

    def __init__(self, images: np.ndarray, masks: np.ndarray) -> None:
        self._images, self._masks = images, masks

    def __len__(self) -> int:
        return len(self._masks)

    def __getitems__(self, keys: Sequence[Key]) -> dict[str, torch.Tensor]:
        images = np.empty((len(keys), *self._images.shape[1:]), dtype=np.uint8)
        masks = np.empty((len(keys), *self._masks.shape[1:]), dtype=np.uint8)
        for position, (index, _) in enumerate(keys):
            images[position], masks[position] = self._images[index], self._masks[index]
        return {"image": torch.from_numpy(images), "mask": torch.from_numpy(masks)}
