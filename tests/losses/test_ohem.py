"""Hard pixels: below the threshold, and never fewer than the share."""

import math

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import CrossEntropy, Ohem

# 2x2 pixels, two classes, all of class 0 but one: p of the true class is 0.9, 0.8 / 0.6 and 0.25.
PROBS = torch.tensor([[0.9, 0.8], [0.6, 0.75]])
LOGITS = torch.stack([PROBS, 1 - PROBS]).log().unsqueeze(0)  # (B 1, K 2, H 2, W 2)
MASK = torch.tensor([[[0, 0], [0, 1]]])


def cost(*probs: float) -> float:
    return -sum(math.log(prob) for prob in probs) / len(probs)


def test_keeps_what_is_below_the_threshold() -> None:
    assert float(Ohem()(LOGITS, MASK)) == pytest.approx(cost(0.6, 0.25))
    assert float(Ohem(threshold=0.5)(LOGITS, MASK)) == pytest.approx(cost(0.25))
    assert float(Ohem(threshold=0.85)(LOGITS, MASK)) == pytest.approx(cost(0.8, 0.6, 0.25))


def test_keeps_its_share_of_the_labelled_pixels() -> None:
    assert float(Ohem(threshold=0.1, min_kept=0.5)(LOGITS, MASK)) == pytest.approx(cost(0.6, 0.25))
    mask = torch.tensor([[[0, 0], [0, 255]]])  # three labelled pixels: a third is one, and a little more is two
    assert float(Ohem(threshold=0.1, min_kept=0.33)(LOGITS, mask)) == pytest.approx(cost(0.6))
    assert float(Ohem(threshold=0.1, min_kept=0.34)(LOGITS, mask)) == pytest.approx(cost(0.8, 0.6))
    assert float(Ohem(threshold=0.1, min_kept=0)(LOGITS, mask)) == 0


def test_class_weights_divide_by_their_sum_over_the_kept() -> None:
    weighted = (1 * cost(0.6) + 3 * cost(0.25)) / 4
    assert float(Ohem(class_weights=[1, 3])(LOGITS, MASK)) == pytest.approx(weighted)


@pytest.mark.parametrize("options", [{"threshold": 1.0}, {"min_kept": 1.0}])
def test_keeping_everything_is_cross_entropy(options: dict) -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    logits[0, :, 0, 0] = torch.tensor([200.0, 0, 0])  # p = 1 exactly, which is below no threshold
    mask = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(2))
    mask[1, 0], mask[0, 0, 0] = 255, 0
    torch.testing.assert_close(Ohem(**options)(logits, mask), CrossEntropy()(logits, mask))


def test_an_easy_pixel_has_no_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(Ohem()(logits, MASK), logits)
    assert (gradient != 0).any(1).tolist() == [[[False, False], [True, True]]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0}, "threshold: expected a probability above 0, at most 1; got 0"),
        ({"threshold": 1.5}, "threshold: .*; got 1.5"),
        ({"min_kept": 100000}, "min_kept: expected a share of the labelled pixels in 0..1; got 100000"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        Ohem(**options)
