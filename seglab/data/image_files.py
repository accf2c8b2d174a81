"""Files of images and masks, read into arrays. A damaged file is an error that names it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from seglab.data import libjpeg
from seglab.errors import SeglabError
from seglab.runs import archive
from seglab.runs.picture_size import require_room

# Loader workers are the parallelism here. OpenCV's own threads would compete with them, and a child forked after
# OpenCV has started its threads waits for ever on a pool that did not survive the fork.
cv2.setNumThreads(0)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"  # type and checksum of the last chunk
_JPEG_SIGNATURE, _JPEG_SCAN, _JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_GREY, _PNG_PALETTE, _PNG_RGBA = 0, 3, 6  # colour types of the header
_EXIF_ORIENTATION, _EXIF_AT_MOST = 0x0112, 65536  # its tag; bytes of a file within which it begins
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}
RGB = 3  # channels of an image where nothing else is said
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")  # of images that can be read
_IF_COLORED = "is it the colour or instance version of the mask?"


def read_ids(path: Path, *, if_colored: str = _IF_COLORED) -> np.ndarray:
    """uint8 (H, W), the raw values of an 8-bit grey PNG or the indices of a palette PNG.

    Raises SeglabError naming the file at fault; for a file of colours it ends with the advice `if_colored`.
    """
    data, depth, color_type = _read_mask(path)
    if color_type == _PNG_PALETTE:
        return _palette_indices(data, path)
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
        return _palette_indices(data, path)
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
    beginning = archive.read_bytes(path, first=_EXIF_AT_MOST)
    if b"Exif" not in beginning and b"eXIf" not in beginning:  # a tenth of the time that PIL takes
        return 1
    try:
        with Image.open(io.BytesIO(archive.read_bytes(path))) as image:
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


def _read_array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SeglabError(f"expected an image as .npy; '{path}': {error} - restore it") from error
    return array


def _read_whole(path: Path) -> bytes:
    try:
        data = archive.read_bytes(path)
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
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        complete = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    else:
        raise SeglabError(
            f"expected a PNG or JPEG file; '{path}' ({len(data)} bytes) is neither - restore it, or convert what is of "
            "another kind"
        )
    if not complete:
        raise SeglabError(f"expected a whole file; '{path}' ({len(data)} bytes) is cut off - copy or download it again")
    return data


def _png_header(data: bytes, path: Path) -> tuple[int, int]:
    """(bits a channel, colour type) of a PNG; https://www.w3.org/TR/png-3/#11IHDR."""
    if data[12:16] != b"IHDR":
        raise SeglabError(f"expected a PNG that opens with IHDR; '{path}' is damaged - copy or download it again")
    return data[24], data[25]


def _decode(data: bytes, flags: int, path: Path) -> np.ndarray:
    image = _decoded(data, path, lambda content: cv2.imdecode(content, flags))
    if image is None:
        raise SeglabError(f"expected a readable image; '{path}' is damaged - copy or download it again")
    return image


def _decode_unchanged(data: bytes, path: Path) -> np.ndarray:
    """(H, W), or (H, W, C) with colours as RGB or RGBA; the pages of a TIFF are channels."""
    read, pages = _decoded(data, path, lambda content: cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED))
    if not read or len({page.shape for page in pages}) != 1:
        raise SeglabError(
            f"expected a readable image; '{path}' is damaged or has more than four channels a page - copy or download "
            "it again, or save it as .npy of (height, width, channels)"
        )
    if len(pages) > 1:
        return np.dstack(pages)
    to_rgb = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(pages[0].shape[-1] if pages[0].ndim == 3 else 0)
    return pages[0] if to_rgb is None else cv2.cvtColor(pages[0], to_rgb)


def _decoded(data: bytes, path: Path, decode: Callable[[np.ndarray], Any]) -> Any:
    """What `decode` makes of the file. Raises SeglabError for one too large, and for a JPEG that lost a part."""
    require_room(data, path)
    content = np.frombuffer(data, dtype=np.uint8)
    if not data.startswith(_JPEG_SIGNATURE):
        return decode(content)
    decoded, damage = libjpeg.decoded(lambda: decode(content))
    if damage is not None:
        raise SeglabError(
            f"expected a whole JPEG; '{path}' is damaged ({damage}), a part of the picture is lost - "
            "copy or download it again"
        )
    return decoded


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


def _palette_indices(data: bytes, path: Path) -> np.ndarray:
    # OpenCV replaces indices by colours; PIL keeps them, for palettes of 1, 2, 4 and 8 bits
    require_room(data, path)
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image, dtype=np.uint8)  # (H, W)
    except (OSError, SyntaxError, ValueError) as error:
        raise SeglabError(f"expected a readable mask; '{path}': {error} - copy or download it again") from error
