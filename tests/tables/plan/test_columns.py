"""iou/* stands for all classes, in the order of the label space."""

from omegaconf import OmegaConf

from seglab.labels import label_space
from seglab.tables.plan.columns import classes_of, expanded
from seglab.tables.plan.model import Plan, Row

PLAN = Plan(name="t", title="T", source="s", rows=(Row(label="a"),), columns=("miou", "iou/*", "iou/sky"), seeds=(1,))


def test_all_classes_stand_where_the_plan_says_so_and_each_once():
    assert expanded(PLAN, ["road", "sky", "pole", "road"]).columns == ("miou", "iou/road", "iou/pole", "iou/sky")


def test_classes_are_those_of_the_label_spaces_of_the_rows():
    rows = {("a", 1): "camvid_11", ("b", 1): "camvid_11", ("c", 1): "cityscapes_19"}
    found = classes_of({key: OmegaConf.create({"data": {"labels": labels}}) for key, labels in rows.items()})
    assert found[:11] == list(label_space("camvid_11").names)
    assert set(found) == set(label_space("camvid_11").names) | set(label_space("cityscapes_19").names)
    assert len(found) == len(set(found))


def test_a_label_space_of_ones_own_is_a_mapping():
    mine = {"name": "mine", "names": ["ground", "leaf"], "colors": None, "ignore_values": [255]}
    rows = {"a": {**mine, "mapping": {0: "ground", 1: "leaf"}}, "b": "camvid_11", "c": {**mine, "mapping": None}}
    found = classes_of({key: OmegaConf.create({"data": {"labels": labels}}) for key, labels in rows.items()})
    assert found == ["ground", "leaf", *label_space("camvid_11").names]
