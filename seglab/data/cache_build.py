"""The writing of a cache: all threads read and resize, and it appears in its place whole or not at all."""

import json
import logging
import os
import shutil
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from filelock import Timeout

from seglab.data import presence
from seglab.data.parallel import available_cpus
from seglab.data.source import Source
from seglab.data.transforms import resize
from seglab.errors import SeglabError
from seglab.runs.json_file import read_object
from seglab.runs.lock import FileLock

IMAGES, MASKS, INDEX = "images.u8", "masks.u8", "index.json"
_MARGIN = 64_000_000  # bytes that stay free on the disk
_WAITING = 4  # samples of each thread that may be read before they are written
_PAUSE = 0.5  # seconds between two refreshes of the moving line

Pair = tuple[np.ndarray, np.ndarray]

_log = logging.getLogger("seglab")


@dataclass(frozen=True)
class Place:
    """Where a cache lies, and what decides that it is the right one."""

    folder: Path
    count: int
    size: tuple[int, int]
    channels: int  # of the images
    files: str  # a hash of which files were read: a cache of the same files with other contents is stale

    def bytes(self, dtype: str) -> tuple[int, int]:
        """Of the file of images of this type, and of that of masks."""
        pixels = self.count * self.size[0] * self.size[1]
        return pixels * self.channels * np.dtype(dtype).itemsize, pixels


class Index(NamedTuple):
    """What is known of a cache without looking into it."""

    dtype: str  # of the images
    checksums: list[list[int]]  # of image and mask of each sample


@contextmanager
def only_builder(place: Place) -> Iterator[None]:
    """No other process builds this cache meanwhile."""
    lock = FileLock(place.folder.with_name(f".{place.folder.name}.lock"))
    try:
        lock.acquire(timeout=1)
    except Timeout:
        _log.info("waiting for another process, which builds the cache %s", place.folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def build(source: Source, place: Place) -> Index:
    """Writes the cache and returns its index. Called by one process at a time."""
    folder = place.folder
    # of a builder that was killed; a broken one
    for leftover in (*folder.parent.glob(f".{folder.name}.draft-*"), folder):
        shutil.rmtree(leftover, ignore_errors=True)
    dtype = str(source.read(0)[0].dtype)
    size = sum(place.bytes(dtype))
    _require_room(place, size)
    threads = available_cpus()
    _log.info(
        "building a cache of %d samples, %s, in %s (data.cache=FOLDER builds it elsewhere, data.cache=null none)",
        place.count, megabytes(size), folder,
    )  # fmt: skip
    start = time.monotonic()
    draft = folder.with_name(f".{folder.name}.draft-{uuid4().hex}")
    try:
        draft.mkdir()
        read = partial(_sample, source, size=place.size, dtype=dtype)
        pairs = _in_threads(read, count=place.count, threads=threads)
        checksums = _write(draft, _with_progress(pairs, count=place.count))
        content = {"files": place.files, "dtype": dtype, "checksums": checksums}
        _write_durably(draft / INDEX, json.dumps(content).encode())
        _sync_folder(draft)
        os.replace(draft, folder)
        _sync_folder(folder.parent)
    except BaseException:  # Ctrl-C too leaves nothing behind
        shutil.rmtree(draft, ignore_errors=True)
        raise
    _remove_stale(place)
    _log.info("built the cache in %.1f s", time.monotonic() - start)
    return Index(dtype, checksums)


def read_index(folder: Path) -> dict[str, Any] | None:
    """{"files", "dtype", "checksums"} of the cache in `folder`; None without one; SeglabError where it is damaged."""
    return read_object(
        folder / INDEX, what="the index of a cache", cure="delete it", required={"files": str, "checksums": list}
    )


def _sample(source: Source, index: int, *, size: tuple[int, int], dtype: str) -> Pair:
    image, mask = resize(*source.read(index), size)
    if image.dtype != dtype:
        raise SeglabError(
            f"expected images of one depth in a split; the first is {dtype} and '{source.samples[index].image}' "
            f"{image.dtype} - convert one of them"
        )
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def _in_threads(function: Callable[[int], Pair], *, count: int, threads: int) -> Iterator[Pair]:
    """`function(index)` in order. OpenCV decodes and resizes without Python's lock, and nothing has to be pickled."""
    pending: deque[Future[Pair]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for index in range(count):
                pending.append(pool.submit(function, index))
                if len(pending) > _WAITING * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _write(draft: Path, pairs: Iterator[Pair]) -> list[list[int]]:
    # written, not mapped: on a full disk a write is an error that can be told, a map kills the process
    with open(draft / IMAGES, "xb") as images, open(draft / MASKS, "xb") as masks:
        checksums, present = [], presence.Presence()
        for image, mask in pairs:
            images.write(image.data)
            masks.write(mask.data)
            checksums.append(checksums_of(image, mask))
            present.add(mask)
        for file in (images, masks):
            file.flush()
            os.fsync(file.fileno())
    presence.write(present.ids(), draft)
    return checksums


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _require_room(place: Place, size: int) -> None:
    free = shutil.disk_usage(place.folder.parent).free
    if free < size + _MARGIN:
        raise SeglabError(
            f"expected {megabytes(size + _MARGIN)} of free disk for the cache in "
            f"data.cache='{place.folder.parent}'; {megabytes(free)} are free - set data.cache to a folder on another "
            "disk, data.size or data.limit to less, or data.cache=null to read the files every time"
        )


def _remove_stale(place: Place) -> None:
    """Removes caches of the same files as they were before. Who has one open keeps it: it is mapped."""
    for index in place.folder.parent.glob(f"*/{INDEX}"):
        try:
            stale = index.parent != place.folder and (read_index(index.parent) or {}).get("files") == place.files
        except SeglabError:
            continue
        if stale:
            shutil.rmtree(index.parent, ignore_errors=True)
            _log.info("removed the cache %s: its files have changed since", index.parent)


def _with_progress(pairs: Iterator[Pair], *, count: int) -> Iterator[Pair]:
    shown = 0.0
    for done, pair in enumerate(pairs, 1):
        yield pair
        if sys.stderr.isatty() and (time.monotonic() - shown > _PAUSE or done == count):
            shown = time.monotonic()
            bar = "=" * (30 * done // count)
            sys.stderr.write(f"\r  [{bar:30}] {done}/{count}" + "\n" * (done == count))
            sys.stderr.flush()


def checksums_of(image: np.ndarray, mask: np.ndarray) -> list[int]:
    return [zlib.crc32(image.data), zlib.crc32(mask.data)]


def megabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
