"""Boundary F1 and boundary IoU against outlines counted by hand and against the published program's definition."""

import cv2
import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.metrics.boundary import BoundaryF1, BoundaryIoU


def halves(column: int, *, width: int = 16) -> np.ndarray:
    """uint8 (8, width): class 0 left of the column, class 1 from there."""
    return (np.arange(width) >= column).astype(np.uint8)[None].repeat(8, 0)


def test_an_outline_within_the_tolerance_is_right() -> None:
    """Class 0 ends in column 7, predicted in column 9: two pixels off. The diagonal is 17.9 pixels."""
    for tolerance, score in ((2.1 / 17.9, 1.0), (1.9 / 17.9, 0.0)):
        boundary = BoundaryF1(2, tolerance=tolerance)
        boundary.update(halves(10), halves(8))
        assert boundary.compute()["mean"] == score
        assert boundary.compute()["per_class"].tolist() == [score, score]


def test_precision_and_recall_make_f1() -> None:
    """Truth: a vertical outline of 8 pixels a class. Predicted: the upper half of it, and class 1 throughout below."""
    pred = halves(8)
    pred[4:] = 1
    boundary = BoundaryF1(2, tolerance=0.01)  # exact hits only
    boundary.update(pred, halves(8))
    # Class 0 is predicted in rows 0..3, columns 0..7; its outline: column 7 (4 pixels, all right), row 3 (7 more).
    # Class 1: column 8 in rows 0..3 (right), and row 4 in columns 0..7 (wrong).
    precision, recall = np.array([4 / 11, 4 / 12]), 4 / 8
    assert boundary.compute()["per_class"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_images_are_averaged_over_the_classes_that_they_hold() -> None:
    boundary = BoundaryF1(3, tolerance=0.01)
    boundary.update(halves(8), halves(8))  # 1 and 1
    boundary.update(np.where(halves(8) == 1, 2, 0).astype(np.uint8), halves(8))  # class 0: 1; class 1 missed: 0
    scores = boundary.compute()
    assert scores["mean"] == (1 + 0.5) / 2
    np.testing.assert_array_equal(scores["per_class"], [1, 0.5, np.nan])


def test_a_map_of_one_class_has_no_outline() -> None:
    boundary = BoundaryF1(2)
    boundary.update(halves(16), halves(16))
    assert np.isnan(boundary.compute()["mean"])
    boundary.update(halves(8), halves(16))  # an outline where there is none
    assert boundary.compute()["mean"] == 0


@pytest.mark.parametrize("metric", [BoundaryF1(2, tolerance=0.01), BoundaryIoU(2, dilation=0.05)])
def test_void_counts_neither_way(metric) -> None:
    """Whatever is predicted on void; and an edge that the void strip hides is an edge in neither map."""
    mask = halves(8)
    mask[:, 7:9] = 255
    for pred in (halves(8), halves(9), halves(7)):
        metric.update(pred, mask)
    if isinstance(metric, BoundaryF1):
        assert np.isnan(metric.compute()["mean"])
    else:
        assert metric.compute()["mean"] == 1
        band = 1  # pixel along the border of the image; nothing along the void
        assert metric.union[0] == 3 * (8 * 7 - (8 - 2 * band) * (7 - band))


def published(labels: np.ndarray, index: int, ratio: float) -> np.ndarray:
    """`mask_to_boundary` of the Boundary IoU program, for one class."""
    mask = (labels == index).astype(np.uint8)
    dilation = max(1, round(ratio * np.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2)))
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return mask - cv2.erode(padded, np.ones((3, 3), dtype=np.uint8), iterations=dilation)[1:-1, 1:-1]


@pytest.mark.parametrize("ratio", [0.001, 0.02, 0.1])
def test_boundary_iou_equals_the_published_definition(ratio: float) -> None:
    random = np.random.default_rng(1)
    metric = BoundaryIoU(4, dilation=ratio)
    intersection, union = np.zeros(4), np.zeros(4)
    for _ in range(3):
        maps = [cv2.resize(random.integers(0, 4, (4, 5), dtype=np.uint8), (64, 48), interpolation=0) for _ in "pm"]
        metric.update(*maps)
        for index in range(4):
            pred, truth = (published(labels, index, ratio) for labels in maps)
            intersection[index] += (pred & truth).sum()
            union[index] += (pred | truth).sum()
    assert metric.intersection.tolist() == intersection.tolist()
    assert metric.union.tolist() == union.tolist()
    assert metric.compute()["mean"] == pytest.approx((intersection / union).mean())


def test_boundary_iou_by_hand() -> None:
    """Bands of one pixel; class 1 is a 4x4 square whose prediction lacks the upper row."""
    mask = np.zeros((10, 10), dtype=np.uint8)
    mask[3:7, 3:7] = 1
    pred = mask.copy()
    pred[3] = 0
    metric = BoundaryIoU(2, dilation=0.001)
    metric.update(pred, mask)
    # bands of class 1: 12 pixels of the 4x4 ring, 10 of the 3x4 ring; shared: columns 3, 6 in rows 4..6 and 2 below
    assert metric.intersection[1] == 8
    assert metric.union[1] == 12 + 10 - 8
    assert metric.compute()["per_class"][1] == 8 / 14


def test_an_absent_class_has_no_boundary_iou() -> None:
    metric = BoundaryIoU(3)
    assert np.isnan(metric.compute()["mean"])
    metric.update(halves(8), halves(8))
    np.testing.assert_array_equal(metric.compute()["per_class"], [1, 1, np.nan])
    assert metric.compute()["mean"] == 1


@pytest.mark.parametrize("metric", [BoundaryF1(2), BoundaryIoU(2)])
def test_wrong_maps_are_refused(metric) -> None:
    with pytest.raises(SeglabError, match="of one shape"):
        metric.update(halves(8), halves(8)[:4])
    with pytest.raises(SeglabError, match=r"prediction holds 2; expected class ids 0\.\.1"):
        metric.update(halves(8) * 2, halves(8))
    with pytest.raises(SeglabError, match="mask holds 254"):
        metric.update(halves(8), halves(8) * 254)


def test_boundary_f1_equals_distance_transforms() -> None:
    """The definition, written out with OpenCV: exact Euclidean distances from every pixel."""
    random = np.random.default_rng(2)
    mask, pred = (cv2.resize(random.integers(0, 2, (4, 5), dtype=np.uint8), (60, 48), interpolation=0) for _ in "mp")
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    boundary = BoundaryF1(2, tolerance=0.06)
    boundary.update(pred, mask)
    reach = 0.06 * np.hypot(48, 60)
    for index, score in enumerate(boundary.compute()["per_class"]):
        areas = [(labels == index).astype(np.uint8) for labels in (pred, mask)]
        outlines = [area - cv2.erode(area, cross) for area in areas]
        distances = [cv2.distanceTransform(1 - outline, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for outline in outlines]
        precision = (distances[1][outlines[0] == 1] < reach).mean()
        recall = (distances[0][outlines[1] == 1] < reach).mean()
        assert 0 < precision < 1
        assert 0 < recall < 1
        assert score == pytest.approx(2 * precision * recall / (precision + recall))
