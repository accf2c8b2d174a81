"""Rows whose protocols differ are not compared, and it is said in what they differ."""

import pytest

from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.protocol import shown, words
from seglab.tables.plan.model import Published
from tests.tables.comparison.losses import all_measured, plan, with_protocol


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": [128, 256]}, "size seen by the network: 64x128 (ce, dice); 128x256 (focal)"),
        ({"size": None}, "size seen by the network: 64x128 (ce, dice); that of the image (focal)"),
        ({"flip": True}, "test-time flip: no (ce, dice); yes (focal)"),
        ({"scales": [0.5, 1.0]}, "test-time scales: 1 (ce, dice); 0.5, 1 (focal)"),
        ({"tile": [64, 64]}, "tiles: none (ce, dice); 64x64 (focal)"),
        ({"dataset": "camvid", "images": 9, "fingerprint": "ff"}, "data set: synthetic (ce, dice); camvid (focal)"),
        ({"split": "test", "images": 9, "fingerprint": "ff"}, "split: val (ce, dice); test (focal)"),
        ({"labels": "camvid_11"}, "label space: cityscapes_19 (ce, dice); camvid_11 (focal)"),
        ({"fingerprint": "ff"}, "content of the data: 0123456789abcdef (ce, dice); ff (focal)"),
        ({"resolution": "network"}, "resolution: original (ce, dice); network (focal)"),
        ({"reading": "image"}, "reading: dataset (ce, dice); image (focal)"),
        ({"void": "kept"}, "void: removed (ce, dice); kept (focal)"),
        ({"limit": 8}, "limit of images: none (ce, dice); 8 (focal)"),
        ({"checkpoint": "last"}, "checkpoint: best (ce, dice); last (focal)"),
        (
            {"post": {"name": "crf", "iterations": 5, "spatial_weight": 3.0}},
            "post-processing: none (ce, dice); CRF (iterations 5, spatial weight 3) (focal)",
        ),
        ({"new": 1}, "new: not stated (ce, dice); 1 (focal)"),
    ],
)
def test_rows_of_other_protocols_stand_apart_and_are_not_compared(changes, reason):
    rows = [with_protocol(each, **changes) if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(), rows)
    assert comparison.split_because == (reason,)
    first, second = comparison.blocks
    assert [row.label for row in first.rows] == ["ce", "dice"]
    assert [row.label for row in second.rows] == ["focal"]
    assert second.rows[0].differences == {}
    assert second.rows[0].class_deltas == {}
    dice = first.rows[1].differences["miou"]
    assert dice.p_holm == dice.p, "a row of another block was counted among the tests"
    assert any(line.startswith("focal (") and "not compared" in line for line in comparison.warnings)


def test_three_protocols_name_every_key_that_tells_them_apart():
    by_row = {"ce": {}, "dice": {"split": "test", "fingerprint": "aa"}, "focal": {"split": "test", "fingerprint": "bb"}}
    comparison = compare(plan(), [with_protocol(each, **by_row[each.row]) for each in all_measured()])
    assert [each.title for each in comparison.blocks] == [
        "split val, content of the data 0123456789abcdef",
        "split test, content of the data aa",
        "split test, content of the data bb",
    ]


def test_epochs_and_spellings_of_numbers_are_no_difference():
    changes = {"epoch": 9, "step": 108, "resolutions": ["original"], "scales": (1,), "size": (64, 128)}
    rows = [with_protocol(each, **changes) if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(), rows)
    assert len(comparison.blocks) == 1
    assert comparison.split_because == ()
    assert "epoch" not in comparison.blocks[0].protocol


def test_published_rows_stand_beside_what_they_do_not_contradict():
    def row(label, **stated):
        return Published(label=label, values={"miou": 0.6}, source="a paper", **stated)

    published = (
        row("silent"),
        row("alike", split="val", resolution="Original"),
        row("test", split="test"),
        row("train", split="train"),
        row("sized", split="val", resolution="360 × 480"),
    )
    rows = [with_protocol(each, split="test") if each.row == "focal" else each for each in all_measured()]
    comparison = compare(plan(published=published), rows)
    first, second = comparison.blocks
    assert [(each.published.label, each.unchecked) for each in first.published] == [
        ("silent", ("split (not stated)", "resolution (not stated)")),
        ("alike", ()),
        ("sized", ("resolution (360 × 480)",)),
    ]
    assert [each.published.label for each in second.published] == ["test"]
    assert [(each.published.label, each.differs) for each in comparison.published_apart] == [
        ("train", ("split: train, here val",))
    ]


def test_a_published_size_is_compared_with_that_of_the_network():
    published = (Published(label="p", values={}, source="a paper", resolution="128x256"),)
    rows = [with_protocol(each, resolution="network") for each in all_measured()]
    comparison = compare(plan(published=published), rows)
    assert comparison.published_apart[0].differs == ("resolution: 128x256, here 64x128",)
    rows = [with_protocol(each, size=[128, 256]) for each in rows]
    assert compare(plan(published=published), rows).published_apart == ()


def test_a_detector_is_told_in_words() -> None:
    knn = {"ood": {"detector": "knn", "k": 10, "seed": 1, "components": None}}
    assert (words("ood"), shown("ood", knn)) == ("detector", "anomalies by knn (k 10, seed 1)")
    assert shown("ood", {}) == "none"
