"""The size that a picture's header says it has, looked at before anything is decoded."""

import io
import warnings
from pathlib import Path

from PIL import Image

from seglab.errors import SeglabError

MOST_PIXELS = 180_000_000  # 13,400 x 13,400: 540 MB when decoded, and some times that on the way to the network
Image.MAX_IMAGE_PIXELS = None  # PIL's own warning and error name no file; every image passes `require_room` instead
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def require_room(data: bytes, path: Path) -> None:
    """Raises SeglabError when the PNG, JPEG or TIFF at `path` says that it has more pixels than are ever decoded.

    A few hundred kilobytes can hold an image of many gigabytes.
    """
    if data.startswith(_PNG_SIGNATURE):
        height, width = int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    else:
        try:
            # the header alone; what is wrong with it the decoder says as well
            with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as image:
                width, height = image.size
        except (OSError, SyntaxError, ValueError):
            return  # the decoder says it better
    if height * width > MOST_PIXELS:
        raise SeglabError(
            f"expected an image of at most {MOST_PIXELS // 10**6} million pixels; '{path}' has {height}x{width} "
            "(height x width) - cut it into tiles, or take it out"
        )
