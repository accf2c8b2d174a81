"""Pascal VOC 2012: 20 classes and the background; 255, the borders of objects, is ignored.

Names in the order of VOCdevkit; the colours are those of its VOClabelcolormap: bit k of a class is bit 7 - k // 3 of
channel k % 3.
"""

from __future__ import annotations

from seglab.labels.space import IGNORE_INDEX, Color, by_position

# fmt: off
_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on


def _color(number: int) -> Color:
    red, green, blue = (
        sum((number >> bit & 1) << 7 - bit // 3 for bit in range(channel, 8, 3)) for channel in range(3)
    )
    return red, green, blue


_CLASSES = {name: _color(number) for number, name in enumerate(_NAMES)}
SPACES = (by_position("voc_21", _CLASSES, ignored=[IGNORE_INDEX]),)
