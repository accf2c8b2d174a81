"""The sums stay exact where a float32 running sum stops growing."""

import pytest
import torch

from seglab.losses.contract import Pixels
from seglab.losses.overlap import class_sums


def test_sums_beyond_2_to_24_are_right() -> None:
    """17.8 million pixels of one class, each with p = 0.3: summed one by one in float32 this stalls at 2^23."""
    height, width = 4250, 4200
    log_probs = torch.tensor([0.3, 0.7]).log().view(1, 2, 1, 1).expand(1, 2, height, width)
    labels = torch.zeros(1, 1, 1, dtype=torch.int64).expand(1, height, width)
    sums = class_sums(Pixels(log_probs, labels, torch.ones(1, 1, 1, dtype=torch.bool).expand(1, height, width)))
    pixels = height * width
    assert sums.intersection.tolist()[0] == pytest.approx([0.3 * pixels, 0], rel=1e-5)
    assert sums.predicted.tolist()[0] == pytest.approx([0.3 * pixels, 0.7 * pixels], rel=1e-5)
    assert sums.target.tolist()[0] == pytest.approx([pixels, 0], rel=1e-6)
