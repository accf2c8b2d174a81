"""ApolloScape, scene parsing: its 22 classes, or those of Cityscapes' 19 that it has (all but terrain and train).

Ids and order: scene_parsing/README.md of github.com/ApolloScapeAuto/dataset-api; colours: label_apollo.py of the data
set's utilities, two misspelt names corrected. A group has the class of its members. To Cityscapes: the table of the
BDD100K toolkit (bdd100k/label), which counts road piles as road.
"""

from __future__ import annotations

from typing import NamedTuple

from seglab.labels.cityscapes import CITYSCAPES_19, of_cityscapes
from seglab.labels.space import IGNORE_INDEX, Color, LabelSpace


class _Label(NamedTuple):
    name: str
    ids: tuple[int, ...]  # in the masks: of one, and of a group that was not divided
    color: Color
    cityscapes: str | None


# fmt: off
_LABELS = (
    _Label("sky", (17,), (70, 130, 180), "sky"),
    _Label("car", (33, 161), (0, 0, 142), "car"),
    _Label("motorbicycle", (34, 162), (0, 0, 230), "motorcycle"),
    _Label("bicycle", (35, 163), (119, 11, 32), "bicycle"),
    _Label("person", (36, 164), (0, 128, 192), "person"),
    _Label("rider", (37, 165), (128, 64, 128), "rider"),
    _Label("truck", (38, 166), (128, 0, 192), "truck"),
    _Label("bus", (39, 167), (192, 0, 64), "bus"),
    _Label("tricycle", (40, 168), (128, 128, 192), None),
    _Label("road", (49,), (192, 128, 192), "road"),
    _Label("sidewalk", (50,), (192, 128, 64), "sidewalk"),
    _Label("traffic cone", (65,), (0, 0, 64), None),
    _Label("road pile", (66,), (0, 0, 192), "road"),
    _Label("fence", (67,), (64, 64, 128), "fence"),
    _Label("traffic light", (81,), (192, 64, 128), "traffic light"),
    _Label("pole", (82,), (192, 128, 128), "pole"),
    _Label("traffic sign", (83,), (0, 64, 64), "traffic sign"),
    _Label("wall", (84,), (192, 192, 128), "wall"),
    _Label("dustbin", (85,), (64, 0, 192), None),
    _Label("billboard", (86,), (192, 0, 192), None),
    _Label("building", (97,), (192, 0, 128), "building"),
    _Label("vegetation", (113,), (128, 128, 64), "vegetation"),
)
# fmt: on
_IGNORED = (0, 1, 98, 99, 100, 255)  # others, rover, bridge, tunnel, overpass, unlabeled


def _apolloscape_22() -> LabelSpace:
    to_train = {raw: index for index, label in enumerate(_LABELS) for raw in label.ids}
    names, colors = tuple(label.name for label in _LABELS), tuple(label.color for label in _LABELS)
    return LabelSpace("apolloscape_22", names, colors, {**dict.fromkeys(_IGNORED, IGNORE_INDEX), **to_train})


def _apolloscape_19() -> LabelSpace:
    to_train = dict.fromkeys(_IGNORED, IGNORE_INDEX)
    for label in _LABELS:
        train_id = IGNORE_INDEX if label.cityscapes is None else CITYSCAPES_19.names.index(label.cityscapes)
        to_train |= dict.fromkeys(label.ids, train_id)
    return of_cityscapes("apolloscape_19", to_train)


SPACES = (_apolloscape_22(), _apolloscape_19())
