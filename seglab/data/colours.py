"""Masks of colours: every colour is exactly that of a class, or the pixel is refused."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seglab.data.image_files import read_colors
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX, LabelSpace

VOID = "void"  # the name of what is not counted
_SHOWN = 3  # colours in a message


class ColourTable:
    """Train ids of the colours of masks.

    Args:
        colours: {class name: [red, green, blue], or a list of several}; `void` for pixels that are not counted.
        labels: whose classes are meant.

    Attributes:
        labels: the same classes, with train ids as raw values; its name tells one table from another.

    Raises:
        SeglabError: a class has no colour, a colour two classes, or something is no colour.
    """

    def __init__(self, colours: Mapping[str, Any], labels: LabelSpace) -> None:
        ids = {VOID: IGNORE_INDEX} | {name: index for index, name in enumerate(labels.names)}
        absent = [name for name in labels.names if name not in colours]
        unknown = [name for name in colours if name not in ids]
        if absent or unknown:
            near = did_you_mean(unknown[0], ids) if unknown else ""
            raise SeglabError(
                f"data.source.colours: expected a colour for each class of data.labels, and {VOID} for what is not "
                f"counted; classes without a colour: {', '.join(absent[:5]) or 'none'}; colours of no class: "
                f"{', '.join(unknown[:5]) or 'none'}{near}"
            )
        pairs = [(_code(name, color), ids[name]) for name, given in colours.items() for color in _several(given)]
        by_code = dict(pairs)
        if len(by_code) < len(pairs):
            raise SeglabError("data.source.colours: expected each colour once; came one for two classes - correct it")
        self._codes = np.array(sorted(by_code), dtype=np.uint32)
        self._ids = np.array([by_code[code] for code in sorted(by_code)], dtype=np.uint8)
        digest = hashlib.blake2b(repr(sorted(by_code.items())).encode(), digest_size=4).hexdigest()
        self.labels = replace(labels, name=f"{labels.name}-{digest}", to_train={id: id for id in ids.values()})

    def read(self, path: Path) -> np.ndarray:
        """uint8 (H, W) of train ids and IGNORE_INDEX. Raises SeglabError naming the file and colours of no class."""
        red, green, blue = (channel.astype(np.uint32) for channel in np.moveaxis(read_colors(path), 2, 0))
        codes = red << 16 | green << 8 | blue  # (H, W)
        place = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        wrong = codes[self._codes[place] != codes]
        if wrong.size:
            unknown, counts = np.unique(wrong, return_counts=True)
            first = np.argsort(-counts)[:_SHOWN]
            held = ", ".join(f"{_color(int(unknown[index]))} ({counts[index]} pixels)" for index in first)
            raise SeglabError(
                f"mask '{path}' holds {len(unknown)} colours of no class, such as {held}; expected those of "
                f"data.source.colours alone - add them there, to a class or to {VOID}; mixtures along the edges come "
                "from resizing or smoothing: export the masks without"
            )
        return self._ids[place]


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, Sequence) and given and isinstance(given[0], Sequence) else [given]


def _code(name: str, color: Any) -> int:
    right = isinstance(color, Sequence) and len(color) == 3
    if not right or not all(type(part) is int and 0 <= part <= 255 for part in color):
        raise SeglabError(
            f"data.source.colours.{name}: expected [red, green, blue] of 0..255, or a list of such; came {color!r}"
        )
    return color[0] << 16 | color[1] << 8 | color[2]


def _color(code: int) -> list[int]:
    return [code >> 16, code >> 8 & 255, code & 255]
