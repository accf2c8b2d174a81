"""What is written of a prediction: id masks, colour masks, overlays, side by side; a picture or a video of each."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from seglab.display import draw
from seglab.display.rgb import as_rgb
from seglab.inference.inputs import Input
from seglab.inference.video import VideoWriter
from seglab.labels import LabelSpace
from seglab.runs.png import write_png

KINDS = ("masks", "colors", "overlays", "side_by_side")


class Append(Protocol):
    def __call__(self, image: np.ndarray, mask: np.ndarray) -> None:
        """Writes the next frame: image uint8 (H, W, 3) RGB, mask uint8 (H, W) of train ids."""


@dataclass(frozen=True)
class Results:
    """Writes `folder`/<kind>/<name of the input>, in the size of the input.

    Attributes:
        kinds: some of KINDS.
        ids: uint8 (256,), the value that a train id gets in an id mask.
        opacity: of the colours in an overlay, 0..1.
        legend: put the names of the classes below overlays and pictures side by side.
    """

    folder: Path
    labels: LabelSpace
    kinds: Sequence[str]
    ids: np.ndarray
    opacity: float
    legend: bool

    def path(self, source: Input, kind: str) -> Path:
        """Where the result goes; the id masks of a video are a folder of PNGs, as a video would blur ids."""
        if not source.is_video:
            return self.folder / kind / f"{source.name}.png"
        return self.folder / kind / (source.name if kind == "masks" else f"{source.name}.mp4")

    def paths(self, source: Input) -> list[Path]:
        return [self.path(source, kind) for kind in self.kinds]

    def write(self, source: Input, image: np.ndarray, mask: np.ndarray) -> None:
        """Writes every kind: image (H, W, C), uint8 or uint16, mask uint8 (H, W) of train ids."""
        present = {int(k) for k in np.unique(mask)}
        for kind in self.kinds:
            write_png(self.path(source, kind), self._picture(kind, image, mask, present=present))

    @contextmanager
    def video(self, source: Input, *, rate: float) -> Iterator[Append]:
        """A function that appends a frame to each kind. The legend names all classes: frames keep one size."""
        present = set(range(self.labels.num_classes))
        count = 0
        with ExitStack() as stack:
            writers = {
                kind: stack.enter_context(VideoWriter(self.path(source, kind), rate=rate))
                for kind in self.kinds
                if kind != "masks"
            }

            def append(image: np.ndarray, mask: np.ndarray) -> None:
                nonlocal count
                if "masks" in self.kinds:
                    write_png(self.path(source, "masks") / f"{count:06d}.png", self.ids[mask])
                for kind, writer in writers.items():
                    writer.write(self._picture(kind, image, mask, present=present))
                count += 1

            yield append

    def _picture(self, kind: str, image: np.ndarray, mask: np.ndarray, *, present: set[int]) -> np.ndarray:
        if kind == "masks":
            return self.ids[mask]
        if kind == "colors":
            return draw.colourise(mask, self.labels)
        if kind == "overlays":
            picture = draw.overlay(as_rgb(image), mask, self.labels, opacity=self.opacity)
        else:
            picture = draw.side_by_side(as_rgb(image), mask, self.labels)
        return draw.with_legend(picture, self.labels, present=present) if self.legend else picture
