"""What is counted beside the confusion matrix."""

import numpy as np
import pytest

from seglab.display import draw
from seglab.evaluation import score
from seglab.evaluation.counts import Extremes
from tests.evaluation.painted import settings


def test_extra_scores(run, capsys):
    result = score.evaluate(settings(run, size="image", extra=["boundary", "calibration", "named"]))
    assert result["boundary"]["boundary_iou"]["mean"] == 1.0
    assert result["boundary"]["boundary_f1"]["classes"]["pole"] == 1.0
    # one-hot logits: confidence e / (e + 10) everywhere, and everything is right
    assert result["calibration"]["ece"] == pytest.approx(10 / (np.e + 10), abs=1e-6)
    assert result["named"]["accuracy_void_wrong"] == pytest.approx(1 - 4 * 64 / (2 * 32 * 64))
    assert result["named"]["batch_size"] == 2
    printed = capsys.readouterr().out
    assert "expected calibration error 78.6 %, maximum 78.6 %, " in printed
    assert "boundary IoU 100.0 %" in printed


def test_extremes_keep_order_and_no_more_than_asked():
    extremes = Extremes(2)
    for index, miou in enumerate([0.5, 0.9, float("nan"), 0.1, 0.9, 0.3]):
        extremes.update(miou, index=index, sample=draw.Sample(str(index), *[np.zeros((1, 1))] * 3))
    assert [(one.miou, one.number, one.sample.name) for one in extremes.best()] == [(0.9, 1, "1"), (0.9, 4, "4")]
    assert [(one.miou, one.number) for one in extremes.worst()] == [(0.1, 3), (0.3, 5)]
