"""Cross-entropy against values worked by hand and against torch, which is right wherever there is a label."""

import math

import pytest
import torch
from torch.nn import functional

from seglab.errors import SeglabError
from seglab.losses import CrossEntropy


def test_by_hand() -> None:
    # two pixels with p = (3/4, 1/4): the first of class 0, the second of class 1
    logits = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1).expand(1, 2, 1, 2)
    mask = torch.tensor([[[0, 1]]])
    assert float(CrossEntropy()(logits, mask)) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    # weights 1 and 3 are divided by their sum over the pixels
    weighted = (1 * math.log(4 / 3) + 3 * math.log(4)) / 4
    assert float(CrossEntropy(class_weights=[1, 3])(logits, mask)) == pytest.approx(weighted)
    # smoothing 0.2: each pixel has the target 0.9 and 0.1
    smooth = 0.9 * (math.log(4 / 3) + math.log(4)) / 2 + 0.1 * (math.log(4) + math.log(4 / 3)) / 2
    assert float(CrossEntropy(label_smoothing=0.2)(logits, mask)) == pytest.approx(smooth)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0, 0.0]])
def test_equals_torch(smoothing: float, weights: list[float] | None) -> None:
    logits = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    mask = torch.randint(0, 4, (2, 6, 5), generator=torch.Generator().manual_seed(2))
    mask[:, 0] = 255
    expected = functional.cross_entropy(
        logits,
        mask,
        weight=None if weights is None else torch.tensor(weights),
        ignore_index=255,
        label_smoothing=smoothing,
    )
    torch.testing.assert_close(CrossEntropy(class_weights=weights, label_smoothing=smoothing)(logits, mask), expected)


def test_torch_is_still_not_a_number_without_labels() -> None:
    """The reason for a class of our own; if this fails, torch has mended it."""
    void = torch.full((1, 2, 2), 255)
    assert functional.cross_entropy(torch.zeros(1, 3, 2, 2), void, ignore_index=255).isnan()
    assert float(CrossEntropy(label_smoothing=0.1)(torch.zeros(1, 3, 2, 2), void)) == 0


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, float("nan")])
def test_smoothing_outside_0_to_1_is_refused(smoothing: float) -> None:
    with pytest.raises(SeglabError, match=r"label_smoothing: expected a number in 0\.\.1"):
        CrossEntropy(label_smoothing=smoothing)
