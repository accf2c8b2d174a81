"""Scores beside the confusion matrix, beside other counts of the same."""

import numpy as np
import pytest
import torch

from seglab.evaluation.contract import Finished, View
from seglab.evaluation.extras import NamedReadings
from seglab.labels import IGNORE_INDEX
from seglab.metrics.named import MeanOfBatches, batch_absent1


def test_named_readings_are_those_of_whole_batches():
    generator = np.random.default_rng(0)
    pred, mask = generator.integers(0, 3, (2, 5, 6, 7), dtype=np.uint8)
    mask[0, 0], image = IGNORE_INDEX, np.zeros((6, 7, 3), dtype=np.uint8)
    ours, reference = NamedReadings(3, batch_size=2), MeanOfBatches(batch_absent1, num_classes=3)
    for one in range(5):
        ours.update(View(one, f"{one}", image, pred[one], mask[one], lambda: torch.empty(0)))
    for start in (0, 2, 4):
        reference.update(pred[start : start + 2], mask[start : start + 2])
    assert ours.compute(Finished(0.0, "", lambda: iter(())))["batch_absent1"] == pytest.approx(
        reference.compute(), abs=1e-15
    )
