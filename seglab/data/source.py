"""Samples and the reading of their files: what every data set shares. A damaged file is an error that names it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from PIL import Image

from seglab.data import libjpeg
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, INVALID, LabelSpace

# Loader workers are the parallelism here. OpenCV's own threads would compete with them, and a child forked after
# OpenCV has started its threads waits for ever on a pool that did not survive the fork.
cv2.setNumThreads(0)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"  # type and checksum of the last chunk
_JPEG_SIGNATURE, _JPEG_SCAN, _JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
_PNG_GREY, _PNG_PALETTE, _PNG_RGBA = 0, 3, 6  # colour types of the header
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}


@dataclass(frozen=True)
class Sample:
    """Where one image and its mask lie."""

    image: Path
    mask: Path | None  # None: the data set publishes no labels for this sample; all its pixels are ignored
    name: str  # unique within the split, usable as a file name
    group: str  # city, sequence or video: frames of one group look alike and belong on one side of a split
    mirrored: bool = False  # read from right to left: a copy that a published split is made of

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.image, self.mask) if path is not None]


Labels: TypeAlias = str | Mapping[str, Any] | LabelSpace  # what seglab.labels.label_space takes


class Source(Protocol):
    """One split of a data set. A reader class is called as `Reader(root, split, labels=...)`."""

    samples: Sequence[Sample]
    labels: LabelSpace

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids, at the size of the files."""


def read_ids(path: Path, *, if_colored: str = "is it the colour or instance version of the mask?") -> np.ndarray:
    """uint8 (H, W), the raw values of an 8-bit grey PNG or the indices of a palette PNG.

    Raises SeglabError naming the file at fault; for a file of colours it ends with the advice `if_colored`.
    """
    data = _read_whole(path)
    if not data.startswith(_PNG_SIGNATURE):
        raise SeglabError(f"expected a mask as PNG; '{path}' is none - JPEG and the like change ids, export it as PNG")
    depth, color_type = _png_header(data, path)
    if color_type == _PNG_PALETTE:
        return _palette_indices(path)
    if color_type != _PNG_GREY or depth != 8:
        kind = f"{depth}-bit {_COLOR_TYPES.get(color_type, 'unknown')}"
        raise SeglabError(f"expected a mask of ids (8-bit grey or palette PNG); '{path}' is {kind} - {if_colored}")
    return _decode(data, cv2.IMREAD_UNCHANGED, path)  # (H, W)


def read_sample(
    sample: Sample, labels: LabelSpace, *, read_mask: Callable[[Path], np.ndarray] = read_ids
) -> tuple[np.ndarray, np.ndarray]:
    """Image uint8 (H, W, 3) RGB and mask uint8 (H, W) of train ids; `read_mask` gives raw values, uint8 (H, W).

    Raises SeglabError naming the file at fault.
    """
    image = read_image(sample.image)
    if sample.mask is None:
        return image, np.full(image.shape[:2], IGNORE_INDEX, dtype=np.uint8)
    mask = to_train_ids(read_mask(sample.mask), labels, sample.mask)
    if mask.shape != image.shape[:2]:
        raise SeglabError(
            f"expected image and mask of one size; image '{sample.image}' has {_size(image)} and mask "
            f"'{sample.mask}' {_size(mask)} (height x width) - do they come from the same release of the data set?"
        )
    return (cv2.flip(image, 1), cv2.flip(mask, 1)) if sample.mirrored else (image, mask)


def read_image(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) RGB from an 8-bit PNG or JPEG; grey is repeated, palettes are expanded, alpha is dropped."""
    data = _read_whole(path)
    if data.startswith(_PNG_SIGNATURE) and _png_header(data, path)[0] == 16:
        raise SeglabError(f"expected an image of 8 bits a channel; '{path}' has 16 - convert it to 8 bits")
    # IGNORE_ORIENTATION: an EXIF rotation would turn the image and not its mask
    return _decode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION, path)  # (H, W, 3)


def read_rgba(path: Path, *, otherwise: str) -> np.ndarray:
    """uint8 (H, W, 4), the channels of an 8-bit RGBA PNG. Raises SeglabError; for another kind, ending `otherwise`."""
    data = _read_whole(path)
    kind = _png_header(data, path) if data.startswith(_PNG_SIGNATURE) else (0, -1)
    if kind != (8, _PNG_RGBA):
        came = f"{kind[0]}-bit {_COLOR_TYPES.get(kind[1], 'unknown')}" if kind[1] >= 0 else "no PNG"
        raise SeglabError(f"expected a mask as 8-bit RGBA PNG; '{path}' is {came} - {otherwise}")
    return cv2.cvtColor(_decode(data, cv2.IMREAD_UNCHANGED, path), cv2.COLOR_BGRA2RGBA)


def png_size(path: Path) -> tuple[int, int]:
    """(H, W) from the first bytes of a PNG; nothing is decoded. Raises SeglabError when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(24)
    except OSError as error:
        raise SeglabError(f"expected a readable file; '{path}': {error.strerror} - restore it") from error
    if len(data) < 24 or not data.startswith(_PNG_SIGNATURE):
        raise SeglabError(f"expected a PNG; '{path}' is none or is cut off - copy or download it again")
    return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")


def to_train_ids(ids: np.ndarray, labels: LabelSpace, path: Path) -> np.ndarray:
    """`ids` (H, W) as train ids, uint8. Raises SeglabError with the values that the label space does not know."""
    mask = cv2.LUT(ids, labels.lookup)  # (H, W), as labels.lookup[ids], 7 times faster
    if (mask == INVALID).any():
        unknown, counts = np.unique(ids[mask == INVALID], return_counts=True)
        held = ", ".join(f"{value} ({count} pixels)" for value, count in zip(unknown[:5], counts[:5], strict=True))
        more = f" and {len(unknown) - 5} more values" if len(unknown) > 5 else ""
        raise SeglabError(
            f"mask '{path}' holds {held}{more}; expected {_ranges(labels.to_train)} (raw values of {labels.name}) - "
            "is it another data set, or do data.labels and the data set not belong together?"
        )
    return mask


def require_root(root: str | Path | None, *, layout: str, source: str) -> Path:
    """`root` as a folder that exists; otherwise SeglabError with the expected layout and where to get the data."""
    advice = f"Expected layout:\n{layout}\n{source} Then set data.root=FOLDER."
    if root is None:
        raise SeglabError(f"expected the data set's folder in data.root; it is not set. {advice}")
    if not Path(root).is_dir():
        raise SeglabError(f"expected the data set's folder; data.root='{root}' does not exist. {advice}")
    return Path(root)


def list_files(folder: Path, *, pattern: str, suffixes: Sequence[str], layout: str) -> list[Path]:
    """The files of `folder` that match the glob `pattern` and end in one of `suffixes`, sorted; never an empty list."""
    if not folder.is_dir():
        raise SeglabError(f"expected the folder '{folder}'; it does not exist - expected layout:\n{layout}")
    files = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in suffixes)
    if not files:
        raise SeglabError(f"expected files {pattern} ({', '.join(suffixes)}) in '{folder}'; none is there - "
                          f"expected layout:\n{layout}")  # fmt: skip
    return files


def files_by_stem(folder: Path, *, suffixes: Sequence[str], layout: str) -> dict[str, Path]:
    """The files of `folder` itself, not of its subfolders, by their names without suffix; no two have the same."""
    files: dict[str, Path] = {}
    for path in list_files(folder, pattern="*", suffixes=suffixes, layout=layout):
        if path.stem in files:
            raise SeglabError(f"expected one file a frame; got '{files[path.stem]}' and '{path}' - remove one of them")
        files[path.stem] = path
    return files


def pair_files(images: Mapping[str, Path], masks: Mapping[str, Path]) -> None:
    """Raises SeglabError when an image has no mask or a mask no image: a pair is never left out silently."""
    for whole, have, part, other in (("image", images, "a mask", masks), ("mask", masks, "an image", images)):
        alone = sorted(have.keys() - other.keys())
        if alone:
            raise SeglabError(
                f"expected {part} for every {whole}; {len(alone)} of {len(have)} have none, the first is "
                f"'{have[alone[0]]}' - is the data set unpacked completely? Complete it, or remove both files."
            )


def _read_whole(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SeglabError(f"expected a readable file; '{path}': {error.strerror} - restore it") from error
    if data.startswith(_PNG_SIGNATURE):
        complete = _PNG_END in data[-1024:]
    elif data.startswith(_JPEG_SIGNATURE):
        # OpenCV fills the missing part of a JPEG with grey and says nothing. The end marker cannot occur inside
        # the last scan, and an embedded thumbnail's end marker stands before it.
        complete = data.rfind(_JPEG_END) > data.rfind(_JPEG_SCAN)
    else:
        raise SeglabError(f"expected a PNG or JPEG file; '{path}' ({len(data)} bytes) is neither - restore it")
    if not complete:
        raise SeglabError(f"expected a whole file; '{path}' ({len(data)} bytes) is cut off - copy or download it again")
    return data


def _png_header(data: bytes, path: Path) -> tuple[int, int]:
    """(bits a channel, colour type) of a PNG; https://www.w3.org/TR/png-3/#11IHDR."""
    if data[12:16] != b"IHDR":
        raise SeglabError(f"expected a PNG that opens with IHDR; '{path}' is damaged - copy or download it again")
    return data[24], data[25]


def _decode(data: bytes, flags: int, path: Path) -> np.ndarray:
    def decode() -> np.ndarray | None:
        return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)

    image, damage = libjpeg.decoded(decode) if data.startswith(_JPEG_SIGNATURE) else (decode(), None)
    if damage is not None:
        raise SeglabError(
            f"expected a whole JPEG; '{path}' is damaged ({damage}), a part of the picture is lost - "
            "copy or download it again"
        )
    if image is None:
        raise SeglabError(f"expected a readable image; '{path}' is damaged - copy or download it again")
    return image


def _palette_indices(path: Path) -> np.ndarray:
    # OpenCV replaces indices by colours; PIL keeps them, for palettes of 1, 2, 4 and 8 bits
    try:
        with Image.open(path) as image:
            return np.array(image, dtype=np.uint8)  # (H, W)
    except (OSError, SyntaxError, ValueError) as error:
        raise SeglabError(f"expected a readable mask; '{path}': {error} - copy or download it again") from error


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
