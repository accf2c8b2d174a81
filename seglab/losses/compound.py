"""A weighted sum of other losses, or a mixture of two."""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.losses.contract import Loss, Pixels


class Compound(Loss):
    """sum_i weight_i loss_i. The softmax is taken once for all; `terms` gives each one unweighted, under its name.

    Args:
        losses: by the name that each is logged under.
        weights: of the same names; they need not add up to 1.
    """

    def __init__(self, losses: Mapping[str, Loss], *, weights: Mapping[str, float]) -> None:
        if not losses or set(losses) != set(weights):
            raise SeglabError(
                f"loss.weights: expected one weight for each of the losses {sorted(losses)}; "
                f"got weights for {sorted(weights)} - name the same terms in both"
            )
        for name, loss in losses.items():
            if not isinstance(loss, Loss):
                raise SeglabError(
                    f"loss.losses.{name}: expected a loss of seglab.losses; got {type(loss).__qualname__} "
                    "- the terms share one softmax, which other losses cannot"
                )
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()):
            raise SeglabError(f"loss.weights: expected finite numbers >= 0; got {dict(weights)} - 0 leaves a term out")
        ignored = {name: loss.ignore_index for name, loss in losses.items()}
        if len(set(ignored.values())) > 1:
            raise SeglabError(f"loss.losses: expected one ignore_index; got {ignored} - leave it out everywhere")
        super().__init__(class_weights=None, ignore_index=next(iter(ignored.values())))
        self.losses = nn.ModuleDict(losses)
        self.weights = {name: float(weights[name]) for name in losses}

    def terms_of(self, pixels: Pixels) -> dict[str, Tensor]:
        return {name: cast(Loss, loss).value(pixels) for name, loss in self.losses.items()}

    def combine(self, terms: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([weight * terms[name] for name, weight in self.weights.items()]).sum()

    def value(self, pixels: Pixels) -> Tensor:
        return self.combine(self.terms_of(pixels))


def mixture(losses: Mapping[str, Loss], *, beta: float) -> Compound:
    """beta * the first loss + (1 - beta) * the second: a Compound of two losses whose balance is a single number.

    Raises:
        SeglabError: there are not two losses, or beta is outside 0..1.
    """
    if len(losses) != 2:
        raise SeglabError(f"loss.losses: expected two losses to mix; got {list(losses)} - use Compound for more")
    if not 0 <= beta <= 1:
        raise SeglabError(f"loss.beta: expected a share in 0..1; got {beta} - it is that of the first loss")
    return Compound(losses, weights=dict(zip(losses, (beta, 1 - beta), strict=True)))
