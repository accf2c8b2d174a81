"""Videos frame by frame: read what OpenCV can decode, write MP4."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from seglab.errors import SeglabError

_CODEC = "mp4v"  # MPEG-4 part 2: OpenCV's wheels bring an encoder for it, and none for H.264
_USUAL_RATE = 25.0  # frames a second, where a file does not tell


class VideoReader:
    """The frames of a video file, uint8 (H, W, 3) RGB. Raises SeglabError when the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise SeglabError(
                f"expected a readable video; '{path}' is damaged or of an unknown kind - convert it to MP4"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and rate > 0 else _USUAL_RATE  # frames a second
        self.frames = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # as the file says; 0: it does not

    def __iter__(self) -> Iterator[np.ndarray]:
        """Raises SeglabError after the last readable frame, when that is not the last one of the file."""
        count = 0
        try:
            while True:
                is_frame, frame = self._capture.read()
                if not is_frame:
                    break
                count += 1
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            self._capture.release()
        if count == 0 or count < self.frames:
            raise SeglabError(
                f"expected {self.frames or 'some'} frames in the video '{self.path}'; {count} could be read - "
                "it is cut off or damaged, copy or convert it again"
            )


class VideoWriter:
    """Writes an MP4 file, which gets its name when everything is in it; a context manager.

    The format knows even sizes only: of an odd one the last row or column is repeated.
    """

    def __init__(self, path: Path, *, rate: float) -> None:
        self.path = path
        self._rate = rate
        self._partial = path.with_name(f".{path.stem}.partial.mp4")  # OpenCV reads the kind of file off the suffix
        self._writer: cv2.VideoWriter | None = None

    def write(self, picture: np.ndarray) -> None:
        """Appends a picture uint8 (H, W, 3) RGB; all pictures of a video have one size."""
        height, width = picture.shape[:2]
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._writer is None:
            self._writer = self._opened(picture.shape[1], picture.shape[0])
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def _opened(self, width: int, height: int) -> cv2.VideoWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(self._partial), cv2.VideoWriter.fourcc(*_CODEC), self._rate, (width, height))
        if not writer.isOpened():
            raise SeglabError(
                f"expected to write '{self.path}' with the codec {_CODEC}; this OpenCV cannot, or the folder is not "
                "writable - install opencv-python-headless from PyPI, or choose another output"
            )
        return writer

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if error is None or isinstance(error, SeglabError):  # of a video that is cut off, the readable part is kept
            with suppress(FileNotFoundError):
                self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)
