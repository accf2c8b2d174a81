"""Risk-coverage against a sort of all pixels, where there are ties too; and mIoU of what is kept."""

import numpy as np
import pytest
import torch

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.metrics import readings
from seglab.metrics.risk_coverage import RiskCoverage, _bin

K = 5


def drawn(seed: int, *, ties: bool = False, size: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence float32, prediction and mask (1, N) of a network that is right the more often the surer it is."""
    generator = np.random.default_rng(seed)
    confidence = 1 - generator.beta(0.3, 3, (1, size)).astype(np.float32)
    if ties:
        confidence = np.round(confidence, 1)
    mask = generator.integers(0, K, (1, size), dtype=np.uint8)
    other = ((mask + generator.integers(1, K, (1, size))) % K).astype(np.uint8)
    pred = np.where(generator.random((1, size)) < confidence, mask, other)
    mask[0, : size // 20] = IGNORE_INDEX
    return confidence, pred, mask


def sorted_area(confidence: np.ndarray, pred: np.ndarray, mask: np.ndarray) -> float:
    """AURC by its definition, of confidences that all differ."""
    valid = mask != IGNORE_INDEX
    wrong = (pred != mask)[valid][np.argsort(-confidence[valid], kind="stable")]
    return float((wrong.cumsum() / np.arange(1, wrong.size + 1)).mean())


@pytest.mark.parametrize("seed", range(4))
def test_area_is_that_of_a_sort_within_its_bound(seed) -> None:
    metric, pixels = RiskCoverage(K), drawn(seed)
    metric.update(*pixels)
    exact = sorted_area(*pixels)
    assert abs(metric.aurc() - exact) <= metric.error_bound()
    assert metric.error_bound() < 0.03 * exact


def test_ties_count_as_the_mean_over_all_their_orders() -> None:
    confidence, pred, mask = drawn(1, ties=True, size=400)
    metric = RiskCoverage(K)
    metric.update(confidence, pred, mask)
    generator, areas = np.random.default_rng(0), []
    for _ in range(3000):
        order = generator.permutation(confidence.size)
        areas.append(sorted_area(confidence[:, order], pred[:, order], mask[:, order]))
    assert metric.aurc() == pytest.approx(np.mean(areas), abs=4 * np.std(areas) / np.sqrt(len(areas)))
    assert metric.aurc() - metric.error_bound() <= min(areas)
    assert max(areas) <= metric.aurc() + metric.error_bound()


def test_of_one_tie_the_area_is_the_error_rate_and_the_bound_is_reached() -> None:
    metric = RiskCoverage(2)
    metric.update(np.full((1, 4), 0.9), np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]]))
    assert metric.aurc() == pytest.approx(1 / 4)
    first = np.mean([1, 1 / 2, 1 / 3, 1 / 4])  # the wrong one first
    assert metric.error_bound() == pytest.approx(first - 1 / 4)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95, 1.0])
def test_miou_of_the_most_confident_pixels(coverage) -> None:
    """Of confidences that lie in bins of their own, cut between two of them, so that nothing is shared."""
    confidence, pred, mask = drawn(7, size=40)
    confidence = 1 - np.float32(0.5) ** np.linspace(0.1, 12, 40, dtype=np.float32)[None]
    metric = RiskCoverage(K)
    metric.update(confidence, pred, mask)
    valid = np.flatnonzero(mask[0] != IGNORE_INDEX)
    best = valid[np.argsort(-confidence[0, valid])][: round(coverage * len(valid))]
    assert len(best) == pytest.approx(coverage * len(valid), abs=0.5)
    matrix = np.zeros((K, K), dtype=np.int64)
    np.add.at(matrix, (mask[0, best], pred[0, best]), 1)
    kept = metric.kept(len(best) / len(valid))
    assert kept.miou == pytest.approx(readings.summary(torch.from_numpy(matrix))["miou"], abs=1e-12)
    assert kept.classes == len(set(mask[0, best]) | set(pred[0, best]))
    assert kept.confidence <= confidence[0, best].min()
    assert kept.undecided == pytest.approx(1 / len(valid))


def test_risks_begin_with_the_surest_and_end_with_the_error_rate() -> None:
    metric, (confidence, pred, mask) = RiskCoverage(K), drawn(3)
    metric.update(confidence, pred, mask)
    valid = mask != IGNORE_INDEX
    half, whole = metric.risks([0.5, 1.0])
    assert whole == pytest.approx((pred != mask)[valid].mean())
    order = np.argsort(-confidence[valid])[: valid.sum() // 2]
    assert half == pytest.approx((pred != mask)[valid][order].mean(), abs=2e-3)


def test_parts_make_the_whole_to_the_bit() -> None:
    whole, parts = RiskCoverage(K), [RiskCoverage(K) for _ in range(3)]
    for seed, part in enumerate(parts):
        whole.update(*drawn(seed, ties=seed == 1))
        part.update(*drawn(seed, ties=seed == 1))
    first, second, third = parts
    third.merge(second)
    third.merge(first)
    assert (third.aurc(), third.error_bound(), third.kept(0.9)) == (
        whole.aurc(), whole.error_bound(), whole.kept(0.9),
    )  # fmt: skip


def test_a_prediction_beyond_the_classes_is_a_miss_of_the_truth_alone() -> None:
    metric = RiskCoverage(2)
    metric.update(np.array([[0.9, 0.8]]), np.array([[255, 0]]), np.array([[1, 0]]))
    assert metric.kept(1.0).miou == 0.5
    assert metric.risks([1.0]) == [0.5]


def test_bins_keep_the_order_and_are_finer_than_a_hundredth() -> None:
    doubt = np.sort(np.random.default_rng(0).random(5000, dtype=np.float32) ** 6)
    place = _bin(1 - doubt)
    assert (np.diff(place) >= 0).all()
    together = np.diff(place) == 0
    assert (np.diff(doubt)[together] <= 0.01 * doubt[1:][together] + 2**-24).all()
    assert _bin(np.array([1.0, 1.0 + 1e-6, 0.0], dtype=np.float32)).tolist() == [0, 0, 3073]


def test_memory_does_not_grow_with_the_images() -> None:
    metric = RiskCoverage(K)
    metric.update(*drawn(0))
    before = {name: value.nbytes for name, value in vars(metric).items() if isinstance(value, np.ndarray)}
    for seed in range(5):
        metric.update(*drawn(seed))
    assert before == {name: value.nbytes for name, value in vars(metric).items() if isinstance(value, np.ndarray)}
    assert sum(before.values()) == 3 * K * 3074 * 8


def test_nothing_counted_is_not_a_number_and_another_shape_is_refused() -> None:
    empty = RiskCoverage(2)
    assert np.isnan([empty.aurc(), empty.kept(0.9).miou, *empty.risks([0.5])]).all()
    with pytest.raises(SeglabError, match="of one shape"):
        empty.update(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((1, 2)))
