"""Pictures and masks as PNG files, of commands and runs."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from seglab.runs.partial import written_beside

_TO_OPENCV = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}


def write_png(path: Path, picture: np.ndarray, *, options: Sequence[int] = ()) -> None:
    """Writes ids (H, W) or colours uint8 (H, W, 3 or 4) RGB(A); a kill leaves no half of a file under this name.

    Args:
        options: of OpenCV's encoder, such as [cv2.IMWRITE_PNG_COMPRESSION, 2].
    """
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, _TO_OPENCV[picture.shape[2]])
    encoded, data = cv2.imencode(".png", pixels, options)
    assert encoded
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as partial:
        partial.write_bytes(data.tobytes())
