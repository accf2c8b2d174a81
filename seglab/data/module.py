"""The data of a run: three splits of one data set as loaders."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import seglab.lean_imports  # noqa: F401

import cv2
import torch
from lightning.pytorch import LightningDataModule

from seglab.batch import Batch
from seglab.data.cache import CachedSource, cached
from seglab.data.dataset import SegmentationDataset
from seglab.data.image_files import RGB
from seglab.data.mixing import Mixing
from seglab.data.parallel import end_at_lost_batches, in_kernel, shorten_sockets
from seglab.data.presence import Presence
from seglab.data.rare_classes import Draws
from seglab.data.sampler import ResumableLoader, SeededBatchSampler, require_full_batch
from seglab.data.shares import overlap, share_of
from seglab.data.source import Labels, Source
from seglab.data.subset import limited, taken
from seglab.data.transforms import Augmentation
from seglab.data.workers import leave_signals_to_parent
from seglab.errors import SeglabError
from seglab.labels import LabelSpace, label_space

_MOST_WORKERS = 8  # more of them wait for the disk, and each holds two batches in memory


class Reader(Protocol):
    """A reader class, or a partial of one."""

    def __call__(self, root: str | Path | None, split: str, *, labels: Labels) -> Source: ...


class DataModule(LightningDataModule):
    """Loaders of training, validation and test batches.

    Args:
        source: reader class, called as `source(root, split, labels=labels)`.
        root: folder of the data set.
        labels: key of the label space, or its names, see seglab.labels.
        train_split, val_split, test_split: as the data set calls them, or a share of one, see seglab.data.shares.
        size: (H, W) of the batches; None keeps the size of the files.
        batch_size: of one process, in training.
        eval_batch_size: the same for validation and test; None: as in training.
        num_workers: of each loader; None: none without a trainer, nor where the network itself trains on the CPU (they
            would only compete), else one for each CPU this process may use, at most 8, shared among its devices.
        augmentation: of training images; None for none.
        seed: of the order, of the augmentation, and of the samples that `limit` and `fraction` choose.
        limit: so many samples of each split, chosen with the seed; None for all. For trying something out.
        fraction: such a share of the training split, chosen with the seed; None for all. Scores of different shares
            compare, as validation and test stay whole.
        cache: folder for uint8 copies at `size` in mapped memory, built once, see seglab.data.cache; None for none.
            Without a `size` there is none.
        channels: of the images; others than 3 are for a reader that takes `channels` as well.
        prepare: writes the data set if it is not there yet: `prepare(root)` returns the folder to read from.
    """

    def __init__(
        self,
        source: Reader,
        *,
        root: str | Path | None,
        labels: Labels,
        train_split: str,
        val_split: str,
        test_split: str,
        size: tuple[int, int] | None,
        batch_size: int,
        eval_batch_size: int | None,
        num_workers: int | None,
        augmentation: Augmentation | None,
        seed: int,
        limit: int | None = None,
        fraction: float | None = None,
        cache: str | Path | None = None,
        channels: int = RGB,
        prepare: Callable[[str | Path | None], Path] | None = None,
    ) -> None:
        super().__init__()
        self.label_space: LabelSpace = label_space(labels)
        self._labels = labels
        if channels != RGB:
            source = functools.partial(source, channels=channels)  # type: ignore[call-arg]  # checked by seglab.config
        self._source = source
        self._root, self._prepare, self._channels = root, prepare, channels
        self._splits = {"train": train_split, "val": val_split, "test": test_split}
        self._size = _checked_size(size)
        self._batch_size = batch_size
        self._eval_batch_size = batch_size if eval_batch_size is None else eval_batch_size
        self._num_workers = num_workers
        self._augmentation = augmentation
        self._seed = seed
        self.order_seed = self.augment_seed = seed  # where a run gives each one of its own
        self._limit, self._fraction, self._cache = limit, fraction, cache
        self._files: dict[str, Source] = {}  # by part: train, val, test
        self._sources: dict[str, Source] = {}  # the same, from the cache if there is one
        self.draws: Draws | None = None  # what training samples are drawn by; None: every sample once in an epoch
        self.mixing: Mixing | None = None  # what makes one training sample of two
        self.passing: Presence | None = None  # what training batches are to be noted in, while there is one

    def prepare_data(self) -> None:
        """Writes a generated data set, once and on one process."""
        if self._prepare is not None:
            self._prepare(self._root)

    def require_samples(self, *, devices: int) -> None:
        """Raises SeglabError where training could not begin: files are missing, a batch has too few, val has none or
        is a share that may hold training images.

        Nothing is read but the names of files. A generated data set is written first where it is not there.
        """
        of_train, of_val = self._splits["train"], self._splits["val"]
        if (share_of(of_train) or share_of(of_val)) and overlap(of_train, of_val):
            raise SeglabError(
                f"data.train_split={of_train} data.val_split={of_val}: expected a share and its rest, as train:-10% "
                "and train:10% are; came two that may hold the same images - give both the same share, one with a minus"
            )
        train, val = self.source("train"), self.source("val")
        if not val.samples:
            raise SeglabError(
                f"data.val_split={self._splits['val']}: expected images, by which the best checkpoint is chosen; came "
                "none - complete the data set, or choose another split"
            )
        require_full_batch(len(train.samples), batch_size=self._batch_size, world_size=devices)

    def setup(self, stage: str) -> None:
        """Lists the splits of `stage` (fit, validate, test). Raises SeglabError when an image or a mask is missing."""
        for part in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}[stage]:
            if part not in self._sources:
                self._sources[part] = self.cached_source(part)

    def source(self, part: str) -> Source:
        """The samples of `part` (train, val or test) from their files, at the size of the files; limited, not cached.

        Raises SeglabError when an image or a mask is missing.
        """
        if part not in self._files:
            root = self._root if self._prepare is None else self._prepare(self._root)
            name = self._splits[part]
            share = share_of(name)
            source = self._source(root, name if share is None else share.split, labels=self._labels)
            source = source if share is None else taken(source, share)
            fraction = self._fraction if part == "train" else None  # fewer labels, measured on the same images
            self._files[part] = limited(source, limit=self._limit, fraction=fraction, seed=self._seed)
        return self._files[part]

    def cached_source(self, part: str) -> Source:
        """The samples of `part` as the loaders read them: from the cache, at the working size, if there is to be one.

        Raises SeglabError for a file that cannot be read and a cache that cannot be written.
        """
        source = self.source(part)
        if self._cache is None or self._size is None:
            return source
        reader, options = _reader(self._source)
        return cached(
            source,
            folder=Path(self._cache),
            size=self._size,
            channels=self._channels,
            title=f"{reader.rpartition('.')[2].lower()}-{self._splits[part]}",
            recipe=f"{reader} {options}",
        )

    def held(self, part: str) -> frozenset[int] | None:
        """The train ids in the masks of `part`, after `setup`; None without a cache: they are not known unread."""
        source = self._sources[part]
        return source.held if isinstance(source, CachedSource) else None

    def split(self, part: str) -> str:
        """What the data set calls `part` (train, val or test)."""
        return self._splits[part]

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """The batch as it is; here, because later it may be on a device that would have to be waited for."""
        if self.passing is not None and self.trainer is not None and self.trainer.training:
            self.passing.add(batch["mask"].numpy())
        return batch

    def train_dataloader(self) -> ResumableLoader:
        """Full batches in a new order each epoch; with overfit_batches the same unaugmented ones again and again."""
        if self.trainer is not None and self.trainer.overfit_batches > 0:
            return self._loader("train", augmentation=None, shuffle=False)
        return self._loader("train", augmentation=self._augmentation, mixing=self.mixing, shuffle=True)

    def val_dataloader(self) -> ResumableLoader:
        """Every sample of the validation split once, in order, not augmented."""
        return self._loader("val", augmentation=None, shuffle=False)

    def test_dataloader(self) -> ResumableLoader:
        """Every sample of the test split once, in order, not augmented."""
        return self._loader("test", augmentation=None, shuffle=False)

    def _loader(
        self, part: str, *, augmentation: Augmentation | None, shuffle: bool, mixing: Mixing | None = None
    ) -> ResumableLoader:
        dataset = SegmentationDataset(self._sources[part], size=self._size, augmentation=augmentation, mixing=mixing)
        sampler = SeededBatchSampler(
            len(dataset),
            batch_size=self._batch_size if part == "train" else self._eval_batch_size,
            seed=self.order_seed,
            augment_seed=self.augment_seed,
            shuffle=shuffle,
            drop_last=part == "train",
            rank=0 if self.trainer is None else self.trainer.global_rank,
            world_size=1 if self.trainer is None else self.trainer.world_size,
            draws=self.draws,
        )
        return _make_loader(dataset, sampler=sampler, num_workers=self._workers())

    def _workers(self) -> int:
        if self._num_workers is not None:
            return self._num_workers
        if self.trainer is None or self.trainer.strategy.root_device.type == "cpu":
            return 0
        # sched_getaffinity, where it exists, knows the share of a container or a batch job
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(_MOST_WORKERS, cpus // self.trainer.num_devices))


def _reader(source: Reader) -> tuple[str, list[tuple[str, object]]]:
    """The full name of a reader class and the options that a partial of it holds."""
    options: dict[str, object] = {}
    while isinstance(source, functools.partial):
        options = {**source.keywords, **options}
        source = source.func
    return f"{source.__module__}.{source.__qualname__}", sorted(options.items())  # type: ignore[attr-defined]


def _make_loader(dataset: SegmentationDataset, *, sampler: SeededBatchSampler, num_workers: int) -> ResumableLoader:
    # fork starts in 0.1 s what spawn starts in 9; macOS' own libraries do not survive a fork, and a notebook's kernel
    # has threads, whose locks a fork copies: its children may wait for ever.
    if num_workers > 0:
        shorten_sockets()
    fork = sys.platform.startswith("linux") and not in_kernel()
    return ResumableLoader(
        dataset,
        batch_sampler=sampler,  # not sampler=: Lightning's overfit_batches would put its own in place of that one
        collate_fn=_as_it_is,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        multiprocessing_context=None if num_workers == 0 else "fork" if fork else "spawn",
        worker_init_fn=_start_worker,
        pin_memory=torch.cuda.is_available(),
    )


def _as_it_is(batch: object) -> object:
    return batch


def _start_worker(worker_id: int) -> None:
    leave_signals_to_parent()
    cv2.setNumThreads(0)
    end_at_lost_batches()


def _checked_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    if len(size) != 2 or min(size) < 1:
        raise SeglabError(f"expected data.size as [height, width] or null; got {list(size)}")
    return size[0], size[1]
