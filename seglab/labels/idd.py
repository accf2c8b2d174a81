"""IDD, the India Driving Dataset: its 26 classes of level 3, or the 19 of Cityscapes.

helpers/anue_labels.py of github.com/AutoNUE/public-code, column level3Id: what shares an id is one class. Level 3 mixes
classes of Cityscapes (trains lie with trailers), so idd_19 is for masks that its createLabels.py made with csTrainId.
"""

from __future__ import annotations

from seglab.labels.cityscapes import of_train_ids
from seglab.labels.space import IGNORE_INDEX, Color, by_position

# fmt: off
_LEVEL_3: dict[str, Color] = {
    "road": (128, 64, 128), "parking and drivable fallback": (250, 170, 160), "sidewalk": (244, 35, 232),
    "rail track and non-drivable fallback": (152, 251, 152), "person and animal": (220, 20, 60),
    "rider": (255, 0, 0), "motorcycle": (0, 0, 230), "bicycle": (119, 11, 32), "autorickshaw": (255, 204, 54),
    "car": (0, 0, 142), "truck": (0, 0, 70), "bus": (0, 60, 100),
    "caravan, trailer, train and vehicle fallback": (136, 143, 153), "curb": (220, 190, 40),
    "wall": (102, 102, 156), "fence": (190, 153, 153), "guard rail": (180, 165, 180), "billboard": (174, 64, 67),
    "traffic sign": (220, 220, 0), "traffic light": (250, 170, 30), "pole": (153, 153, 153),
    "obs-str-bar-fallback": (169, 187, 214), "building": (70, 70, 70), "bridge and tunnel": (150, 100, 100),
    "vegetation": (107, 142, 35), "sky and fallback background": (70, 130, 180),
}
# fmt: on

SPACES = (by_position("idd_26", _LEVEL_3, ignored=[IGNORE_INDEX]), of_train_ids("idd_19"))
