"""Lovasz-softmax against values worked by hand, its definition, the IoU that it extends, and smp and kornia."""

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import Lovasz
from seglab.losses.lovasz import _gains
from seglab.metrics import count_pixels, readings


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> torch.Tensor:
    mask = torch.randint(0, 4, (2, 6, 5), generator=torch.Generator().manual_seed(2))
    mask[0, :2] = 255
    return mask


def test_by_hand() -> None:
    # two pixels with p_0 = 3/4 and 1/2, the first of class 0, the second of class 1
    logits = torch.tensor([[0.75, 0.5], [0.25, 0.5]]).log().view(1, 2, 1, 2)
    mask = torch.tensor([[[0, 1]]])
    # class 0: errors 1/2 (not of it: Jaccard loss 0 -> 1/2), then 1/4 (of it: 1/2 -> 1)
    # class 1: errors 1/2 (of it: 0 -> 1), then 1/4 (nothing left to lose)
    first, second = 0.5 * 0.5 + 0.25 * 0.5, 0.5
    assert float(Lovasz()(logits, mask)) == pytest.approx((first + second) / 2)
    assert float(Lovasz(class_weights=[1, 3])(logits, mask)) == pytest.approx((first + 3 * second) / 4)


def test_gains_are_the_differences_of_the_jaccard_loss() -> None:
    truth = torch.rand(3, 50, generator=torch.Generator().manual_seed(1)) < 0.3
    truth[2] = False
    missed, wrong = truth.cumsum(1), (~truth).cumsum(1)
    total = truth.sum(1, keepdim=True)
    jaccard = 1 - (total - missed) / (total + wrong).double()
    expected = torch.diff(jaccard, dim=1, prepend=torch.zeros(3, 1))
    torch.testing.assert_close(_gains(truth, dtype=torch.float64)[:2], expected[:2])
    assert _gains(truth, dtype=torch.float64)[2].isfinite().all()


def test_gains_of_a_large_image_are_exact() -> None:
    """In float32, differences of numbers near 1 are multiples of 6e-8, and here of 1.2e-12."""
    truth = torch.zeros(1, 1_000_000, dtype=torch.bool)
    truth[0, -1] = True
    gain = _gains(truth, dtype=torch.float32)[0, 999_990]
    assert float(gain) == pytest.approx(1 / (999_991 * 999_992), rel=1e-5)


@pytest.mark.parametrize("per_image", [False, True])
def test_of_a_certain_prediction_it_is_the_jaccard_loss(mask: torch.Tensor, per_image: bool) -> None:
    pred = torch.randint(0, 4, mask.shape, generator=torch.Generator().manual_seed(3))
    logits = 200 * torch.nn.functional.one_hot(pred, 4).movedim(3, 1).float()

    def jaccard(pred: torch.Tensor, mask: torch.Tensor) -> float:
        matrix = count_pixels(pred.byte(), mask.byte(), num_classes=4)
        return 1 - float(readings.iou(matrix)[matrix.sum(1) > 0].mean())

    parts = zip(pred, mask, strict=True)
    images = [jaccard(*(each.unsqueeze(0) for each in pair)) for pair in parts] if per_image else [jaccard(pred, mask)]
    assert float(Lovasz(per_image=per_image)(logits, mask)) == pytest.approx(sum(images) / len(images))


@pytest.mark.parametrize("per_image", [False, True])
def test_equals_smp(logits: torch.Tensor, mask: torch.Tensor, per_image: bool) -> None:
    losses = pytest.importorskip("segmentation_models_pytorch.losses")
    mask = mask.where(mask != 3, 0)  # a class that is absent
    expected = losses.LovaszLoss("multiclass", per_image=per_image, ignore_index=255)
    torch.testing.assert_close(Lovasz(per_image=per_image)(logits, mask), expected(logits, mask))


def test_gradient_equals_kornia(logits: torch.Tensor, mask: torch.Tensor) -> None:
    """It knows no ignored pixels, and counts absent classes."""
    losses = pytest.importorskip("kornia.losses")
    mask = mask.where(mask != 255, 1)
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(Lovasz(per_image=True)(logits, mask), logits)
    (expected,) = torch.autograd.grad(losses.lovasz_softmax_loss(logits, mask), logits)
    torch.testing.assert_close(gradient, expected)


def test_downsampling_takes_every_nth_pixel(logits: torch.Tensor, mask: torch.Tensor) -> None:
    expected = Lovasz()(logits[..., ::2, ::2], mask[:, ::2, ::2])
    assert torch.equal(Lovasz(downsample=2)(logits, mask), expected)
    logits = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: Lovasz(downsample=2, per_image=True)(z, mask), logits)
    with pytest.raises(SeglabError, match="downsample: expected a whole number >= 1; got 0"):
        Lovasz(downsample=0)
