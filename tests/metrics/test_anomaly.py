"""Scores of anomalies against scikit-learn's curves, torchmetrics and pairs counted one by one."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_auroc, binary_average_precision, binary_roc

from seglab.errors import SeglabError
from seglab.metrics.anomaly import BINS, AnomalyHistogram, Detection, detection


def counted_by_hand(scores: np.ndarray, positive: np.ndarray) -> Detection:
    """Every pair, every threshold."""
    found, false = scores[positive], scores[~positive]
    pairs = (found[:, None] > false).mean() + (found[:, None] == false).mean() / 2
    ap, before, fpr95 = 0.0, 0.0, math.nan
    for threshold in sorted(set(scores.tolist()), reverse=True):
        recall, passing = (found >= threshold).mean(), scores >= threshold
        ap += (recall - before) * positive[passing].mean()
        before = recall
        if math.isnan(fpr95) and (found >= threshold).sum() * 20 >= 19 * len(found):
            fpr95 = (false >= threshold).mean()
    return Detection(float(pairs), float(ap), float(fpr95))


def drawn(seed: int, *, count: int = 400, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(count) < 0.15
    scores = (generator.normal(size=count) + positive).astype(np.float32)
    return (scores if levels is None else np.round(scores * levels) / levels), positive


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("seed", range(3))
def test_exact_scores_are_those_counted_by_hand_and_of_torchmetrics(seed, levels):
    scores, positive = drawn(seed, levels=levels)
    value = detection(scores, positive)
    assert value == pytest.approx(counted_by_hand(scores, positive), abs=1e-12)
    logits, target = torch.from_numpy(scores), torch.from_numpy(positive).long()
    chances = torch.sigmoid(logits.double())  # torchmetrics would take its own sigmoid of scores outside 0..1
    assert value.auroc == pytest.approx(float(binary_auroc(chances, target)), abs=1e-6)
    assert value.ap == pytest.approx(float(binary_average_precision(chances, target)), abs=1e-6)
    false, found, _ = binary_roc(chances, target)
    assert value.fpr95 == pytest.approx(float(false[(found >= 0.95 - 1e-9).nonzero()[0, 0]]), abs=1e-6)


@pytest.mark.parametrize("spread", [1.0, 1e-4, 1e4])
def test_the_histogram_is_within_its_bounds_of_the_exact_value(spread):
    scores, positive = drawn(1, count=20_000)
    scores = 17 + spread * scores  # far from 0, where bins are wide
    exact, histogram = detection(scores, positive), AnomalyHistogram()
    histogram.update(scores, positive, np.ones_like(positive))
    value, error = histogram.compute(), histogram.error()
    for name in Detection._fields:
        assert abs(getattr(value, name) - getattr(exact, name)) <= getattr(error, name) + 1e-12, name
    assert max(error) < (0.01 if spread > 1e-4 else 1.01)
    if spread == 1e-4:  # a few bins hold them all: the values say nothing, and the bounds say so
        assert min(error) > 0.05


def test_the_order_of_images_and_their_number_change_nothing():
    scores, positive = drawn(2, count=6000)
    valid = np.random.default_rng(0).random(6000) < 0.9
    whole, there, back = AnomalyHistogram(), AnomalyHistogram(), AnomalyHistogram()
    whole.update(scores, positive, valid)
    parts = list(zip(*(np.split(array, 6) for array in (scores, positive, valid)), strict=True))
    for part in parts[:2]:
        there.update(*part)
    for part in parts[:1:-1]:
        back.update(*part)
    back.merge(there)
    assert back.compute() == whole.compute()
    assert back.error() == whole.error()
    assert back.compute() == pytest.approx(detection(scores[valid], positive[valid]), abs=2e-3)
    means = np.mean([detection(part[0][part[2]], part[1][part[2]]) for part in parts], axis=0)
    assert back.mean_of_images() == pytest.approx(means, abs=5e-3)
    assert (back.images, whole.images) == (6, 1)


def test_every_float_has_a_bin_in_the_order_of_its_value():
    histogram = AnomalyHistogram()
    values = np.array([-np.inf, -1e30, -2, -1, -1e-30, -0.0, 0.0, 1e-40, 1e-30, 1, 1.5, 3e38, np.inf], np.float32)
    places = []
    for value in values:
        before = histogram.negatives.copy()
        histogram.update(np.array([value]), np.array([False]), np.array([True]))
        places.append(int((histogram.negatives - before).argmax()))
    assert places == sorted(places)
    assert len(set(places)) == len(values) - 1  # the zeros are one
    assert 0 <= places[0] < places[-1] < BINS


def test_the_threshold_is_that_of_the_best_f1():
    scores, positive = drawn(3, count=3000)
    histogram = AnomalyHistogram()
    histogram.update(scores, positive, np.ones_like(positive))
    thresholds = np.unique(scores)
    f1 = [2 * (positive & (scores >= t)).sum() / ((scores >= t).sum() + positive.sum()) for t in thresholds]
    chosen = scores >= histogram.best_threshold()
    assert 2 * (positive & chosen).sum() / (chosen.sum() + positive.sum()) == pytest.approx(max(f1), abs=2e-3)


def test_without_both_kinds_there_is_no_score():
    histogram = AnomalyHistogram()
    histogram.update(np.ones(3), np.zeros(3, bool), np.ones(3, bool))
    for value in (histogram.compute(), histogram.error(), histogram.mean_of_images()):
        assert all(math.isnan(part) for part in value)
    assert math.isnan(detection(np.ones(3), np.ones(3, bool)).ap)


def test_mistakes():
    with pytest.raises(SeglabError, match=r"of one shape; got \(3,\) and \(2,\) - resize them"):
        detection(np.ones(3), np.ones(2, bool))
    with pytest.raises(SeglabError, match="scores that are numbers; 1 of 2 are not"):
        AnomalyHistogram().update(np.array([1, np.nan]), np.ones(2, bool), np.ones(2, bool))
