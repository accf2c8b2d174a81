"""The Tversky loss against values worked by hand, its relatives, and smp and kornia where they are right."""

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import Dice, Jaccard, Tversky

# One image of 2x2 pixels, two classes: p_0 by pixel, and the truth.
PROBS = torch.tensor([[0.75, 0.5], [0.25, 0.5]])
LOGITS = torch.stack([PROBS, 1 - PROBS]).log().unsqueeze(0)  # (B 1, K 2, H 2, W 2)
MASK = torch.tensor([[[0, 0], [1, 255]]])
# over the three labelled pixels: TP = (1.25, 0.75), FP = (0.25, 0.75), FN = (0.75, 0.25)
T0, T1 = 1.25 / (1.25 + 0.3 * 0.25 + 0.7 * 0.75), 0.75 / (0.75 + 0.3 * 0.75 + 0.7 * 0.25)


def test_by_hand() -> None:
    assert float(Tversky()(LOGITS, MASK)) == pytest.approx(1 - (T0 + T1) / 2)
    focal = ((1 - T0) ** 0.75 + (1 - T1) ** 0.75) / 2
    assert float(Tversky(gamma=4 / 3)(LOGITS, MASK)) == pytest.approx(focal)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def mask() -> torch.Tensor:
    mask = torch.randint(0, 4, (2, 6, 5), generator=torch.Generator().manual_seed(2))
    mask[:, 0] = 255
    return mask


@pytest.mark.parametrize("options", [{}, {"average": "micro"}, {"per_image": True}, {"class_weights": [1, 2, 3, 4]}])
def test_contains_dice_and_jaccard(logits: torch.Tensor, mask: torch.Tensor, options: dict) -> None:
    half, whole = Tversky(alpha=0.5, beta=0.5, **options), Tversky(alpha=1, beta=1, **options)
    torch.testing.assert_close(half(logits, mask), Dice(**options)(logits, mask))
    torch.testing.assert_close(whole(logits, mask), Jaccard(**options)(logits, mask))


def test_equals_smp_with_all_classes_present(logits: torch.Tensor, mask: torch.Tensor) -> None:
    """Not with gamma: it raises the mean over classes to the power, and to `gamma` rather than 1 / gamma."""
    losses = pytest.importorskip("segmentation_models_pytorch.losses")
    expected = losses.TverskyLoss("multiclass", from_logits=True, ignore_index=255, alpha=0.2, beta=0.9)(logits, mask)
    torch.testing.assert_close(Tversky(alpha=0.2, beta=0.9)(logits, mask), expected)


def test_equals_kornia_per_image(logits: torch.Tensor, mask: torch.Tensor) -> None:
    losses = pytest.importorskip("kornia.losses")
    mask[1] = mask[1].where(mask[1] != 2, 255)
    expected = losses.tversky_loss(logits, mask, alpha=0.2, beta=0.9, ignore_index=255)
    torch.testing.assert_close(Tversky(alpha=0.2, beta=0.9, per_image=True)(logits, mask), expected)


@pytest.mark.parametrize("gamma", [0.75, 4 / 3, 3.0])
def test_a_class_that_is_all_right_has_a_finite_slope(gamma: float) -> None:
    """(1 - T)^(1/gamma) has none at T = 1."""
    logits = (200 * torch.eye(2).view(1, 2, 1, 2)).requires_grad_()
    loss = Tversky(gamma=gamma)(logits, torch.tensor([[[0, 1]]]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, "expected numbers >= 0, not both 0; got -1 and 0.7"),
        ({"alpha": 0, "beta": 0}, "not both 0; got 0 and 0"),
        ({"gamma": 0}, "gamma: expected a number > 0; got 0"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        Tversky(**options)
