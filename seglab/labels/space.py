"""A label space: the K classes that a network predicts, and what the values in mask files mean."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

IGNORE_INDEX = 255  # train id of a pixel that no loss and no metric counts
INVALID = 254  # entry of LabelSpace.lookup for a raw value that the label space does not know

Color = tuple[int, int, int]  # RGB, 0..255
BLACK: Color = (0, 0, 0)


@dataclass(frozen=True)
class LabelSpace:
    """The K classes that a network predicts, and the mapping from raw mask values to them."""

    name: str
    names: tuple[str, ...]  # K class names in the order of their train ids
    colors: tuple[Color, ...]  # K colours in the same order
    to_train: Mapping[int, int]  # raw value 0..255 -> train id 0..K-1 or IGNORE_INDEX
    is_built_in: bool = True  # known to seglab by its name; else it was described by the user, who can change it

    @property
    def num_classes(self) -> int:
        """K, the number of classes a network predicts."""
        return len(self.names)

    @cached_property
    def lookup(self) -> np.ndarray:
        """uint8 (256,): `lookup[mask]` turns raw values into train ids; unknown raw values become INVALID."""
        import numpy as np  # here, because reading a config needs the class names but no arrays

        table = np.full(256, INVALID, dtype=np.uint8)
        for raw, train_id in self.to_train.items():
            table[raw] = train_id
        table.setflags(write=False)
        return table


def by_position(name: str, classes: Mapping[str, Color], *, ignored: Sequence[int]) -> LabelSpace:
    """The label space whose raw values are the positions in `classes`, and `ignored`."""
    to_train = {**{index: index for index in range(len(classes))}, **dict.fromkeys(ignored, IGNORE_INDEX)}
    return LabelSpace(name, tuple(classes), tuple(classes.values()), to_train)


def with_void(space: LabelSpace, name: str, *, more: Mapping[str, Color]) -> LabelSpace:
    """`space` with the classes `more` at its end; the last of them is what was ignored."""
    names, colors = (*space.names, *more), (*space.colors, *more.values())
    to_train = {raw: len(names) - 1 if train == IGNORE_INDEX else train for raw, train in space.to_train.items()}
    return LabelSpace(name, names, colors, to_train)


def distinct_colors(count: int) -> tuple[Color, ...]:
    """Hues a golden angle apart: neighbours differ, however many there are."""
    shades = (colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.85 - k % 2 * 0.35, 0.95 - k % 3 * 0.2) for k in range(count))
    return tuple((round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in shades)
