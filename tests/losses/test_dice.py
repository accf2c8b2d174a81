"""Dice against values worked by hand, and against smp and kornia where they are right."""

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import Dice

# Two images of two pixels, three classes, ln p as logits. Class 2 is predicted but never true.
PROBS = torch.tensor(
    [
        [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]],
        [[0.75, 0.125, 0.125], [0.5, 0.25, 0.25]],
    ]
)
LOGITS = PROBS.log().movedim(2, 1).unsqueeze(2)  # (B 2, K 3, H 1, W 2)
MASK = torch.tensor([[[0, 1]], [[0, 0]]])  # (B, H, W)
# sums over the batch: p t = (1.75, 0.5, 0), p = (2, 1.125, 0.875), t = (3, 1, 0)
D0, D1 = 2 * 1.75 / 5, 2 * 0.5 / 2.125


def test_macro_over_the_batch() -> None:
    assert float(Dice()(LOGITS, MASK)) == pytest.approx(1 - (D0 + D1) / 2)


def test_absent_classes() -> None:
    assert float(Dice(absent="zero")(LOGITS, MASK)) == pytest.approx((2 - D0 - D1) / 3)
    assert float(Dice(absent="include")(LOGITS, MASK)) == pytest.approx(1 - (D0 + D1 + 0) / 3)
    smooth = [(2 * 1.75 + 1) / 6, (2 * 0.5 + 1) / 3.125, 1 / 1.875]
    assert float(Dice(absent="include", smooth=1)(LOGITS, MASK)) == pytest.approx(1 - sum(smooth) / 3)


def test_an_absent_class_that_is_not_predicted_costs_nothing() -> None:
    logits = torch.tensor([0.0, -torch.inf]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    assert float(Dice(absent="include")(logits, torch.zeros(1, 1, 3, dtype=torch.int64))) == 0


def test_smooth() -> None:
    expected = 1 - ((2 * 1.75 + 1) / 6 + (2 * 0.5 + 1) / 3.125) / 2
    assert float(Dice(smooth=1)(LOGITS, MASK)) == pytest.approx(expected)


def test_squared() -> None:
    # sums of p^2: 0.25 + 0.0625 + 0.5625 + 0.25 and 0.0625 + 0.25 + 0.015625 + 0.0625
    expected = 1 - (2 * 1.75 / (1.125 + 3) + 2 * 0.5 / (0.390625 + 1)) / 2
    assert float(Dice(squared=True)(LOGITS, MASK)) == pytest.approx(expected)


def test_per_image() -> None:
    first = 1 - (2 * 0.5 / 1.75 + 2 * 0.5 / 1.75) / 2  # both classes: p t = 0.5, p = 0.75, t = 1
    second = 1 - 2 * 1.25 / 3.25  # class 0 alone
    assert float(Dice(per_image=True)(LOGITS, MASK)) == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("absent", ["skip", "include", "zero"])
@pytest.mark.parametrize("average", ["macro", "micro"])
def test_per_image_leaves_out_images_without_labels(average: str, absent: str) -> None:
    loss = Dice(per_image=True, average=average, absent=absent)
    with_void = loss(torch.cat([LOGITS, LOGITS[:1]]), torch.cat([MASK, torch.full_like(MASK[:1], 255)]))
    assert float(with_void) == pytest.approx(float(loss(LOGITS, MASK)))


def test_micro_is_the_mean_probability_of_the_true_class() -> None:
    assert float(Dice(average="micro")(LOGITS, MASK)) == pytest.approx(1 - (0.5 + 0.5 + 0.75 + 0.5) / 4)
    images = (1 - 1.0 / 2 + 1 - 1.25 / 2) / 2
    assert float(Dice(average="micro", per_image=True)(LOGITS, MASK)) == pytest.approx(images)


def test_class_weights() -> None:
    macro = Dice(class_weights=[1, 3, 100])(LOGITS, MASK)  # class 2 is absent: its weight plays no part
    assert float(macro) == pytest.approx((1 * (1 - D0) + 3 * (1 - D1)) / 4)
    micro = Dice(average="micro", class_weights=[1, 3, 0])(LOGITS, MASK)
    assert float(micro) == pytest.approx(1 - 2 * (1.75 + 3 * 0.5) / (5 + 3 * 2.125))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("absent", ["skip", "include", "zero"])
def test_every_choice_has_the_right_gradient(squared: bool, per_image: bool, average: str, absent: str) -> None:
    loss = Dice(
        average=average,
        per_image=per_image,
        absent=absent,
        squared=squared,
        smooth=0.5,
        class_weights=[1, 2, 3],
    )
    mask = torch.tensor([[[0, 1]], [[0, 255]]])
    assert torch.autograd.gradcheck(lambda logits: loss(logits, mask), LOGITS.double().requires_grad_())


class TestAgainstLibraries:
    @pytest.fixture
    def logits(self) -> torch.Tensor:
        return torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))

    @pytest.fixture
    def mask(self) -> torch.Tensor:
        return torch.randint(0, 4, (2, 6, 5), generator=torch.Generator().manual_seed(2))

    @pytest.mark.parametrize("smooth", [0.0, 1.0])
    def test_equals_smp_with_all_classes_present(self, logits: torch.Tensor, mask: torch.Tensor, smooth: float) -> None:
        """Its formula is that of Tversky, all halved, so that its `smooth` is half of ours and of MONAI's."""
        mask[0, 0] = 255
        expected = smp_dice(smooth=smooth / 2)(logits, mask)
        torch.testing.assert_close(Dice(smooth=smooth)(logits, mask), expected)

    def test_smp_scales_with_the_share_of_present_classes(self, logits: torch.Tensor, mask: torch.Tensor) -> None:
        """There it is wrong: an absent class adds no loss but still divides. absent="zero" repeats that."""
        mask = mask.where(mask != 3, 0)
        expected = smp_dice(smooth=0.0)(logits, mask)
        torch.testing.assert_close(Dice(absent="zero")(logits, mask), expected)
        torch.testing.assert_close(Dice()(logits, mask) * 3 / 4, expected)

    @pytest.mark.parametrize("average", ["macro", "micro"])
    def test_equals_kornia_without_ignored_images(self, logits: torch.Tensor, mask: torch.Tensor, average: str) -> None:
        """An image of nothing but ignored pixels counts as a loss of 1 there; here it is left out."""
        losses = pytest.importorskip("kornia.losses")
        mask[1] = mask[1].where(mask[1] != 2, 255)
        expected = losses.dice_loss(logits, mask, average=average, ignore_index=255)
        torch.testing.assert_close(Dice(average=average, per_image=True)(logits, mask), expected)


def smp_dice(*, smooth: float) -> torch.nn.Module:
    losses = pytest.importorskip("segmentation_models_pytorch.losses")
    return losses.DiceLoss("multiclass", from_logits=True, ignore_index=255, smooth=smooth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"average": "makro"}, "average: expected macro or micro; got 'makro' - did you mean 'macro'"),
        ({"absent": "ignore"}, "absent: expected skip or include or zero; got 'ignore'"),
        ({"smooth": -1}, "smooth: expected a number >= 0; got -1"),
    ],
)
def test_options_that_do_not_exist_are_named(options: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        Dice(**options)
