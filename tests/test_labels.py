"""The label spaces against the official table and against each other."""

import subprocess
import sys

import numpy as np
import pytest
from omegaconf import OmegaConf

from seglab import config
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS, IGNORE_INDEX, INVALID, label_space, label_space_of


def test_cityscapes_table_is_the_official_one() -> None:
    official = pytest.importorskip("cityscapesscripts.helpers.labels", reason="needs cityscapesscripts").labels
    ours = [tuple(label) for label in CITYSCAPES_LABELS]
    theirs = [
        (row.name, row.id, row.trainId, row.category, row.categoryId, row.hasInstances, row.ignoreInEval, row.color)
        for row in official
    ]
    assert ours == theirs


def test_cityscapes_19_keeps_the_classes_that_are_evaluated() -> None:
    space = label_space("cityscapes_19")
    assert space.num_classes == 19
    assert (space.names[0], space.names[13], space.names[18]) == ("road", "car", "bicycle")
    assert space.colors[1] == (244, 35, 232)
    assert space.lookup[[7, 26, 33]].tolist() == [0, 13, 18]
    assert space.lookup[[0, 9, 29, 255]].tolist() == [IGNORE_INDEX] * 4  # void, parking, caravan, license plate
    assert (space.lookup[34:255] == INVALID).all()
    assert sorted(set(space.to_train.values())) == [*range(19), IGNORE_INDEX]


def test_camvid_11_has_void_as_its_twelfth_value() -> None:
    space = label_space("camvid_11")
    assert space.num_classes == 11
    assert (space.names[3], space.colors[3]) == ("road", (128, 64, 128))
    assert space.lookup[:12].tolist() == [*range(11), IGNORE_INDEX]
    assert (space.lookup[12:] == INVALID).all()


def test_cityscapes_34_makes_every_id_a_class() -> None:
    space = label_space("cityscapes_34")
    assert space.lookup[[0, 7, 33]].tolist() == [0, 7, 33]
    assert space.lookup[255] == IGNORE_INDEX  # license plate
    assert (space.num_classes, space.names[9]) == (34, "parking")


def test_cityscapes_8_are_the_categories() -> None:
    space = label_space("cityscapes_8")
    assert space.names == ("void", "flat", "construction", "object", "nature", "sky", "human", "vehicle")
    # ranges of the source: 0-6, 7-10, 11-16, 17-20, 21-22, 23, 24-25, and 26 on with the license plate
    assert [space.lookup[raw] for raw in (0, 6, 7, 10, 11, 16, 17, 20, 21, 22, 23, 24, 25, 26, 33, 255)] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 7,
    ]  # fmt: skip
    assert (space.colors[1], space.colors[7]) == ((128, 64, 128), (0, 0, 142))


@pytest.mark.parametrize(("key", "void"), [("cityscapes_20", 19), ("cityscapes_21", 20), ("camvid_12", 11)])
def test_void_can_be_a_class(key: str, void: int) -> None:
    space = label_space(key)
    assert space.names[-1] == "void"
    assert space.num_classes == void + 1
    assert IGNORE_INDEX not in space.to_train.values()
    raw = 11 if key == "camvid_12" else 9  # parking
    assert space.lookup[raw] == void
    assert space.lookup[3 if key == "camvid_12" else 10] == (3 if key == "camvid_12" else void)
    if key == "cityscapes_21":
        assert 19 not in space.to_train.values()  # the source skips one output


def test_bdd_19_are_the_classes_of_cityscapes_as_train_ids() -> None:
    space, cityscapes = label_space("bdd_19"), label_space("cityscapes_19")
    assert (space.names, space.colors) == (cityscapes.names, cityscapes.colors)
    assert space.lookup[[0, 18, 255]].tolist() == [0, 18, IGNORE_INDEX]
    assert (space.lookup[19:255] == INVALID).all()


def test_bdd_41_follows_the_toolkit() -> None:
    space = label_space("bdd_41")
    assert space.num_classes == 41
    assert [space.names[k] for k in (0, 7, 15, 19, 31, 40)] == [
        "unlabeled", "road", "wall", "parking sign", "person", "truck",
    ]  # fmt: skip
    assert space.colors[19] == space.colors[31] == (220, 20, 60)
    # the toolkit's evaluation swaps these two
    assert (space.colors[11], space.colors[15]) == ((190, 153, 153), (102, 102, 156))
    shared = {name: color for name, color in zip(space.names, space.colors, strict=True)}
    cityscapes = label_space("cityscapes_19")
    assert all(shared[name] == color for name, color in zip(cityscapes.names, cityscapes.colors, strict=True))


MINE: dict[str, object] = {
    "name": "mine", "names": ["road", "other"], "colors": None, "ignore_values": [255], "mapping": None,
}  # fmt: skip


def test_a_label_space_can_be_described() -> None:
    space = label_space({**MINE, "colors": [[1, 2, 3], [4, 5, 6]], "mapping": {7: "road", 1: "other", 8: "road"}})
    assert (space.name, space.names, space.colors) == ("mine", ("road", "other"), ((1, 2, 3), (4, 5, 6)))
    assert space.lookup[[7, 1, 8, 255, 0]].tolist() == [0, 1, 0, IGNORE_INDEX, INVALID]
    assert label_space(space) is space
    assert label_space(MINE).to_train == {0: 0, 1: 1, 255: IGNORE_INDEX}


def test_a_described_label_space_may_stand_in_a_configuration() -> None:
    config.register()
    described = {**MINE, "colors": [[1, 2, 3], [4, 5, 6]], "mapping": {7: "road", 1: "other"}}
    cfg = OmegaConf.create({"labels": described, "classes": "${num_classes:${labels}}"})
    assert cfg.classes == 2
    assert label_space(cfg.labels) == label_space(described)


def test_colors_of_our_choice_are_distinct() -> None:
    many = label_space({**MINE, "names": [f"class {k}" for k in range(60)]})
    assert len(set(many.colors)) == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nams": []}, "key 'nams' - did you mean 'name"),
        ({"name": "camvid_11"}, "name 'camvid_11' of a built-in one - choose another"),
        ({"names": []}, r"1 to 254 class names; came 0 names"),
        ({"names": ["road", "road"]}, "different class names; came road more than once"),
        (
            {"names": [f"c{k}" for k in range(300)]},
            r"1 to 254 class names; came 300 names \(c0, c1, ... and 298 more\)",
        ),
        ({"names": [*map(str, range(200))], "mapping": {0: "0"}}, r"none for 1, 2, 3, 4, 5, 6, ... and 193 more - add"),
        ({"colors": [[0, 0, 0]] * 200}, r"came \[\[0, 0, 0\], \[0, 0, 0\], ... and 198 more\] - correct"),
        ({"colors": [[0, 0, 0]]}, r"2 colors, one a class, each \[red, green, blue\] of 0..255; came \[\[0, 0, 0\]\]"),
        ({"colors": [[0, 0, 0], [0, 0, 256]]}, "2 colors"),
        ({"ignore_values": [1, 255]}, r"ignore_values that stand for no class; came \[1\] in both"),
        ({"ignore_values": [256]}, r"raw values from 0 to 255, as whole numbers; came \[256\]"),
        ({"mapping": {7: "raod", 1: "other"}}, "came 7: 'raod' - did you mean 'road'"),
        ({"mapping": {7: "road"}}, "a raw value for every class in mapping; came none for other"),
        ({"mapping": {"7": "road", 1: "other"}}, r"raw values from 0 to 255, as whole numbers; came \['7'\]"),
    ],
)
def test_a_wrong_description_is_explained(change: dict[str, object], message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        label_space({**MINE, **change})


def test_a_description_needs_all_keys() -> None:
    with pytest.raises(SeglabError, match=r"the keys name, names, colors, .*; came no 'mapping' - add it, null for"):
        label_space({key: value for key, value in MINE.items() if key != "mapping"})


def test_a_built_in_one_has_to_be_of_the_masks_family() -> None:
    assert label_space_of("camvid_12", family="camvid").name == "camvid_12"
    assert label_space_of(MINE, family="camvid").name == "mine"
    message = (
        r"data.labels=cityscapes_19: expected a label space of .* \(camvid_11, camvid_12\); came one of other masks"
    )
    with pytest.raises(SeglabError, match=message):
        label_space_of("cityscapes_19", family="camvid")


# {label space: (the first and the last raw value of each of some classes, classes that no raw value is)}
TABLES: dict[str, tuple[dict[str, tuple[int, int]], set[str]]] = {
    "mapillary_65": ({"Bird": (0, 0), "Road": (13, 13), "Ego Vehicle": (64, 64)}, set()),
    "mapillary_19": ({"road": (13, 41), "sidewalk": (2, 15), "rider": (20, 22), "train": (58, 58)}, set()),
    "mapillary2_123": ({"Bird": (0, 0), "Road": (21, 21), "Static": (122, 122)}, set()),
    "mapillary2_19": ({"road": (21, 74), "person": (30, 31), "traffic light": (90, 95)}, set()),
    "ade20k_150": ({"wall": (1, 1), "streetlight": (88, 88), "flag": (150, 150)}, set()),
    "voc_21": ({"background": (0, 0), "person": (15, 15), "tvmonitor": (20, 20)}, set()),
    "cocostuff_171": ({"person": (0, 0), "toothbrush": (89, 89), "banner": (91, 91), "wood": (181, 181)}, set()),
    "idd_26": ({"road": (0, 0), "autorickshaw": (8, 8), "vegetation": (24, 24)}, set()),
    "idd_19": ({"road": (0, 0), "bicycle": (18, 18)}, set()),
    "apolloscape_22": ({"sky": (17, 17), "car": (33, 161), "tricycle": (40, 168), "vegetation": (113, 113)}, set()),
    "apolloscape_19": ({"road": (49, 66), "car": (33, 161), "motorcycle": (34, 162)}, {"terrain", "train"}),
    "wilddash_76": ({"egovehicle": (1, 1), "ground": (6, 6), "curbcut": (80, 80)}, set()),
    "wilddash_19": ({"road": (7, 79), "car": (26, 35), "truck": (27, 34), "train": (31, 31)}, set()),
}


@pytest.mark.parametrize("key", TABLES)
def test_tables_of_published_data_sets(key: str) -> None:
    space, (some, never) = label_space(key), TABLES[key]
    assert space.name == key
    assert len(set(space.names)) == len(space.colors) == space.num_classes == int(key.rpartition("_")[2])
    raws = {name: [raw for raw, id in space.to_train.items() if id == index] for index, name in enumerate(space.names)}
    assert {name: (min(raws[name]), max(raws[name])) for name in some} == some
    assert {name for name, values in raws.items() if not values} == never
    assert IGNORE_INDEX in space.to_train.values()


@pytest.mark.parametrize("key", ["cityscapes_19", "cityscapes_8", "cityscapes_20", "bdd_19", "camvid_11", "camvid_12"])
def test_names_and_colors_are_distinct_and_as_many_as_classes(key: str) -> None:
    space = label_space(key)
    assert space.name == key
    assert len(set(space.names)) == len(set(space.colors)) == space.num_classes
    assert space.lookup.dtype == np.uint8
    assert space.lookup.shape == (256,)


def test_unknown_key_is_answered_with_the_nearest_one() -> None:
    message = r"a label space \(.*bdd_19, .*cityscapes_8.*\); got 'cityscape_19' - did you mean 'cityscapes_19'"
    with pytest.raises(SeglabError, match=message):
        label_space("cityscape_19")


def test_labels_are_read_without_numpy_and_torch() -> None:
    code = "import sys, seglab.labels; sys.exit(bool({'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
