"""Pictures inside a page: reduced, and encoded so that the page stays small."""

import base64
import io
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from seglab.pages.html import text
from seglab.runs.picture_size import require_room


class Embedded(NamedTuple):
    """A picture as it stands in a page."""

    source: str  # a data URI
    width: int  # pixels
    height: int

    def tag(self, alternative: str, *, attributes: str = "") -> str:
        """An <img>; `alternative` is read to those who do not see it."""
        size = f'width="{self.width}" height="{self.height}"'
        return f'<img src="{self.source}" {size} alt="{text(alternative)}"{attributes}>'


def embedded(path: Path, *, width: int, encoding: Literal["WEBP", "JPEG"] = "WEBP", quality: int = 82) -> Embedded:
    """The picture at most `width` pixels wide.

    Args:
        encoding: WEBP keeps label maps crisp and is small; JPEG is written ten times as fast.
        quality: 0 to 100.

    Raises:
        OSError: it cannot be read.
        SeglabError: it has too many pixels.
    """
    data = path.read_bytes()
    require_room(data, path)
    try:
        with Image.open(io.BytesIO(data)) as file:
            picture = file.convert("RGB")
    except (SyntaxError, ValueError) as error:  # PIL's own of some damaged files
        raise OSError(str(error)) from error
    picture.thumbnail((width, 4 * width), reducing_gap=1.0)  # twice as fast as the default, and as good to look at
    buffer = io.BytesIO()
    picture.save(buffer, encoding, quality=quality)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return Embedded(f"data:image/{encoding.lower()};base64,{encoded}", picture.width, picture.height)
