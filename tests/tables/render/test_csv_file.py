"""A table as a CSV for whoever computes further."""

import csv
from collections.abc import Callable

from seglab.tables.comparison.comparison import Comparison
from seglab.tables.render.csv_file import to_csv
from tests.tables.analysis import experiments
from tests.tables.render.many import CLOSE, FAR


def test_the_csv_has_every_digit(compared: Callable[..., Comparison]) -> None:
    comparison = compared({"ce": 0.46, "dice": 0.49}, published=[CLOSE, FAR])
    lines = list(csv.DictReader(to_csv(comparison).splitlines()))
    assert [(line["row"], line["kind"]) for line in lines] == [
        ("ce", "measured"), ("dice", "measured"), ("Theirs & Co", "published"), ("On val", "published"),
    ]  # fmt: skip
    dice = comparison.blocks[0].rows[1]
    found, difference = dice.columns["miou"], dice.differences["miou"]
    assert float(lines[1]["miou"]) == found.mean
    assert float(lines[1]["miou std"]) == found.std
    assert lines[1]["miou n"] == "3"
    assert float(lines[1]["miou difference mean"]) == difference.mean
    assert float(lines[1]["miou difference p_holm"]) == difference.p_holm
    assert lines[1]["miou difference test"] == difference.test
    assert lines[0]["miou difference mean"] == ""
    assert float(lines[1]["iou/road"]) == dice.classes["road"].mean
    assert lines[1]["iou/tram"] == ""
    assert "parameters difference mean" not in lines[0]
    assert (lines[2]["fwiou"], lines[2]["verified"], lines[2]["pretraining"]) == ("0.8", "true", "ImageNet")
    assert (lines[3]["block"], lines[3]["split"], lines[3]["note"]) == ("apart", "val", "")


def test_a_row_of_factors_says_its_levels() -> None:
    lines = list(csv.DictReader(to_csv(experiments.compared(experiments.plan())).splitlines()))
    assert [(line["factor loss"], line["factor augment"]) for line in lines][3:5] == [
        ("dice", "default"), ("focal", "none"),
    ]  # fmt: skip
    assert lines[0]["row"] == "ce / none"
