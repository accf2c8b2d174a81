"""Scores of connected components against sets of pixels that are compared one by one, with scipy's components."""

import math

import numpy as np
import pytest
from scipy import ndimage

from seglab.errors import SeglabError
from seglab.metrics.components import THRESHOLDS, ComponentScores


def parts(mask: np.ndarray, *, least: int = 1) -> list[set[int]]:
    """The pixels of each component, numbered."""
    numbers, count = ndimage.label(mask, np.ones((3, 3)))
    found = [set(np.flatnonzero(numbers.ravel() == number).tolist()) for number in range(1, count + 1)]
    return [part for part in found if len(part) >= least]


def by_sets(predicted: np.ndarray, positive: np.ndarray, valid: np.ndarray, *, least: int) -> tuple[list, list]:
    truth, found = parts(positive & valid), parts(predicted & valid, least=least)
    siou = []
    for anomaly in truth:
        meeting = set().union(*(part for part in found if part & anomaly))
        others = set().union(*(other for other in truth if other is not anomaly))
        siou.append(len(anomaly & meeting) / len((anomaly | meeting) - (others & meeting - anomaly)))
    return siou, [len(part & set().union(*truth)) / len(part) for part in found]


@pytest.mark.parametrize("least", [0, 6])
@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_sets_of_pixels(seed, least):
    generator = np.random.default_rng(seed)
    positive = ndimage.binary_dilation(generator.random((24, 40)) < 0.02, iterations=2)
    predicted = ndimage.binary_dilation(generator.random((24, 40)) < 0.02, iterations=1) | np.roll(positive, seed, 1)
    valid = generator.random((24, 40)) < 0.9
    scores = ComponentScores(least=least)
    scores.update(predicted, positive, valid)
    siou, ppv = by_sets(predicted, positive, valid, least=least)
    assert sorted(scores.siou) == pytest.approx(sorted(siou))
    assert sorted(scores.ppv) == pytest.approx(sorted(ppv))
    result = scores.compute()
    f1 = []
    for threshold in THRESHOLDS:
        found, false = sum(s > threshold for s in siou), sum(p <= threshold for p in ppv)
        f1.append(2 * found / (2 * found + len(siou) - found + false))
    assert result["f1"] == pytest.approx(np.mean(f1))
    assert result["siou"] == pytest.approx(np.mean(siou))
    assert (result["anomalies"], result["components"]) == (len(siou), len(ppv))


def test_one_prediction_over_two_anomalies_is_no_fault_of_either():
    positive = np.zeros((4, 12), bool)
    positive[:, :4] = positive[:, 6:10] = True  # 16 pixels each
    predicted = np.zeros_like(positive)
    predicted[:, :10] = True
    scores = ComponentScores()
    scores.update(predicted, positive, np.ones_like(positive))
    assert scores.siou == [16 / 24, 16 / 24]  # the 8 between them count, the other anomaly does not
    assert scores.ppv == [32 / 40]
    assert THRESHOLDS[0] == 0.25
    assert THRESHOLDS[-1] == 0.75
    assert scores.compute()["f1"] == pytest.approx((9 * 1 + 2 * 0) / 11)  # .25 ... .65, .70 and .75


def test_images_are_added_and_nothing_is_nothing():
    first, second, both = ComponentScores(), ComponentScores(), ComponentScores()
    for scores, column in ((first, 0), (second, 3)):
        mask = np.zeros((3, 5), bool)
        mask[:, column] = True
        for one in (scores, both):
            one.update(mask, np.roll(mask, 1, axis=0), np.ones_like(mask))
    first.merge(second)
    assert first.compute() == both.compute()
    assert both.compute()["f1"] == 1.0
    nothing = ComponentScores()
    nothing.update(*[np.zeros((3, 5), bool)] * 3)
    assert math.isnan(nothing.compute()["siou"])
    with pytest.raises(SeglabError, match="whole number >= 0; got -1"):
        ComponentScores(least=-1)
