"""The files that a command's `input` stands for, and the name under which the results of each are written."""

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from seglab.errors import SeglabError
from seglab.runs import archive

IMAGES = (".png", ".jpg", ".jpeg")
OTHER_IMAGES = (".tif", ".tiff", ".npy")  # what others than RGB are kept in
VIDEOS = (".mp4", ".avi", ".mov", ".mkv")
_MEANT = (*OTHER_IMAGES, *VIDEOS, ".webp", ".bmp", ".gif", ".heic", ".avif", ".jp2", ".zip")  # perhaps: never unsaid

log = logging.getLogger("seglab")


class Input(NamedTuple):
    path: Path
    name: str  # relative, without a suffix, unique among the inputs: 'aachen/aachen_000000_000019_leftImg8bit'

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEOS


def find(given: str, *, suffixes: Sequence[str], output: Path | None) -> list[Input]:
    """The inputs that `given` stands for, sorted: a file, a folder with everything below it, or a glob (** goes deep).

    A zip archive is a folder, in which a video cannot be read; a glob may stand for several. Where `output` is a folder
    inside the one that is searched, what an earlier command has written there is no input.

    Raises:
        SeglabError: there is no such file or folder, or none of its files ends in one of `suffixes`.
    """
    path = Path(given).expanduser()
    try:
        if archive.is_file(path):
            return _named([path], below=path.parent)
        below, matches = _searched(path)
        if not below.is_dir():
            suffixes = [suffix for suffix in suffixes if suffix not in VIDEOS]
        found = [match for match in matches if archive.is_file(match)]
        files = _usable(found, suffixes, below=below, output=output)
        others = [suffix for suffix in _MEANT if suffix not in suffixes]
        passed_over = Counter(file.suffix.lower() for file in _usable(found, others, below=below, output=output))
    except OSError as error:
        where = error.filename or path
        raise SeglabError(f"expected images in '{where}', which cannot be read: {error.strerror or error}") from error
    kinds = ", ".join(suffixes)
    held = ", ".join(f"{count} {suffix}" for suffix, count in passed_over.items())
    if not files and below == path:
        came = f"there are {held} alone - convert or unpack them" if held else "none is there - is it the right folder?"
        raise SeglabError(f"expected files ({kinds}) in the folder '{path}' or below it; {came}")
    if not files:
        raise SeglabError(
            f"expected files ({kinds}) that match '{path}'; {len(matches)} paths match and none is such a file - "
            "look at the pattern, ** stands for folders at any depth"
        )
    if held:
        log.warning("%s in '%s' are passed over; %s are read", held, path, kinds)
    return _named(files, below=below if below == path else _common_folder(files))


def _searched(path: Path) -> tuple[Path, list[Path]]:
    """The folder that a folder, an archive or a glob stands for, and all that is in it or matches."""
    if archive.is_dir(path):
        return path, list(archive.matching(path, "**/*"))
    if not glob.has_magic(str(path)):
        raise SeglabError(f"expected a file, a folder or a glob in input; '{path}' does not exist - look at the path")
    folder = _fixed(path)
    matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
    if not matches:
        matches = list(archive.matching(folder, path.relative_to(folder).as_posix()))
    return folder, matches + _in_archives(path)


def _in_archives(pattern: Path) -> list[Path]:
    """What matches in the archives that the pattern's part up to .zip matches; all of them, where that is its end."""
    upper = next((part for part in (pattern, *pattern.parents) if part.suffix.lower() == ".zip"), None)
    if upper is None or not glob.has_magic(str(upper)):
        return []
    inside = pattern.relative_to(upper).as_posix()
    archives = [Path(match) for match in glob.glob(str(upper), recursive=True)]
    return [file for found in archives for file in archive.matching(found, "**/*" if inside == "." else inside)]


def _usable(files: Iterable[Path], suffixes: Sequence[str], *, below: Path, output: Path | None) -> list[Path]:
    searched = Path(os.path.realpath(below))
    written = searched if output is None else Path(os.path.realpath(output))
    output_is_inside = written != searched and written.is_relative_to(searched)
    usable = sorted(
        file
        for file in files
        if file.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in file.relative_to(below).parts)
        and not (output_is_inside and file.resolve().is_relative_to(written))
    )
    return _each_once(usable)


def _each_once(files: Sequence[Path]) -> list[Path]:
    """Without what a link to a folder above shows again and again: of each place the shortest way to it."""
    ways: dict[Path, Path] = {}
    for file in sorted(files, key=lambda file: len(file.parts)):
        ways.setdefault(Path(os.path.realpath(file.parent)) / file.name, file)
    return sorted(ways.values())


def _fixed(pattern: Path) -> Path:
    """The folder that a glob searches: what stands before its first wildcard."""
    return next(folder for folder in pattern.parents if not glob.has_magic(str(folder)))


def _named(files: Sequence[Path], *, below: Path) -> list[Input]:
    """Two files that differ only in the suffix keep it in their names: the results of neither replace the other's."""
    stems = Counter(file.with_suffix("") for file in files)
    kept = [file if stems[file.with_suffix("")] > 1 else file.with_suffix("") for file in files]
    return [Input(file, name.relative_to(below).as_posix()) for file, name in zip(files, kept, strict=True)]


def _common_folder(files: Sequence[Path]) -> Path:
    return next(folder for folder in files[0].parents if all(file.is_relative_to(folder) for file in files))
