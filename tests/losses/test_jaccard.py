"""The Jaccard loss against values worked by hand, Dice, and smp where it is right."""

import pytest
import torch

from seglab.losses import Dice, Jaccard

# One image of 2x2 pixels, two classes: p_0 by pixel, and the truth.
PROBS = torch.tensor([[0.75, 0.5], [0.25, 0.5]])
LOGITS = torch.stack([PROBS, 1 - PROBS]).log().unsqueeze(0)  # (B 1, K 2, H 2, W 2)
MASK = torch.tensor([[[0, 0], [1, 255]]])
# over the three labelled pixels: p t = (1.25, 0.75), p = (1.5, 1.5), t = (2, 1)
J0, J1 = 1.25 / (1.5 + 2 - 1.25), 0.75 / (1.5 + 1 - 0.75)


def test_by_hand() -> None:
    assert float(Jaccard()(LOGITS, MASK)) == pytest.approx(1 - (J0 + J1) / 2)
    assert float(Jaccard(class_weights=[1, 3])(LOGITS, MASK)) == pytest.approx(1 - (J0 + 3 * J1) / 4)
    smooth = (1.25 + 1) / (2.25 + 1) + (0.75 + 1) / (1.75 + 1)
    assert float(Jaccard(smooth=1)(LOGITS, MASK)) == pytest.approx(1 - smooth / 2)
    # squares of p_0: 0.5625 + 0.25 + 0.0625; of p_1: 0.0625 + 0.25 + 0.5625
    squared = 1.25 / (0.875 + 2 - 1.25) + 0.75 / (0.875 + 1 - 0.75)
    assert float(Jaccard(squared=True)(LOGITS, MASK)) == pytest.approx(1 - squared / 2)


def test_micro_follows_from_micro_dice() -> None:
    dice = 1 - Dice(average="micro")(LOGITS, MASK)
    torch.testing.assert_close(1 - Jaccard(average="micro")(LOGITS, MASK), dice / (2 - dice))


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_equals_smp_with_all_classes_present(smooth: float) -> None:
    losses = pytest.importorskip("segmentation_models_pytorch.losses")
    logits = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    mask = torch.randint(0, 4, (2, 6, 5), generator=torch.Generator().manual_seed(2))
    expected = losses.JaccardLoss("multiclass", from_logits=True, smooth=smooth)(logits, mask)
    torch.testing.assert_close(Jaccard(smooth=smooth)(logits, mask), expected)
