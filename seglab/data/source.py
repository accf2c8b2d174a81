"""Samples, how their files are found and paired, and masks in train ids: what every data set shares."""

import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np

from seglab.data.image_files import RGB, exif_orientation, read_ids, read_image
from seglab.errors import SeglabError, listed
from seglab.labels import IGNORE_INDEX, INVALID, LabelSpace
from seglab.runs import archive

_PLAIN = re.compile(r"[A-Za-z][\w -]*\w")  # needs no quotes in an override
_SHOWN, _MOST_SHOWN = 5, 12  # unknown values, and values of a mapping, in a message


TURN_IT = (
    "viewers turn this image by its EXIF rotation, and the mask seems to be drawn on the turned one: turn its pixels "
    "(mogrify -auto-orient) where the mask fits what a viewer shows, or delete the rotation (exiftool -Orientation=)"
)


@dataclass(frozen=True)
class Sample:
    """Where one image and its mask lie."""

    image: Path
    mask: Path | None  # None: the data set publishes no labels for this sample; all its pixels are ignored
    name: str  # unique within the split, usable as a file name
    group: str  # city, sequence or video: frames of one group look alike and belong on one side of a split
    mirrored: bool = False  # read from right to left: a copy that a published split is made of
    beside: tuple[Path, ...] = ()  # files that say what the mask's values are

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.image, self.mask, *self.beside) if path is not None]


Labels: TypeAlias = str | Mapping[str, Any] | LabelSpace  # what seglab.labels.label_space takes


class Source(Protocol):
    """One split of a data set. A reader class is called as `Reader(root, split, labels=...)`."""

    samples: Sequence[Sample]
    labels: LabelSpace

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, C), uint8 or uint16, and mask uint8 (H, W) of train ids, at the size of the files.

        C is 3, RGB, but for a reader that takes `channels`.
        """


def read_sample(
    sample: Sample,
    labels: LabelSpace,
    *,
    read_mask: Callable[[Path], np.ndarray] = read_ids,
    channels: int = RGB,
) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, channels) and mask uint8 (H, W) of train ids; `read_mask` gives raw values, uint8 (H, W).

    Raises SeglabError naming the file at fault.
    """
    image = read_image(sample.image, channels=channels)
    if sample.mask is None:
        return image, np.full(image.shape[:2], IGNORE_INDEX, dtype=np.uint8)
    mask = to_train_ids(read_mask(sample.mask), labels, sample.mask)
    if mask.shape != image.shape[:2]:
        turned = exif_orientation(sample.image) != 1
        advice = TURN_IT if turned else "do they come from the same release of the data set?"
        raise SeglabError(
            f"expected image and mask of one size; image '{sample.image}' has {_size(image)} and mask "
            f"'{sample.mask}' {_size(mask)} (height x width) - {advice}"
        )
    return (cv2.flip(image, 1), cv2.flip(mask, 1)) if sample.mirrored else (image, mask)


def to_train_ids(ids: np.ndarray, labels: LabelSpace, path: Path) -> np.ndarray:
    """`ids` (H, W) as train ids, uint8. Raises SeglabError with the values that the label space does not know."""
    mask = cv2.LUT(ids, labels.lookup)  # (H, W), as labels.lookup[ids], 7 times faster
    if (mask == INVALID).any():
        unknown, counts = np.unique(ids[mask == INVALID], return_counts=True)
        first = zip(unknown[:_SHOWN], counts[:_SHOWN], strict=True)
        held = ", ".join(f"{value} ({count} pixels)" for value, count in first)
        more = f" and {len(unknown) - _SHOWN} more values" if len(unknown) > _SHOWN else ""
        raise SeglabError(
            f"mask '{path}' holds {held}{more}; expected {_ranges(labels.to_train)} (raw values of {labels.name}) - "
            f"{mapping_advice(labels, unknown.tolist(), has_ones=bool((ids == 1).any()))}"
        )
    return mask


def mapping_advice(labels: LabelSpace, unknown: Sequence[int], *, has_ones: bool) -> str:
    """What to write where masks hold the values `unknown`; `has_ones`: the value 1 as well."""
    if labels.is_built_in:
        return "is it another data set, or do data.labels and the data set not belong together?"
    ignored = sorted(raw for raw, train_id in labels.to_train.items() if train_id == IGNORE_INDEX)
    names = {raw: labels.names[train_id] for raw, train_id in labels.to_train.items() if train_id != IGNORE_INDEX}
    if set(names) == {0, 1} and list(unknown) == [255] and not has_ones:  # black and white
        return f"white is the second class? Write {_override('mapping', {0: names[0], 255: names[1]})}"
    values = {**names, **dict.fromkeys(unknown[:_SHOWN], "CLASS")}
    void = _override("ignore_values", sorted({*ignored, *unknown[:_SHOWN]}))
    is_long = len(values) > _MOST_SHOWN
    mapping = "data.labels.mapping in the YAML" if is_long else _override("mapping", dict(sorted(values.items())))
    return f"say which classes they are: {mapping} - or that they are not counted: {void}"


def _override(key: str, value: Mapping[int, str] | Sequence[int]) -> str:
    """'data.labels.mapping={0: road, 9: CLASS}', as it is typed."""
    if isinstance(value, Mapping):
        names = {raw: name if _PLAIN.fullmatch(name) else json.dumps(name) for raw, name in value.items()}
        pairs = ", ".join(f"{raw}: {name}" for raw, name in names.items())
        return shlex.quote(f"data.labels.{key}={{{pairs}}}")
    return f"data.labels.{key}=[{','.join(map(str, value))}]"


def require_root(root: str | Path | None, *, layout: str, source: str) -> Path:
    """`root` as a folder that exists; otherwise SeglabError with the expected layout and where to get the data."""
    advice = f"Expected layout:\n{layout}\n{source} Then set data.root=FOLDER."
    if root is None:
        raise SeglabError(f"expected the data set's folder in data.root; it is not set. {advice}")
    if not Path(root).is_dir():
        came = f"is a file - data.root is the folder that it lies in: '{Path(root).absolute().parent}'"
        came = came if Path(root).is_file() else "does not exist"
        raise SeglabError(f"expected the data set's folder; data.root='{root}' {came}. {advice}")
    return Path(root)


def find_folder(root: Path, folder: str, *, layout: str, above: str = ".", archives: str = "*") -> Path:
    """`folder` of `root` where it is there; else of the one zip archive in `root` that has it, to be read in place.

    Args:
        above: a folder that archives have around theirs, as `bdd100k` around `images/10k/train`.
        archives: a glob of the names of those that are looked into.
    """
    here = [] if (root / folder).is_dir() else sorted(root.iterdir())
    zipped = [path for path in here if path.suffix.lower() == ".zip" and path.match(archives) and path.is_file()]
    found, damaged = [], None
    for path in zipped:
        try:
            found += [place for place in {path / folder, path / above / folder} if archive.is_dir(place)]
        except OSError as error:
            damaged = SeglabError(f"expected a whole zip archive; '{path}' is {error.strerror} - download it again")
    if len(found) > 1:
        raise SeglabError(f"expected '{folder}' in one archive of '{root}'; it is in "
                          f"{' and '.join(map(repr, sorted(map(str, found))))} - remove one of them")  # fmt: skip
    if found:
        return found[0]
    if damaged is not None:
        raise damaged
    if zipped:
        raise SeglabError(
            f"expected the folder '{root / folder}', or an archive that has it; neither is there, only "
            f"{', '.join(f'{path.name} (in it: {_top(path)})' for path in zipped)} - download what is missing; what "
            f"lies in a folder or an archive of its own in an archive, unpack. Expected layout:\n{layout}"
        )
    return root / folder


def _top(path: Path) -> str:
    """What an archive holds, not what its folders hold."""
    return listed(sorted({file.relative_to(path).parts[0] for file in archive.matching(path, "**/*")})) or "nothing"


def list_files(folder: Path, *, pattern: str, suffixes: Sequence[str], layout: str) -> list[Path]:
    """The files of `folder` that match the glob `pattern` and end in one of `suffixes`, sorted; never an empty list.

    Hidden ones are passed over, such as the `._a.png` that macOS puts beside `a.png`.
    """
    if not archive.is_dir(folder):
        raise SeglabError(f"expected the folder '{folder}'; it does not exist - expected layout:\n{layout}")
    matching = (path for path in archive.matching(folder, pattern) if path.suffix.lower() in suffixes)
    files = sorted(path for path in matching if not _is_hidden(path.relative_to(folder)))
    if not files:
        raise SeglabError(f"expected files {pattern} ({', '.join(suffixes)}) in '{folder}'; {_held(folder)} - "
                          f"expected layout:\n{layout}")  # fmt: skip
    return files


def files_by_stem(folder: Path, *, suffixes: Sequence[str], layout: str, recursive: bool = False) -> dict[str, Path]:
    """The files of `folder` by their names without suffix, of which no two are the same.

    Args:
        recursive: those of its subfolders as well, `a/b.png` by the name `a__b`.
    """
    files: dict[str, Path] = {}
    for path in list_files(folder, pattern="**/*" if recursive else "*", suffixes=suffixes, layout=layout):
        name = "__".join(path.relative_to(folder).with_suffix("").parts)
        if name in files:
            raise SeglabError(f"expected one file a frame; got '{files[name]}' and '{path}' - remove one of them")
        files[name] = path
    return files


def pair_files(images: Mapping[str, Path], masks: Mapping[str, Path]) -> None:
    """Raises SeglabError when an image has no mask or a mask no image: a pair is never left out silently."""
    for whole, have, part, other in (("image", images, "a mask", masks), ("mask", masks, "an image", images)):
        alone = sorted(have.keys() - other.keys())
        if alone:
            raise SeglabError(
                f"expected {part} for every {whole}; {len(alone)} of {len(have)} have none, the first is "
                f"'{have[alone[0]]}': there is no '{alone[0]}' in '{_upper_folder(other.values())}' - is the data set "
                "downloaded and unpacked completely? Complete it, or remove both files."
            )


def _upper_folder(paths: Iterable[Path]) -> str:
    return os.path.commonpath([path.parent for path in paths])


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _held(folder: Path) -> str:
    """'it holds 4 .tif, 2 folders', or 'none is there'."""
    visible = (path for path in archive.matching(folder, "*") if not _is_hidden(path.relative_to(folder)))
    kinds = Counter("folders" if path.is_dir() else path.suffix or "without suffix" for path in visible)
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
    return f"it holds {held}" if held else "none is there"


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"


def _ranges(values: Mapping[int, int]) -> str:
    """'0..33, 255' for the keys of `values`."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in runs)
