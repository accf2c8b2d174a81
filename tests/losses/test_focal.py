"""The focal loss against values worked by hand, cross-entropy and, where it is right, kornia."""

import math

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import CrossEntropy, Focal


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> torch.Tensor:
    return torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(2))


def test_by_hand() -> None:
    # two pixels with p = (3/4, 1/4): the first of class 0, the second of class 1
    logits = torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1).expand(1, 2, 1, 2)
    mask = torch.tensor([[[0, 1]]])
    first, second = (1 / 4) ** 2 * math.log(4 / 3), (3 / 4) ** 2 * math.log(4)
    assert float(Focal()(logits, mask)) == pytest.approx((first + second) / 2)
    assert float(Focal(class_weights=[1, 3])(logits, mask)) == pytest.approx((first + 3 * second) / 4)


@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0]])
def test_gamma_zero_is_cross_entropy(logits: torch.Tensor, mask: torch.Tensor, weights: list[float] | None) -> None:
    mask[0, 0] = 255
    focal = Focal(gamma=0, class_weights=weights)(logits, mask)
    torch.testing.assert_close(focal, CrossEntropy(class_weights=weights)(logits, mask))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_equals_kornia_without_alpha_and_ignored_pixels(logits: torch.Tensor, mask: torch.Tensor, gamma: float) -> None:
    """kornia is wrong elsewhere: its alpha gives class 0 the weight 1 - alpha and all others alpha, its "mean" also
    divides by K, and ignored pixels stay in the divisor. smp's FocalLoss is one sigmoid for each class, so never equal.
    """
    losses = pytest.importorskip("kornia.losses")
    each = losses.focal_loss(logits, mask, alpha=None, gamma=gamma, reduction="none")  # (B, K, H, W)
    torch.testing.assert_close(Focal(gamma=gamma)(logits, mask), each.sum(1).mean())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("scale", [0.0, 30.0, 300.0])
def test_the_gradient_is_finite_for_certain_pixels(gamma: float, scale: float) -> None:
    """At p = 1 the power has no derivative for gamma < 1."""
    logits = (scale * torch.eye(2).view(1, 2, 1, 2)).requires_grad_()
    for truth in ([0, 1], [1, 0]):
        (gradient,) = torch.autograd.grad(Focal(gamma=gamma)(logits, torch.tensor([[truth]])), logits)
        assert gradient.isfinite().all()


def test_a_negative_gamma_is_refused() -> None:
    with pytest.raises(SeglabError, match="gamma: expected a number >= 0; got -1"):
        Focal(gamma=-1)
