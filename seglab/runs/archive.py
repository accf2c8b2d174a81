"""Files of data sets, on the disk or in a zip archive: `data/gtFine_trainvaltest.zip/gtFine/train/a.png` is a path.

Every function takes either kind and raises OSError as the file system does, for a damaged archive and a damaged member
as well. Nothing is unpacked, and a name that leads out of its archive (`../a`, `/a`) is none of its files.
"""

import errno
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

_MOST_BYTES = 540_000_000  # of a member: the largest picture that is ever decoded, even where nothing compresses it
# what zipfile raises for damage, a compression that it does not know (NotImplementedError) and a password
_UNREADABLE = (BadZipFile, LargeZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


class Status(NamedTuple):
    """Of a file."""

    size: int  # bytes
    version: int  # another one after a change: time of change of a file, checksum of a member of an archive


class _Archive:
    """An open archive: its files by name and its folders."""

    def __init__(self, path: Path) -> None:
        self.zip = ZipFile(path)
        self.files = {info.filename: info for info in self.zip.infolist() if _stays_inside(info)}
        self.folders = {"."} | {str(folder) for name in self.files for folder in PurePosixPath(name).parents}


_opened: dict[Path, tuple[tuple[int, ...], _Archive]] = {}


def read_bytes(path: Path, *, first: int = -1) -> bytes:
    """The content of a file, or its `first` bytes."""
    place = _place(path)
    if place is None:
        with path.open("rb") as file:
            return file.read(first)
    archive, info = _member(*place)
    if info.file_size > _MOST_BYTES:
        raise OSError(errno.EIO, f"unpacked it has {info.file_size} bytes, more than any picture that is decoded")
    try:
        with archive.zip.open(info) as member:
            return member.read(first)
    except _UNREADABLE as error:
        raise OSError(errno.EIO, f"damaged in its archive ({error})") from error


def status(path: Path) -> Status:
    """Size and version of a file, of which nothing is read."""
    place = _place(path)
    if place is None:
        of_file = path.stat()
        return Status(of_file.st_size, of_file.st_mtime_ns)
    _, info = _member(*place)
    return Status(info.file_size, info.CRC)


def is_file(path: Path) -> bool:
    place = _place(path)
    return path.is_file() if place is None else place[1] in _archive(place[0]).files


def is_dir(path: Path) -> bool:
    """Whether it is a folder, or an archive or a folder in one."""
    place = _place(path)
    return path.is_dir() if place is None else place[1] in _archive(place[0]).folders


def matching(folder: Path, pattern: str) -> Iterable[Path]:
    """The files and folders below `folder` that match a glob (of an archive the files alone), in any order."""
    place = _place(folder)
    if place is None:
        return folder.glob(pattern)
    below = PurePosixPath(place[1])
    inside = [PurePosixPath(name) for name in _archive(place[0]).files]
    inside = [name.relative_to(below) for name in inside if name.is_relative_to(below)]
    return [folder / name for name in inside if _matches(name, pattern)]


def _matches(name: PurePosixPath, pattern: str) -> bool:
    """As Path.glob does, of patterns in which ** stands first or not at all."""
    deep, last = pattern.startswith("**/"), pattern.removeprefix("**/")
    return name.match(last) and (deep or len(name.parts) == len(PurePosixPath(last).parts))


def _place(path: Path) -> tuple[Path, str] | None:
    """The archive that `path` leads through or to, and the name in it; None where there is none."""
    if ".zip" not in str(path).lower():
        return None
    for upper in (path, *path.parents):
        if upper.suffix.lower() == ".zip" and upper.is_file():
            return upper, path.relative_to(upper).as_posix()
    return None


def _member(path: Path, name: str) -> tuple[_Archive, ZipInfo]:
    archive = _archive(path)
    if name not in archive.files:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path / name))
    return archive, archive.files[name]


def _archive(path: Path) -> _Archive:
    """The archive as it is now, opened once in each process: a forked one shares the position in its parent's file."""
    of_file = path.stat()
    key = (of_file.st_size, of_file.st_mtime_ns, os.getpid())
    if path not in _opened or _opened[path][0] != key:
        try:
            _opened[path] = key, _Archive(path)
        except _UNREADABLE as error:
            raise OSError(errno.EIO, f"damaged, or not downloaded completely ({error})", str(path)) from error
    return _opened[path][1]


def _stays_inside(info: ZipInfo) -> bool:
    name = PurePosixPath(info.filename)
    return not info.is_dir() and not name.is_absolute() and ".." not in name.parts
