"""Curves of runs as a figure."""

import math

import pytest

from seglab.display.curves import curves_figure

HISTORY = [
    {"step": 0.0, "lr-AdamW": 0.1},
    {"epoch": 0.0, "train/loss": 2.0},
    {"epoch": 0.0, "val/loss": 1.5, "val/miou": 0.1, "val/mdice": 0.2},
    {"epoch": 1.0, "val/loss": 1.0, "val/miou": 0.4, "val/mdice": 0.3},
    {"epoch": 2.0, "val/loss": 1.2, "val/miou": math.nan},
]


def test_the_best_value_is_marked_and_stands_in_the_title():
    losses, dice, iou = curves_figure({"a": HISTORY}).axes
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["train", "val"]
    assert iou.lines[0].get_xydata().tolist() == [[1, 10], [2, 40]]
    assert iou.lines[1].get_xydata().tolist() == [[2, 40]]
    assert [axes.get_title() for axes in (losses, dice, iou)] == [
        "loss: best 1 at epoch 2", "val mean Dice, %: best 30.0 at epoch 2", "val mIoU, %: best 40.0 at epoch 2"
    ]  # fmt: skip


def test_several_runs_stand_in_one_figure_and_the_title_names_the_best():
    other = [{"epoch": 0.0, "val/loss": 0.5, "val/miou": 0.6}]
    losses, _, iou = curves_figure({"a $x": HISTORY, "b $y": other}).axes
    assert iou.get_title() == "val mIoU, %: best 60.0 at epoch 1\nb $y"
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["a $x", "b $y"]


@pytest.mark.parametrize("history", [[], [{"epoch": 0.0, "val/miou": math.nan}]])
def test_nothing_to_draw(history):
    assert [axes.get_title() for axes in curves_figure({"a": history}).axes] == [
        "loss",
        "val mean Dice, %",
        "val mIoU, %",
    ]
