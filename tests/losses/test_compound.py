"""A compound is the weighted sum of its parts, takes one softmax, and shows every part by itself."""

from unittest import mock

import pytest
import torch

from seglab.errors import SeglabError
from seglab.losses import Compound, CrossEntropy, Dice, Focal, contract, mixture


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.randint(0, 3, (2, 4, 5), generator=generator)
    mask[0, 0] = 255
    return torch.randn(2, 3, 4, 5, generator=generator), mask


def test_is_the_weighted_sum_of_its_parts(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    ce, dice = CrossEntropy(class_weights=[1, 2, 3]), Dice(smooth=1)
    compound = Compound({"ce": ce, "dice": dice}, weights={"dice": 3, "ce": 0.5})
    torch.testing.assert_close(compound(*batch), 0.5 * ce(*batch) + 3 * dice(*batch))


def test_terms_are_unweighted_and_named(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    ce, dice = CrossEntropy(), Dice()
    terms = Compound({"ce": ce, "dice": dice}, weights={"ce": 0.25, "dice": 9}).terms(*batch)
    assert list(terms) == ["ce", "dice"]
    torch.testing.assert_close(terms["ce"], ce(*batch))
    torch.testing.assert_close(terms["dice"], dice(*batch))


def test_takes_the_softmax_once(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    compound = Compound(
        {"ce": CrossEntropy(), "focal": Focal(), "dice": Dice()}, weights={"ce": 1, "focal": 1, "dice": 1}
    )
    with mock.patch.object(contract, "_read", wraps=contract._read) as read:
        compound(*batch)
    assert read.call_count == 1


def test_compounds_nest(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    inner = Compound({"ce": CrossEntropy(), "dice": Dice()}, weights={"ce": 1, "dice": 1})
    outer = Compound({"inner": inner, "focal": Focal()}, weights={"inner": 2, "focal": 1})
    torch.testing.assert_close(outer(*batch), 2 * inner(*batch) + Focal()(*batch))


def test_weights_must_name_the_losses() -> None:
    with pytest.raises(SeglabError, match=r"one weight for each of the losses \['ce'\]; got weights for \['dice'\]"):
        Compound({"ce": CrossEntropy()}, weights={"dice": 1})
    with pytest.raises(SeglabError, match="expected finite numbers >= 0"):
        Compound({"ce": CrossEntropy()}, weights={"ce": -1})


def test_losses_must_agree_on_what_is_ignored() -> None:
    losses = {"ce": CrossEntropy(), "dice": Dice(ignore_index=0)}
    with pytest.raises(SeglabError, match=r"one ignore_index; got \{'ce': 255, 'dice': 0\}"):
        Compound(losses, weights={"ce": 1, "dice": 1})


def test_foreign_losses_are_refused() -> None:
    with pytest.raises(SeglabError, match=r"loss\.losses\.ce: expected a loss of seglab\.losses; got CrossEntropyLoss"):
        Compound({"ce": torch.nn.CrossEntropyLoss()}, weights={"ce": 1})  # type: ignore[dict-item]


@pytest.mark.parametrize("beta", [0, 0.4, 1])
def test_a_mixture_has_one_number(batch: tuple[torch.Tensor, torch.Tensor], beta: float) -> None:
    ce, dice = CrossEntropy(), Dice()
    mixed = mixture({"ce": ce, "dice": dice}, beta=beta)
    torch.testing.assert_close(mixed(*batch), beta * ce(*batch) + (1 - beta) * dice(*batch))
    assert list(mixed.terms(*batch)) == ["ce", "dice"]


def test_a_mixture_is_of_two() -> None:
    with pytest.raises(SeglabError, match=r"expected two losses to mix; got \['ce'\]"):
        mixture({"ce": CrossEntropy()}, beta=0.5)
    with pytest.raises(SeglabError, match=r"beta: expected a share in 0\.\.1; got 2"):
        mixture({"ce": CrossEntropy(), "dice": Dice()}, beta=2)
