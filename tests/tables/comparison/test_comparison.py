"""What a table says of its rows: blocks of equal protocol, differences paired by seed, corrections, and warnings."""

import math
from dataclasses import replace
from unittest.mock import Mock

import pytest

from seglab.errors import SeglabError
from seglab.tables.analysis.ranks import ranks
from seglab.tables.comparison import significance
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Published, Row
from tests.tables.comparison.losses import (
    all_measured,
    counted,
    measured,
    of_images,
    plan,
    with_protocol,
)


def test_the_block_of_the_baseline_comes_first():
    rows = [with_protocol(each, split="test") if each.row == "ce" else each for each in all_measured()]
    first, second = compare(plan(), rows).blocks
    assert [row.label for row in first.rows] == ["ce"]
    assert [row.label for row in second.rows] == ["dice", "focal"]


def test_each_block_has_its_own_baseline():
    rows = [with_protocol(each, split="test") if each.row != "ce" else each for each in all_measured()]
    test, val = compare(plan(baseline=("ce", "dice")), rows).blocks
    assert [(row.label, row.is_baseline) for row in test.rows] == [("dice", True), ("focal", False)]
    assert test.rows[1].differences["miou"].mean is not None
    assert [(row.label, row.is_baseline) for row in val.rows] == [("ce", True)]


def test_each_place_has_its_own_baseline_and_family_where_all_are_of_one_data_set():
    places = {"plain": {"data": "synthetic"}, "flipped": {"data": "synthetic", "flip": True}}
    stated = plan(
        rows=tuple(
            Row(label=f"{row} on {place}", training=row, place=place, evaluation=keys)
            for row in ("ce", "dice", "focal")
            for place, keys in places.items()
        ),
        baseline=("ce on plain", "ce on flipped"),
        tested_on=places,
        ranks=True,
    )
    rows = [
        with_protocol(replace(each, row=f"{each.row} on {place}", metrics={"miou": each.metrics["miou"] + better}),
                      flip=better > 0)
        for each in all_measured() for place, better in (("plain", 0.0), ("flipped", 0.1))
    ]  # fmt: skip
    alone = compare(plan(), all_measured()).blocks[0].rows
    comparison = compare(stated, rows)
    assert [block.title for block in comparison.blocks] == ["test-time flip no", "test-time flip yes"]
    assert comparison.split_because == ()  # the table asks for it
    for block, place in zip(comparison.blocks, places, strict=True):
        assert [(row.label, row.is_baseline) for row in block.rows] == [
            (f"ce on {place}", True), (f"dice on {place}", False), (f"focal on {place}", False),
        ]  # fmt: skip
        for row, expected in zip(block.rows[1:], alone[1:], strict=True):
            found, same = row.differences["miou"], expected.differences["miou"]
            assert (found.mean, found.p, found.p_holm) == pytest.approx((same.mean, same.p, same.p_holm))
    assert [[row[1].text for row in sheet.rows] for sheet in ranks(comparison).sheets] == [["2", "1", "2"]] * 2


def test_times_of_two_devices_never_stand_side_by_side():
    times = {"ce": ("a GPU", 1.0), "dice": ("a GPU", 2.0), "focal": ("a CPU", 30.0)}
    rows = [
        measured(row, 1, 0.4, timed_on=device, latency=value, images_per_second=1000 / value)
        for row, (device, value) in times.items()
    ]
    comparison = compare(plan(columns=("miou", "latency", "images_per_second")), rows)
    (block,) = comparison.blocks
    assert [row.columns["latency"].mean for row in block.rows] == [1.0, 2.0, None]
    assert [row.columns["images_per_second"].mean for row in block.rows] == [1000.0, 500.0, None]
    assert [row.columns["miou"].mean for row in block.rows] == [0.4, 0.4, 0.4]
    assert "latency, images_per_second: measured on a GPU" in comparison.warnings
    assert any(line.startswith("focal: timed on another device") for line in comparison.warnings)


def test_one_row_may_be_measured_under_two_protocols():
    rows = [*all_measured(), with_protocol(measured("dice", 1, 0.4), split="test")]
    comparison = compare(plan(), rows)
    assert [[row.label for row in block.rows] for block in comparison.blocks] == [["ce", "dice", "focal"], ["dice"]]
    assert comparison.missing == ()


def test_nothing_measured_is_a_block_of_what_is_published():
    comparison = compare(plan(published=(Published(label="p", values={}, source="a paper", split="test"),)), [])
    (block,) = comparison.blocks
    assert (block.rows, block.title, block.class_names) == ((), "", ())
    assert len(comparison.missing) == 9
    assert block.published[0].differs == ()  # the plan leaves the split to the evaluation
    assert comparison.published_apart == ()


def test_a_published_row_of_another_split_than_the_plans_stands_apart_before_anything_is_measured():
    published = tuple(Published(label=each, values={}, source="a paper", split=each) for each in ("test", "val"))
    comparison = compare(plan(evaluation={"split": "val"}, published=published), [])
    assert [each.published.label for each in comparison.blocks[0].published] == ["val"]
    assert comparison.published_apart[0].differs == ("split: test, here val",)


def test_splits_that_the_plan_asks_for_are_blocks_in_its_order_and_no_surprise():
    published = (Published(label="p", values={}, source="a paper", split="val"),)
    asked = plan(evaluation={"split": ["train", "val", "test"]}, published=published)
    rows = [with_protocol(each, split=split) for split in ("test", "val", "train") for each in all_measured()]
    comparison = compare(asked, rows)
    assert [block.title for block in comparison.blocks] == ["split train", "split val", "split test"]
    assert [len(block.rows) for block in comparison.blocks] == [3, 3, 3]
    assert [len(block.published) for block in comparison.blocks] == [0, 1, 0]
    assert comparison.split_because == ()
    assert len(comparison.warnings) == len(set(comparison.warnings))


def test_all_classes_are_those_that_were_measured_else_those_that_were_published():
    published = (Published(label="p", values={"iou/sky": 0.5, "iou/thin things": 0.1}, source="a paper"),)
    asked = plan(columns=("miou", "iou/pole", "iou/*"), published=published)
    assert compare(asked, []).plan.columns == ("miou", "iou/pole", "iou/sky")
    assert compare(asked, all_measured()).plan.columns == ("miou", "iou/pole", "iou/road", "iou/sign", "iou/train")


def test_a_row_without_training_is_missing_once():
    rows = (Row(label="x2", downsample=2), Row(label="ce"))
    comparison = compare(plan(rows=rows, baseline=()), [])
    assert comparison.missing == (("x2", 1), ("ce", 1), ("ce", 2), ("ce", 3))


def test_strangers_are_left_out_and_named():
    rows = [*all_measured(), measured("dice", 9, 0.9), measured("lovasz", 1, 0.9)]
    comparison = compare(plan(), rows)
    assert "not in the table's plan, left out: dice (seed 9), lovasz (seed 1)" in comparison.warnings
    assert [row.n for row in comparison.blocks[0].rows] == [3, 3, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": ("miuo",)}, r"table losses, columns: expected some of miou, .*came 'miuo' - did you mean 'miou'"),
        ({"columns": ("iou/raod",)}, r"came 'iou/raod' - did you mean 'iou/road'"),
        ({"groups": {"thin things": ("pol",)}}, r"groups: expected some of road, .*came 'pol' - did you mean 'pole'"),
    ],
)
def test_unknown_columns_are_refused(changes, message):
    with pytest.raises(SeglabError, match=message):
        compare(plan(**changes), all_measured())


def test_two_measurements_of_one_run_are_refused():
    with pytest.raises(SeglabError, match=r"one measurement of ce with seed 1 .*sweeps/losses/ce-1 and runs/again"):
        compare(plan(), [*all_measured(), measured("ce", 1, 0.5, folder="runs/again")])


def test_counts_of_another_evaluation_are_left_out():
    images = {("ce", 1): counted(), ("dice", 1): counted(seed=1)}
    rows = [of_images("ce", images["ce", 1]), of_images("dice", counted(better=0.1, seed=1))]
    comparison = compare(plan(seeds=(1,)), rows, images)
    assert comparison.blocks[0].rows[1].differences["miou"].over is None
    assert any(line.startswith("dice, seed 1: the counts of its images give mIoU") for line in comparison.warnings)


def test_each_row_of_a_large_table_is_compared_once_with_its_baseline(monkeypatch):
    rows = [measured(f"row {index}", seed, 0.5 + 0.01 * math.sin(index * seed + seed)) for index in range(30)
            for seed in range(1, 4)]  # fmt: skip
    wide = plan(rows=tuple(Row(label=f"row {index}", overrides=()) for index in range(30)), baseline=("row 0",))
    paired = Mock(wraps=significance.paired)
    monkeypatch.setattr(significance, "paired", paired)
    compare(wide, rows[:6])
    once = paired.call_count
    assert once >= len(wide.columns)
    compare(wide, rows)
    assert paired.call_count == once + 29 * once


def test_a_row_with_an_evaluation_of_its_own_stands_beside_the_others_and_says_so():
    own = Row(label="dice", overrides=("loss=ce",), evaluation={"tile": [32, 64], "flip": True}, note="windows")
    rows = [Row(label="ce"), own, Row(label="focal")]
    runs = [
        with_protocol(one, tile=[32, 64], overlap=0.25, flip=True) if one.row == "dice" else one
        for one in all_measured()
    ]
    (block,) = compare(plan(rows=tuple(rows)), runs).blocks
    assert [row.label for row in block.rows] == ["ce", "dice", "focal"]
    assert block.rows[1].differences["miou"].mean is not None
    assert block.rows[1].note == "windows; scored with test-time flip: yes, tiles: 32x64, overlap of tiles: 0.25"
    assert [row.note for row in block.rows if row.label != "dice"] == [None, None]
    assert len(compare(plan(), runs).blocks) == 2  # nobody has said that these differ


def test_scores_of_other_images_never_stand_side_by_side():
    rows = (Row(label="ce"), Row(label="dice", evaluation={"split": "test"}), Row(label="focal"))
    runs = [with_protocol(one, split="test") if one.row == "dice" else one for one in all_measured()]
    assert [[row.label for row in block.rows] for block in compare(plan(rows=rows), runs).blocks] == [
        ["ce", "focal"],
        ["dice"],
    ]


def test_the_corruption_error_is_relative_to_the_baseline_of_the_same_seed():
    means = {("ce", 1): (0.5, 0.2), ("ce", 2): (0.6, 0.3), ("dice", 1): (0.75, 0.4), ("dice", 2): (0.2, 0.3)}
    runs = [
        measured(row, seed, 0.5) for row, seed in means
    ]  # fmt: skip
    runs = [
        replace(run, metrics={"miou": 0.5, "mce": 9.0, "miou/rain": means[run.key][0], "miou/fog": means[run.key][1]},
                protocol={**run.protocol, "corruption": {"names": ["rain", "fog"], "severities": [1]}})
        for run in runs
    ]  # fmt: skip
    (block,) = compare(plan(columns=("miou", "mce"), seeds=(1, 2)), runs).blocks
    ce, dice = block.rows
    assert ce.columns["mce"].values == (1.0, 1.0)
    assert dice.columns["mce"].values == pytest.approx(((0.25 / 0.5 + 0.6 / 0.8) / 2, (0.8 / 0.4 + 0.7 / 0.7) / 2))
    alone = compare(plan(columns=("miou", "mce"), seeds=(1, 2)), runs[1:]).blocks[0].rows[1]
    assert alone.columns["mce"].values == (None, pytest.approx(1.5))
