"""Cityscapes: the official table of its labels, and the label spaces that are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from seglab.labels.space import BLACK, IGNORE_INDEX, Color, LabelSpace, by_position, with_void


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
    return by_position("cityscapes_34", {label.name: label.color for label in labels}, ignored=[255])


def _cityscapes_8() -> LabelSpace:
    """The categories, void being category 0, each in the colour of its most frequent class."""
    frequent = ("unlabeled", "road", "building", "pole", "vegetation", "sky", "person", "car")
    shown = {label.category: label.color for label in CITYSCAPES_LABELS if label.name in frequent}
    to_train = {label.id % 256: label.category_id for label in CITYSCAPES_LABELS}
    return LabelSpace("cityscapes_8", tuple(shown), tuple(shown.values()), to_train)


CITYSCAPES_19 = _cityscapes_19()
SPACES = (
    CITYSCAPES_19,
    _cityscapes_34(),
    _cityscapes_8(),
    with_void(CITYSCAPES_19, "cityscapes_20", more={"void": BLACK}),
    with_void(CITYSCAPES_19, "cityscapes_21", more={"unused": BLACK, "void": BLACK}),
)


def of_cityscapes(name: str, to_train: Mapping[int, int]) -> LabelSpace:
    """The 19 classes of Cityscapes for masks of another data set."""
    return LabelSpace(name, CITYSCAPES_19.names, CITYSCAPES_19.colors, to_train)


def of_train_ids(name: str) -> LabelSpace:
    """The 19 classes of Cityscapes for masks that hold their train ids as they are."""
    classes = dict(zip(CITYSCAPES_19.names, CITYSCAPES_19.colors, strict=True))
    return by_position(name, classes, ignored=[IGNORE_INDEX])
