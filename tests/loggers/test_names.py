"""The tables of W&B and the charts of TensorBoard."""

import pytest
import torch

from seglab.callbacks import tracking
from seglab.loggers import names


def test_a_score_that_does_not_exist_is_an_empty_field():
    measured = tracking.scored({"confusion": torch.tensor([[3, 1], [0, 0]]), "loss": 0.5}, ["road", "sky"])
    assert names.class_rows(measured["classes"]) == [
        ["road", 0.75, pytest.approx(6 / 7), 0.75, 1.0, 4],
        ["sky", 0.0, 0.0, None, 0.0, 0],
    ]


def test_the_charts_of_tensorboard_match_one_curve_each():
    layout = names.tensorboard_layout(["wall", "wall (low)"])
    assert layout["IoU of each class"]["wall (low)"] == ["Multiline", [r"^val/iou/wall\ \(low\)$"]]
    assert next(iter(layout["training"])) == "mIoU"
