"""Samples and the reading of their files: what every data set shares. A damaged file is an error that names it."""

import json
import re
import shlex
from collections import Counter
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
from seglab.runs.picture_size import require_room

# Loader workers are the parallelism here. OpenCV's own threads would compete with them, and a child forked after
# OpenCV has started its threads waits for ever on a pool that did not survive the fork.
cv2.setNumThreads(0)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"  # type and checksum of the last chunk
_JPEG_SIGNATURE, _JPEG_SCAN, _JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_GREY, _PNG_PALETTE, _PNG_RGBA = 0, 3, 6  # colour types of the header
_PLAIN = re.compile(r"[A-Za-z][\w -]*\w")  # needs no quotes in an override
_SHOWN, _MOST_SHOWN = 5, 12  # unknown values, and values of a mapping, in a message
_EXIF_ORIENTATION, _EXIF_AT_MOST = 0x0112, 65536  # its tag; bytes of a file within which it begins
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}

RGB = 3  # channels of an image where nothing else is said
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")  # of images that can be read


_IF_COLORED = "is it the colour or instance version of the mask?"
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

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.image, self.mask) if path is not None]


Labels: TypeAlias = str | Mapping[str, Any] | LabelSpace  # what seglab.labels.label_space takes


class Source(Protocol):
    """One split of a data set. A reader class is called as `Reader(root, split, labels=...)`."""

    samples: Sequence[Sample]
    labels: LabelSpace

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, C), uint8 or uint16, and mask uint8 (H, W) of train ids, at the size of the files.

        C is 3, RGB, but for a reader that takes `channels`.
        """


def read_ids(path: Path, *, if_colored: str = _IF_COLORED) -> np.ndarray:
    """uint8 (H, W), the raw values of an 8-bit grey PNG or the indices of a palette PNG.

    Raises SeglabError naming the file at fault; for a file of colours it ends with the advice `if_colored`.
    """
    data, depth, color_type = _read_mask(path)
    if color_type == _PNG_PALETTE:
        require_room(data, path)
        return _palette_indices(path)
    if color_type != _PNG_GREY or depth != 8:
        kind = _kind(depth, color_type)
        raise SeglabError(f"expected a mask of ids (8-bit grey or palette PNG); '{path}' is {kind} - {if_colored}")
    return _decode(data, cv2.IMREAD_UNCHANGED, path)  # (H, W)


def read_any_ids(path: Path, *, if_colored: str = _IF_COLORED) -> np.ndarray:
    """uint8 (H, W): as `read_ids`, and of other PNGs wherever what they mean is sure.

    Of 1 to 16 bits; of three channels, where they are equal everywhere; with alpha, where it is opaque everywhere.
    A data set of a known release has no such masks: there, one is another version of the mask.
    """
    data, depth, color_type = _read_mask(path)
    if color_type == _PNG_PALETTE:
        return _palette_indices(path)
    values = _decode(data, cv2.IMREAD_UNCHANGED, path)  # (H, W) or (H, W, 3 or 4)
    if values.ndim == 3:
        values = _single_channel(values, path, kind=_kind(depth, color_type), if_colored=if_colored)
    if depth < 8:
        values = values // (255 // (2**depth - 1))  # OpenCV spreads them over 0..255
    if values.max() > 255:
        raise SeglabError(
            f"expected a mask of ids from 0 to 255; '{path}' is {_kind(depth, color_type)} and holds {values.max()} - "
            "is it the instance version of the mask, or a depth map? Number its classes 0, 1, ... and save it with 8 "
            "bits"
        )
    return np.ascontiguousarray(values, dtype=np.uint8)


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


def read_image(path: Path, *, channels: int = RGB) -> np.ndarray:
    """(H, W, channels) as it is: uint8, or uint16 of a file of 16 bits; colours are RGB or RGBA.

    Of three channels, a PNG or JPEG of 8 bits may be of another kind: grey is repeated, palettes are expanded, alpha is
    dropped. Any other file (TIFF; .npy of (H, W) or (H, W, channels)) has to have `channels`. Raises SeglabError.
    """
    if path.suffix.lower() == ".npy":
        image = _read_array(path)
    else:
        data = _read_whole(path)
        is_deep = data.startswith(_PNG_SIGNATURE) and _png_header(data, path)[0] == 16
        if channels == RGB and not is_deep and not data.startswith(_TIFF_SIGNATURES):
            # IGNORE_ORIENTATION: an EXIF rotation would turn the image and not its mask
            return _decode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION, path)  # (H, W, 3)
        image = _decode_unchanged(data, path)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[2] != channels or image.dtype not in (np.uint8, np.uint16):
        raise SeglabError(
            f"expected an image of data.channels={channels} channels of 8 or 16 bits; '{path}' is {image.dtype} "
            f"{' x '.join(map(str, image.shape))} (height x width x channels) - convert it, or set data.channels, and "
            "module.mean and module.std of that length"
        )
    return np.ascontiguousarray(image)


def read_colors(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) RGB, the colours of an 8-bit PNG. Raises SeglabError naming the file at fault."""
    data = _read_whole(path)
    if not data.startswith(_PNG_SIGNATURE) or _png_header(data, path)[0] > 8:
        raise SeglabError(f"expected a mask of colours as PNG of 8 bits; '{path}' is none - JPEG changes colours, and "
                          "16 bits are none of data.source.colours: export it again")  # fmt: skip
    return _decode(data, cv2.IMREAD_COLOR_RGB, path)


def exif_orientation(path: Path) -> int:
    """How viewers turn the image: 1 for not at all, 3 upside down, 6 and 8 a quarter, ...; seglab never does."""
    with path.open("rb") as file:
        beginning = file.read(_EXIF_AT_MOST)
    if b"Exif" not in beginning and b"eXIf" not in beginning:  # a tenth of the time that PIL takes
        return 1
    try:
        with Image.open(path) as image:
            return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError):
        return 1


def read_rgba(path: Path, *, otherwise: str) -> np.ndarray:
    """uint8 (H, W, 4), the channels of an 8-bit RGBA PNG. Raises SeglabError; for another kind, ending `otherwise`."""
    data = _read_whole(path)
    kind = _png_header(data, path) if data.startswith(_PNG_SIGNATURE) else (0, -1)
    if kind != (8, _PNG_RGBA):
        came = _kind(*kind) if kind[1] >= 0 else "no PNG"
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
        raise SeglabError(f"expected the data set's folder; data.root='{root}' does not exist. {advice}")
    return Path(root)


def list_files(folder: Path, *, pattern: str, suffixes: Sequence[str], layout: str) -> list[Path]:
    """The files of `folder` that match the glob `pattern` and end in one of `suffixes`, sorted; never an empty list.

    Hidden ones are passed over, such as the `._a.png` that macOS puts beside `a.png`.
    """
    if not folder.is_dir():
        raise SeglabError(f"expected the folder '{folder}'; it does not exist - expected layout:\n{layout}")
    matching = (path for path in folder.glob(pattern) if path.suffix.lower() in suffixes)
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
                f"'{have[alone[0]]}' - is the data set unpacked completely? Complete it, or remove both files."
            )


def _read_array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SeglabError(f"expected an image as .npy; '{path}': {error} - restore it") from error
    return array


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _held(folder: Path) -> str:
    """'it holds 4 .tif, 2 folders', or 'none is there'."""
    visible = (path for path in folder.iterdir() if not _is_hidden(path.relative_to(folder)))
    kinds = Counter("folders" if path.is_dir() else path.suffix or "without suffix" for path in visible)
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
    return f"it holds {held}" if held else "none is there"


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
    elif data.startswith(_TIFF_SIGNATURES):
        complete = True  # a TIFF has no end; one that is cut off cannot be decoded
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
    require_room(data, path)

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


def _decode_unchanged(data: bytes, path: Path) -> np.ndarray:
    """(H, W), or (H, W, C) with colours as RGB or RGBA; the pages of a TIFF are channels."""
    read, pages = cv2.imdecodemulti(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if not read or len({page.shape for page in pages}) != 1:
        raise SeglabError(
            f"expected a readable image; '{path}' is damaged or has more than four channels a page - copy or download "
            "it again, or save it as .npy of (height, width, channels)"
        )
    if len(pages) > 1:
        return np.dstack(pages)
    to_rgb = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(pages[0].shape[-1] if pages[0].ndim == 3 else 0)
    return pages[0] if to_rgb is None else cv2.cvtColor(pages[0], to_rgb)


def _read_mask(path: Path) -> tuple[bytes, int, int]:
    """The bytes of a PNG, its bits a channel and its colour type."""
    data = _read_whole(path)
    if not data.startswith(_PNG_SIGNATURE):
        raise SeglabError(f"expected a mask as PNG; '{path}' is none - JPEG and the like change ids, export it as PNG")
    return data, *_png_header(data, path)


def _kind(depth: int, color_type: int) -> str:
    return f"{depth}-bit {_COLOR_TYPES.get(color_type, 'unknown')}"


def _single_channel(values: np.ndarray, path: Path, *, kind: str, if_colored: str) -> np.ndarray:
    """(H, W) of (H, W, 3 or 4) whose colours are grey and whose alpha is opaque, if there is one."""
    if (values[..., 1:3] != values[..., :1]).any():
        raise SeglabError(f"expected a mask of ids (grey or palette PNG); '{path}' is {kind} - {if_colored}")
    if values.shape[2] == 4 and (values[..., 3] != np.iinfo(values.dtype).max).any():
        raise SeglabError(
            f"expected a mask of ids (grey or palette PNG); '{path}' is {kind}, and some of its pixels are transparent "
            "- save it without alpha, with an id of its own for what is void"
        )
    return values[..., 0]


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
