"""Expected calibration error against values worked by hand."""

import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.metrics.calibration import CalibrationError


def calibration(confidence: list[float], correct: list[bool], valid: list[bool] | None = None) -> CalibrationError:
    metric = CalibrationError()
    chosen = np.array([valid or [True] * len(correct)])
    metric.update(np.array([confidence], dtype=np.float32), np.array([correct]), chosen)
    return metric


def test_by_hand() -> None:
    """Four pixels at 0.95, three right: |0.75 - 0.95|; two at 0.5, two right: |1 - 0.5|."""
    metric = calibration([0.95] * 4 + [0.5] * 2, [True] * 3 + [False] + [True] * 2)
    assert metric.compute() == pytest.approx((4 * 0.2 + 2 * 0.5) / 6)
    assert metric.pixels.tolist() == [0] * 7 + [2] + [0] * 6 + [4]  # 0.5 lies in (7/15, 8/15]


def test_errors_of_opposite_sign_cancel_inside_a_bin_only() -> None:
    assert calibration([0.75, 0.75, 0.75, 0.75], [True, True, True, False]).compute() == pytest.approx(0)
    assert calibration([0.25, 1.0], [True, False]).compute() == pytest.approx((0.75 + 1.0) / 2)


def test_bins_are_closed_on_the_right() -> None:
    metric = CalibrationError(bins=4)
    metric.update(np.array([0.0, 0.25, 0.26, 0.5, 1.0]), np.ones(5, dtype=bool), np.ones(5, dtype=bool))
    assert metric.pixels.tolist() == [2, 2, 0, 1]


def test_void_does_not_count() -> None:
    assert calibration([0.9, 0.1], [True, True], [True, False]).compute() == pytest.approx(0.1)


def test_parts_make_the_whole() -> None:
    first, second = calibration([0.9, 0.3], [True, False]), calibration([0.9, 0.6], [False, True])
    first.merge(second)
    whole = calibration([0.9, 0.3, 0.9, 0.6], [True, False, False, True])
    assert first.compute() == pytest.approx(whole.compute())


def test_nothing_counted_is_not_a_number() -> None:
    assert np.isnan(CalibrationError().compute())
    assert np.isnan(calibration([0.5], [True], [False]).compute())


def test_logits_are_refused() -> None:
    with pytest.raises(SeglabError, match="give probabilities, not logits"):
        calibration([3.0], [True])
    with pytest.raises(SeglabError, match="give probabilities, not logits"):
        calibration([float("nan")], [True])
    with pytest.raises(SeglabError, match="of one shape"):
        CalibrationError().update(np.zeros((2, 2)), np.zeros((2, 2), dtype=bool), np.zeros((1, 2), dtype=bool))
