"""A label space that the user describes in a configuration."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from seglab.errors import SeglabError, did_you_mean, listed
from seglab.labels.space import BLACK, IGNORE_INDEX, INVALID, Color, LabelSpace, distinct_colors

_KEYS = ("name", "names", "colors", "ignore_values", "mapping")
_BACKGROUND = "background"  # what is no pixel of the only class


def described(labels: Mapping[str, Any], *, taken: Container[str]) -> LabelSpace:
    """The label space of a mapping, as seglab.labels.label_space explains it, whose name is none of `taken`."""
    for key in labels:
        _require(key in _KEYS, f"the keys {', '.join(_KEYS)}", f"key {key!r}{did_you_mean(str(key), _KEYS)}")
    for key in _KEYS:
        _require(key in labels, f"the keys {', '.join(_KEYS)}", f"no {key!r} - add it, null for colors or mapping")
    name, names = str(labels["name"]), [str(class_name) for class_name in labels["names"]]
    _require(name not in taken, "a name of your own", f"name {name!r} of a built-in one - choose another")
    colors, mapping = labels["colors"], labels["mapping"]
    if len(names) == 1:
        names = [_BACKGROUND, *names]
        colors = None if colors is None else [BLACK, *colors]
        mapping = None if mapping is None else {0: _BACKGROUND, **mapping}
    twice = sorted({name for name in names if names.count(name) > 1})
    _require(not twice, "different class names", f"{listed(twice)} more than once - correct the list")
    many = f"{len(names)} names ({listed(names, most=8)}) - correct the list"
    _require(1 <= len(names) <= INVALID, f"1 to {INVALID} class names", many)
    to_train = _raw_values(mapping, names)
    ignored = list(labels["ignore_values"])
    both = sorted(set(ignored) & to_train.keys())
    _require(not both, "ignore_values that stand for no class", f"[{listed(both)}] in both - take them out of one")
    to_train |= dict.fromkeys(ignored, IGNORE_INDEX)
    bad = [raw for raw in to_train if type(raw) is not int or not 0 <= raw <= 255]
    _require(
        not bad,
        "raw values from 0 to 255, as whole numbers",
        f"[{listed(map(repr, bad))}] - masks are read as 8-bit ids",
    )
    return LabelSpace(name, tuple(names), _colors(colors, len(names)), to_train, is_built_in=False)


def _raw_values(mapping: Mapping[int, str] | None, names: Sequence[str]) -> dict[int, int]:
    if mapping is None:
        return {index: index for index in range(len(names))}
    for raw, name in mapping.items():
        _require(name in names, "class names of data.labels.names in mapping", f"{raw}: {name!r}"
                 f"{did_you_mean(str(name), names)} - correct one of them")  # fmt: skip
    absent = [name for name in names if name not in mapping.values()]
    _require(not absent, "a raw value for every class in mapping", f"none for {listed(absent)} - add it")
    return {raw: names.index(name) for raw, name in mapping.items()}


def _colors(colors: Sequence[Sequence[int]] | None, count: int) -> tuple[Color, ...]:
    if colors is None:
        return distinct_colors(count)
    right = all(len(color) == 3 and all(type(part) is int and 0 <= part <= 255 for part in color) for color in colors)
    _require(
        right and len(colors) == count,
        f"{count} colors, one a class, each [red, green, blue] of 0..255",
        f"[{listed((list(color) for color in colors), most=8)}] - correct the list, or give null",
    )
    return tuple((red, green, blue) for red, green, blue in colors)


def _require(right: bool, expected: str, came: str) -> None:
    if not right:
        raise SeglabError(f"data.labels: expected {expected}; came {came}")
