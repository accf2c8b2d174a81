"""Every reading against a 2x2 matrix worked by hand, and mIoU against torchmetrics."""

import math

import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from seglab.metrics import count_pixels, readings

# 10 pixels of class 0, of which 8 were found; 5 of class 1, of which 4 were found
MATRIX = torch.tensor([[8, 2], [1, 4]])


def test_by_hand() -> None:
    assert readings.iou(MATRIX).tolist() == pytest.approx([8 / 11, 4 / 7])
    assert readings.dice(MATRIX).tolist() == pytest.approx([16 / 19, 8 / 11])
    assert readings.accuracy(MATRIX).tolist() == pytest.approx([8 / 10, 4 / 5])
    assert readings.precision(MATRIX).tolist() == pytest.approx([8 / 9, 4 / 6])
    assert readings.summary(MATRIX) == pytest.approx(
        {
            "miou": (8 / 11 + 4 / 7) / 2,
            "mdice": (16 / 19 + 8 / 11) / 2,
            "accuracy": 12 / 15,
            "mean_accuracy": 0.8,
            "fwiou": (10 * 8 / 11 + 5 * 4 / 7) / 15,
        }
    )


def test_per_class_is_named_in_the_order_of_the_matrix() -> None:
    scores = readings.per_class(MATRIX, ["road", "car"])
    assert list(scores) == ["road", "car"]
    assert scores["car"] == pytest.approx(
        {"iou": 4 / 7, "dice": 8 / 11, "accuracy": 4 / 5, "precision": 4 / 6, "pixels": 5}
    )
    with pytest.raises(ValueError, match="shorter"):
        readings.per_class(MATRIX, ["road"])


def test_a_class_that_is_nowhere_is_left_out() -> None:
    matrix = torch.zeros(3, 3, dtype=torch.int64)
    matrix[::2, ::2] = MATRIX
    assert readings.summary(matrix) == pytest.approx(readings.summary(MATRIX))
    absent = readings.per_class(matrix, "abc")["b"]
    assert absent.pop("pixels") == 0
    assert all(math.isnan(score) for score in absent.values())


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    matrix = torch.tensor([[6, 2], [0, 0]])
    assert readings.iou(matrix).tolist() == [6 / 8, 0]
    assert readings.dice(matrix).tolist() == [12 / 14, 0]
    assert math.isnan(readings.accuracy(matrix)[1])
    assert readings.precision(matrix).tolist() == [1, 0]
    assert readings.summary(matrix)["mean_accuracy"] == 6 / 8
    assert readings.summary(matrix)["fwiou"] == 6 / 8


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    matrix = torch.tensor([[6, 0], [2, 0]])
    assert readings.iou(matrix).tolist() == [6 / 8, 0]
    assert readings.accuracy(matrix).tolist() == [1, 0]
    assert math.isnan(readings.precision(matrix)[1])


def test_nothing_counted_is_not_a_number() -> None:
    summary = readings.summary(torch.zeros(3, 3, dtype=torch.int64))
    assert all(math.isnan(value) for value in summary.values())


def test_large_counts_stay_exact() -> None:
    """A float32 would make 1 of 2^24 + 1."""
    matrix = torch.tensor([[2**40 + 1, 1], [0, 2**40 + 1]])
    assert readings.summary(matrix)["accuracy"] == (2**41 + 2) / (2**41 + 3)


def test_dice_follows_from_iou_class_by_class_but_not_in_the_mean() -> None:
    iou = readings.iou(MATRIX)
    assert readings.dice(MATRIX).tolist() == pytest.approx((2 * iou / (1 + iou)).tolist())
    mean = readings.summary(MATRIX)["miou"]
    assert abs(readings.summary(MATRIX)["mdice"] - 2 * mean / (1 + mean)) > 1e-3


@pytest.mark.parametrize("classes_present", [5, 3])
def test_miou_equals_torchmetrics(classes_present: int) -> None:
    generator = torch.Generator().manual_seed(1)
    mask = torch.randint(0, classes_present, (6, 9, 8), generator=generator)
    pred = torch.where(torch.rand(mask.shape, generator=generator) < 0.6, mask, 0)
    mask[:, :2] = 255
    expected = MulticlassJaccardIndex(5, average="macro", ignore_index=255)
    for batch in zip(pred.split(4), mask.split(4), strict=True):
        expected.update(*batch)
    matrix = count_pixels(pred, mask, num_classes=5)
    assert readings.summary(matrix)["miou"] == pytest.approx(expected.compute().item())
