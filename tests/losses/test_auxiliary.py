"""Auxiliary heads and a boundary beside the logits: what they add to the loss, and which pixels are a boundary."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from seglab.losses import Compound, CrossEntropy, Dice
from seglab.losses.auxiliary import boundaries, boundary_cross_entropy, loss_and_terms
from seglab.models.auxiliary import WithAuxiliary

MASK = torch.zeros(2, 12, 16, dtype=torch.uint8)
MASK[:, :, 8:] = 2
MASK[0, :3] = 255


def logits(seed: int, channels: int = 3) -> torch.Tensor:
    return torch.randn(2, channels, 12, 16, generator=torch.Generator().manual_seed(seed), requires_grad=True)


@pytest.mark.parametrize(
    "loss", [Dice(), Compound({"ce": CrossEntropy(), "dice": Dice()}, weights={"ce": 0.5, "dice": 2.0})]
)
def test_each_head_is_weighed_and_named(loss):
    outputs = WithAuxiliary(logits(1), {"stage3": logits(2), "stage4": logits(3)})
    total, terms = loss_and_terms(loss, outputs, MASK, auxiliary=0.25, boundary=20.0)
    heads = loss(outputs.auxiliary["stage3"], MASK), loss(outputs.auxiliary["stage4"], MASK)
    assert total.item() == pytest.approx((loss(outputs.logits, MASK) + 0.25 * sum(heads)).item())
    assert (terms["auxiliary_stage3"], terms["auxiliary_stage4"]) == heads
    alone, of_alone = loss_and_terms(loss, WithAuxiliary(outputs.logits), MASK, auxiliary=0.25, boundary=20.0)
    assert alone == loss(outputs.logits, MASK)
    assert of_alone.keys() == terms.keys() - {"auxiliary_stage3", "auxiliary_stage4"}


def test_a_boundary_head_adds_its_own_loss_and_that_of_the_pixels_near_it():
    near = torch.full((2, 1, 12, 16), -5.0)
    near[:, :, :, 6:10] = 5.0  # probability 0.993
    outputs = WithAuxiliary(logits(1), {}, near.requires_grad_())
    total, terms = loss_and_terms(CrossEntropy(), outputs, MASK, auxiliary=0.4, boundary=20.0)
    of_near = F.cross_entropy(outputs.logits[..., 6:10], MASK[..., 6:10].long(), ignore_index=255)
    whole = F.cross_entropy(outputs.logits, MASK.long(), ignore_index=255)
    boundary = boundary_cross_entropy(near, MASK)
    assert terms["near_boundary"].item() == pytest.approx(of_near.item())
    assert total.item() == pytest.approx((whole + of_near + 20 * boundary).item())
    total.backward()
    assert near.grad.abs().sum() > 0


def test_pixels_within_two_of_another_class_are_its_boundary_and_void_bounds_nothing():
    found = boundaries(MASK).numpy()
    expected = np.zeros((2, 12, 16), dtype=bool)
    expected[:, :, 6:10] = True
    expected[0, :3] = False
    assert (found == expected).all()
    assert not boundaries(torch.full_like(MASK, 255)).any()
    assert not boundaries(torch.zeros_like(MASK)).any()


def test_both_kinds_of_pixels_weigh_alike():
    value = boundary_cross_entropy(torch.zeros(2, 1, 12, 16), MASK).item()
    share = 4 / 16
    assert value == pytest.approx(np.log(2) * 2 * share * (1 - share))  # every pixel costs log 2
    void = boundary_cross_entropy(logits(4, 1), torch.full_like(MASK, 255))
    assert void.item() == 0
    half = boundary_cross_entropy(torch.full((2, 1, 12, 16), 60000.0, dtype=torch.float16), MASK)
    assert half.isfinite()
