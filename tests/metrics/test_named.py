"""Named scores against small cases worked by hand and against the values published for them.

"Road everywhere" is checked against values counted on the masks of Cityscapes train. The masks are not here, but
their published statistics are: the share of images that hold each class, and the share of pixels that is road. Images
drawn from these give the published values to within 0.01.
"""

import numpy as np
import pytest
import torch

from seglab.errors import SeglabError
from seglab.metrics import named, readings
from seglab.metrics.named import AccuracyVoidWrong, Areas, MeanOfBatches, MicroSoft, areas

IMAGES = 2975
# images of Cityscapes train that hold each of the 19 classes, road first
HOLDING = [2934, 2811, 2934, 970, 1296, 2949, 1658, 2808, 2891, 1654, 2686, 2343, 1023, 2832, 359, 274, 142, 513, 1646]
ROAD_SHARE = 2_036_416_525 / (IMAGES * 2048 * 1024)  # of all pixels
PIXELS = 10_000  # of a drawn image


def as_maps(*rows: list[int]) -> np.ndarray:
    """uint8 (B, 1, W): an image a row."""
    return np.array(rows, dtype=np.uint8)[:, None]


TRUTH = as_maps([0, 0, 1, 255], [2, 2, 2, 2])
PRED = as_maps([0, 1, 1, 2], [2, 2, 2, 0])
COUNTS = areas(PRED, TRUTH, num_classes=4)


@pytest.fixture(scope="module")
def road_everywhere() -> Areas:
    """Drawn images with the classes that Cityscapes train holds, all predicted as road; road varies by scene."""
    random = np.random.default_rng(0)
    truth = (random.random((IMAGES, 19)) < np.array(HOLDING) / IMAGES).astype(np.int64)
    share = np.clip(random.normal(ROAD_SHARE, 0.1, IMAGES), 0.02, 0.8)
    truth[:, 0] *= (share * PIXELS).astype(np.int64)
    pred, hit = np.zeros_like(truth), np.zeros_like(truth)
    pred[:, 0], hit[:, 0] = PIXELS, truth[:, 0]
    return Areas(hit, pred, truth, np.full(IMAGES, PIXELS))


def test_areas_by_hand() -> None:
    assert COUNTS.hit.tolist() == [[1, 1, 0, 0], [0, 0, 3, 0]]
    assert COUNTS.pred.tolist() == [[1, 2, 1, 0], [1, 0, 3, 0]]  # the prediction on void is there
    assert COUNTS.truth.tolist() == [[2, 1, 0, 0], [0, 0, 4, 0]]
    assert COUNTS.pixels.tolist() == [4, 4]


def test_batch_absent1_by_hand() -> None:
    # of the batch: class 0 2*1/(2+2), class 1 2*1/(2+1), class 2 2*3/(4+4), class 3 absent in both
    assert named.batch_absent1(COUNTS) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4 + 1) / 4)


def test_image_gt_present_by_hand() -> None:
    # image 0: class 0 2*1/(1+2), class 1 2*1/(2+1); image 1: class 2 2*3/(3+4); classes only predicted are left out
    assert named.image_gt_present(COUNTS) == pytest.approx(((2 / 3 + 2 / 3) / 2 + 6 / 7) / 2)
    assert named.image_gt_present_iou(COUNTS) == pytest.approx(((1 / 2 + 1 / 2) / 2 + 3 / 4) / 2)


def test_an_image_of_void_is_left_out() -> None:
    void = np.full_like(TRUTH, 255)
    assert np.isnan(named.image_gt_present(areas(PRED, void, num_classes=4)))
    both = areas(np.concatenate([PRED, PRED]), np.concatenate([TRUTH, void]), num_classes=4)
    assert named.image_gt_present(both) == named.image_gt_present(COUNTS)


@pytest.mark.parametrize(("batch", "published"), [(1, 0.413), (2, 0.291), (4, 0.192), (8, 0.126), (16, 0.070)])
def test_road_everywhere_scores_by_the_size_of_the_batch(road_everywhere, batch: int, published: float) -> None:
    scores = [
        named.batch_absent1(Areas(*(part[start : start + batch] for part in road_everywhere)))
        for start in range(0, IMAGES, batch)
    ]
    assert np.mean(scores) == pytest.approx(published, abs=0.01)


def test_road_everywhere_scores_little_where_absent_classes_are_skipped(road_everywhere) -> None:
    assert named.image_gt_present(road_everywhere) == pytest.approx(0.043, abs=0.003)


def test_batches_count_the_same_however_small() -> None:
    mean = MeanOfBatches(named.batch_absent1, num_classes=4)
    mean.update(PRED, TRUTH)
    mean.update(TRUTH[1:], TRUTH[1:])
    assert mean.compute() == pytest.approx((named.batch_absent1(COUNTS) + 1) / 2)


def test_a_batch_without_score_is_left_out() -> None:
    mean = MeanOfBatches(named.image_gt_present, num_classes=4)
    assert np.isnan(mean.compute())
    mean.update(PRED, TRUTH)
    mean.update(PRED, np.full_like(TRUTH, 255))
    assert mean.compute() == named.image_gt_present(COUNTS)


def test_accuracy_with_void_in_the_denominator() -> None:
    accuracy = AccuracyVoidWrong(num_classes=4)
    assert np.isnan(accuracy.compute())
    accuracy.update(PRED, TRUTH)
    assert accuracy.compute() == 5 / 8


def random_softmax(batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits = np.exp(random.normal(size=(batch, 5, 6, 7)))
    mask = random.integers(0, 5, (batch, 6, 7), dtype=np.uint8)
    return (logits / logits.sum(1, keepdims=True)).astype(np.float32), mask


def test_micro_soft_is_the_mean_probability_of_the_true_class() -> None:
    probabilities, mask = random_softmax(3, seed=0)
    scores = MicroSoft(by_sample=False)
    scores.update(probabilities, mask)
    one_hot = np.eye(5)[mask].transpose(0, 3, 1, 2)
    mean = float((probabilities * one_hot).sum(1).mean())
    assert scores.compute() == pytest.approx({"dice": mean, "iou": mean / (2 - mean)}, rel=1e-5)


def test_micro_soft_weighs_batches_by_their_samples_or_alike() -> None:
    batches = [random_softmax(3, seed=0), random_softmax(1, seed=1)]
    single = []
    for batch in batches:
        score = MicroSoft(by_sample=False)
        score.update(*batch)
        single.append(score.compute()["dice"])
    for by_sample, expected in ((True, (3 * single[0] + single[1]) / 4), (False, (single[0] + single[1]) / 2)):
        score = MicroSoft(by_sample=by_sample)
        for batch in batches:
            score.update(*batch)
        assert score.compute()["dice"] == pytest.approx(expected)


def test_micro_soft_knows_no_ignored_pixels() -> None:
    assert np.isnan(MicroSoft(by_sample=True).compute()["dice"])
    probabilities, mask = random_softmax(1, seed=0)
    mask[0, 0, 0] = 255
    with pytest.raises(SeglabError, match=r"holds 255; expected class ids 0\.\.4"):
        MicroSoft(by_sample=True).update(probabilities, mask)


def test_binary_accuracy_by_hand() -> None:
    """15 pixels: the two classes are wrong on the same three."""
    matrix = torch.tensor([[8, 2, 0], [1, 4, 0], [0, 0, 0]])
    assert readings.binary_accuracy(matrix).tolist() == pytest.approx([12 / 15, 12 / 15, 1])


def test_an_iou_of_048_in_all_classes_is_a_dice_of_0649() -> None:
    """So a mean IoU of 0.48 beside a Dice of 0.67, as published, needs unequal classes or two protocols."""
    matrix = torch.tensor([[48, 26], [26, 48]])
    assert readings.summary(matrix)["miou"] == pytest.approx(0.48)
    assert readings.summary(matrix)["mdice"] == pytest.approx(0.649, abs=5e-4)


def test_wrong_maps_are_refused() -> None:
    with pytest.raises(SeglabError, match="of one shape"):
        areas(PRED, TRUTH[:1], num_classes=4)
    with pytest.raises(SeglabError, match=r"mask holds 2; expected class ids 0\.\.1"):
        areas(np.zeros_like(PRED), TRUTH, num_classes=2)
    with pytest.raises(SeglabError, match="prediction holds 4"):
        areas(np.full_like(PRED, 4), TRUTH, num_classes=4)
