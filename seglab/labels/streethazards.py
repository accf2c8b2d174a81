"""StreetHazards: 13 classes, the first of which holds what CARLA does not label, the sky among it; 14 is the anomaly.

Names as github.com/hendrycks/anomaly-seg has them; the colours are ours. Values of its files begin at 1.
"""

from __future__ import annotations

from seglab.labels.space import IGNORE_INDEX, LabelSpace, distinct_colors

_NAMES = (
    "unlabeled", "building", "fence", "other", "pedestrian", "pole", "road line", "road", "sidewalk", "vegetation",
    "car", "wall", "traffic sign",
)  # fmt: skip
_ANOMALY = 14
_TO_TRAIN = {number + 1: number for number in range(len(_NAMES))} | dict.fromkeys((0, _ANOMALY, 255), IGNORE_INDEX)
SPACES = (LabelSpace("streethazards_13", _NAMES, distinct_colors(len(_NAMES)), _TO_TRAIN),)
