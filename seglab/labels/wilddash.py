"""WildDash 2: its categories but the void ones, or the 19 classes of Cityscapes.

Ids, names, colours and the mapping to Cityscapes are those of the authors' wd2_unified_label_policy.json in
github.com/ozendelait/wilddash_scripts (Zendel et al., CVPR 2022); the id is the position. Vans are cars there, pickups
trucks, autorickshaws motorcycles, and whatever lies on a road is road.
"""

from __future__ import annotations

from seglab.labels.cityscapes import CITYSCAPES_19, of_cityscapes
from seglab.labels.space import IGNORE_INDEX, Color, LabelSpace

# fmt: off
_CATEGORIES: dict[str, Color] = {
    "unlabeled": (255, 255, 255), "egovehicle": (0, 20, 50), "overlay": (20, 20, 20), "outofroi": (3, 3, 3),
    "static": (4, 4, 4), "dynamic": (111, 74, 0), "ground": (81, 0, 81), "road": (128, 64, 128),
    "sidewalk": (244, 35, 232), "parking": (250, 170, 160), "railtrack": (230, 150, 140), "building": (70, 70, 70),
    "wall": (102, 102, 156), "fence": (190, 153, 153), "guardrail": (180, 165, 180), "bridge": (150, 100, 100),
    "tunnel": (150, 120, 90), "pole": (152, 152, 152), "polegroup": (153, 152, 153),
    "trafficlight": (250, 170, 30), "trafficsign": (220, 220, 0), "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152), "sky": (70, 130, 180), "person": (220, 20, 60), "rider": (255, 0, 0),
    "car": (0, 0, 142), "truck": (0, 0, 70), "bus": (0, 60, 100), "caravan": (0, 0, 90), "trailer": (0, 0, 110),
    "onrails": (0, 80, 100), "motorcycle": (0, 0, 230), "bicycle": (119, 11, 32), "pickup": (40, 0, 100),
    "van": (0, 40, 120), "billboard": (174, 64, 67), "streetlight": (210, 170, 100),
    "roadmarking": (196, 176, 128), "junctionbox": (40, 40, 40), "mailbox": (50, 50, 50),
    "manhole": (190, 178, 209), "phonebooth": (60, 60, 60), "pothole": (215, 190, 215), "bikerack": (15, 45, 80),
    "trafficsignframe": (128, 128, 128), "utilitypole": (0, 0, 80), "motorcyclist": (255, 0, 100),
    "bicyclist": (255, 0, 10), "otherrider": (255, 0, 0), "bird": (165, 42, 42), "groundanimal": (0, 192, 0),
    "curb": (196, 196, 196), "trafficsignany": (220, 220, 15), "trafficsignback": (192, 192, 192),
    "trashcan": (140, 140, 20), "otherbarrier": (90, 120, 150), "othervehicle": (128, 64, 64),
    "autorickshaw": (0, 0, 137), "bench": (250, 0, 30), "mountain": (64, 170, 64), "tramtrack": (192, 0, 128),
    "wheeledslow": (0, 0, 192), "boat": (150, 0, 255), "bikelane": (128, 64, 255),
    "bikelanesidewalk": (182, 170, 217), "banner": (255, 255, 128), "dashcammount": (20, 20, 32),
    "water": (0, 170, 30), "sand": (230, 160, 50), "pedestrianarea": (96, 96, 96), "firehydrant": (100, 170, 30),
    "cctvcamera": (222, 40, 40), "snow": (190, 255, 255), "catchbasin": (220, 128, 128),
    "crosswalkplain": (140, 140, 200), "crosswalkzebra": (200, 128, 128), "manholesidewalk": (196, 104, 204),
    "curbterrain": (150, 220, 150), "servicelane": (110, 100, 100), "curbcut": (170, 170, 170),
}
_VOID = ("unlabeled", "overlay", "outofroi", "static", "dynamic")  # of the supercategory void
_TO_CITYSCAPES = {
    "road": ["road", "roadmarking", "manhole", "pothole", "tramtrack", "bikelane", "pedestrianarea", "catchbasin",
             "crosswalkplain", "crosswalkzebra", "servicelane"],
    "sidewalk": ["sidewalk", "curb", "curbcut", "bikelanesidewalk", "manholesidewalk"], "building": ["building"],
    "wall": ["wall", "otherbarrier"], "fence": ["fence"], "pole": ["pole", "trafficsignframe", "utilitypole"],
    "traffic light": ["trafficlight"], "traffic sign": ["trafficsign"], "vegetation": ["vegetation"],
    "terrain": ["terrain", "curbterrain"], "sky": ["sky"], "person": ["person"],
    "rider": ["rider", "motorcyclist", "bicyclist", "otherrider"], "car": ["car", "van"], "truck": ["truck", "pickup"],
    "bus": ["bus"], "train": ["onrails"], "motorcycle": ["motorcycle", "autorickshaw"], "bicycle": ["bicycle"],
}
# fmt: on


def _wilddash_76() -> LabelSpace:
    classes = [name for name in _CATEGORIES if name not in _VOID]
    to_train = {raw: IGNORE_INDEX if name in _VOID else classes.index(name) for raw, name in enumerate(_CATEGORIES)}
    return LabelSpace("wilddash_76", tuple(classes), tuple(_CATEGORIES[name] for name in classes), to_train)


def _wilddash_19() -> LabelSpace:
    class_of = {name: CITYSCAPES_19.names.index(city) for city, names in _TO_CITYSCAPES.items() for name in names}
    return of_cityscapes("wilddash_19", {raw: class_of.get(name, IGNORE_INDEX) for raw, name in enumerate(_CATEGORIES)})


SPACES = (_wilddash_76(), _wilddash_19())
