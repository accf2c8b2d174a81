"""A split at its working size in two memory-mapped files, read and resized once.

What is checked when:
    at the opening: that the index and both files are whole, and that the data set's files are those that were read
    (names, sizes, times of change), with the same reader, label space, size, resize rule and OpenCV release. Anything
    else is another cache; one whose files have changed is replaced.
    at the first reading of each sample in each process: the checksum of its bytes. A sample that fails it is read
    from its own files, with a warning, and the next opening builds the cache anew.

A cache is written beside its place under another name and moved there when all of it is on the disk: a process that is
killed, a full disk or two processes at once never leave a broken one.
"""

import hashlib
import logging
import os
import re
import stat
import zlib
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seglab.data import presence
from seglab.data.cache_build import (
    IMAGES,
    INDEX,
    MASKS,
    Index,
    Pair,
    Place,
    build,
    checksums_of,
    megabytes,
    only_builder,
    read_index,
)
from seglab.data.image_files import RGB
from seglab.data.source import Source
from seglab.data.transforms import RESIZE_RULE, resize
from seglab.errors import SeglabError
from seglab.runs import archive

VERSION = 1  # of the files: raise it when their layout changes

_log = logging.getLogger("seglab")


class CachedSource:
    """A source whose `read` gives images and masks at the working size, as read-only views of mapped memory."""

    def __init__(self, source: Source, *, place: Place, index: Index) -> None:
        self.samples, self.labels = source.samples, source.labels
        self.folder = place.folder
        self._source, self._size, self._channels = source, place.size, place.channels
        self._dtype, self._checksums = index
        self._sound = bytearray(len(self._checksums))
        self._damaged: set[int] = set()
        self._map()

    def read(self, index: int) -> Pair:
        """Image (H, W, C) and mask uint8 (H, W) of train ids at the working size; copy before writing."""
        image, mask = self._images[index], self._masks[index]
        if self._sound[index]:
            return image, mask
        if index not in self._damaged and checksums_of(image, mask) == self._checksums[index]:
            self._sound[index] = 1
            return image, mask
        return self._read_damaged(index)

    @cached_property
    def held(self) -> frozenset[int]:
        """The train ids in the masks: noted when the cache was built, counted now where it was built before that."""
        noted = presence.read(self.folder)
        return presence.of_masks(self._masks) if noted is None else noted

    def _read_damaged(self, index: int) -> Pair:
        if index not in self._damaged:
            self._damaged.add(index)
            with suppress(OSError):  # gone already, or a cache that others wrote
                (self.folder / INDEX).unlink()
            _log.warning(
                "the cache %s does not hold what was written there for '%s', perhaps the disk fails; the sample is "
                "read from its own files, and the next run builds the cache anew", self.folder, self.samples[index].name
            )  # fmt: skip
        return resize(*self._source.read(index), self._size)

    def _map(self) -> None:
        count, (height, width) = len(self.samples), self._size
        # plain arrays on top of the maps: a slice of np.memmap costs ten times as much as a slice of an array
        shape = (count, height, width, self._channels)
        images = np.memmap(self.folder / IMAGES, dtype=self._dtype, mode="r", shape=shape)
        masks = np.memmap(self.folder / MASKS, dtype=np.uint8, mode="r", shape=(count, height, width))
        self._images, self._masks = np.asarray(images), np.asarray(masks)

    def __getstate__(self) -> dict[str, Any]:
        """Without the maps, of which pickle would copy every byte into a spawned worker."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_images", "_masks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()


def cached(
    source: Source, *, folder: Path, size: tuple[int, int], title: str, recipe: str, channels: int = RGB
) -> CachedSource:
    """`source` at `size` (H, W) from its cache inside `folder`, which is built first if it is not there or stale.

    Args:
        title: the beginning of the cache's name.
        recipe: what else decides the pixels: the reader and its options.
        channels: of the images.

    Raises:
        SeglabError: the disk has no room or refuses to be written, or everyone may write into a folder of somebody
            else's; and the source's own for a damaged file, which it names. Nothing is left of the cache then.
    """
    place = _place(source, folder=folder, size=size, title=title, recipe=recipe, channels=channels)
    for used in (folder, place.folder):
        _require_own(used)
    try:
        index = _read_index(place)
        if index is None:
            place.folder.parent.mkdir(parents=True, exist_ok=True)
            with only_builder(place):
                index = _read_index(place)  # of the process that was here before
                if index is None:
                    index = build(source, place)
        return CachedSource(source, place=place, index=index)
    except OSError as error:
        room = megabytes(sum(place.bytes("uint8")))
        raise SeglabError(
            f"expected to keep a cache of {room} in data.cache='{folder}'; {error.strerror or error}"
            " - set data.cache to a folder with enough room, or to null to read the files every time"
        ) from error


def _require_own(folder: Path) -> None:
    """Raises SeglabError for a folder of another user in which everyone may write: whoever likes decides the pixels."""
    if not folder.exists() or not hasattr(os, "getuid"):  # Windows
        return
    status = folder.stat()
    if status.st_uid not in (os.getuid(), 0) and status.st_mode & stat.S_IWOTH:
        raise SeglabError(
            f"expected a cache that nobody else can change; '{folder}' belongs to user {status.st_uid} and everyone "
            "may write there - set data.cache to a folder of your own, or to null to read the files every time"
        )


def _place(source: Source, *, folder: Path, size: tuple[int, int], title: str, recipe: str, channels: int) -> Place:
    files: list[str] = []
    contents: list[Any] = []
    for sample in source.samples:
        for path in (sample.image, sample.mask, *sample.beside):
            status = None if path is None else _status_of_file(path)
            files.append(str(path and path.absolute()))
            # no folder names: a data set that was moved is the same one
            contents.append(None if path is None or status is None else (path.name, *status))
        contents.append(sample.name)
    lookup = zlib.crc32(source.labels.lookup.tobytes())
    rule = (VERSION, RESIZE_RULE, cv2.__version__, tuple(size), source.labels.name, lookup, recipe)
    name = f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', title)}-{size[0]}x{size[1]}-{len(source.samples)}"
    return Place(
        folder=folder / f"{name}-{_hash(rule, contents)}",
        count=len(source.samples),
        size=size,
        channels=channels,
        files=_hash(rule, files),
    )


def _status_of_file(path: Path) -> archive.Status | None:
    try:
        return archive.status(path)
    except OSError:  # the source says it better when it reads the file
        return None


def _hash(*parts: Any) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def _read_index(place: Place) -> Index | None:
    """None when there is no whole cache."""
    try:
        index = read_index(place.folder)
        sizes = [(place.folder / name).stat().st_size for name in (IMAGES, MASKS)]
    except (OSError, SeglabError):
        return None
    if index is None:
        return None
    dtype = index.get("dtype", "uint8")  # which was all there was
    if sizes != [*place.bytes(dtype)] or len(index["checksums"]) != place.count:
        return None
    return Index(dtype, index["checksums"])
