"""The Dice loss, with every choice on which papers and libraries disagree as an option."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, weighted_mean
from seglab.losses.overlap import ClassSums, class_sums

Average = Literal["macro", "micro"]
Absent = Literal["skip", "include", "zero"]


class Dice(Loss):
    """1 - mean_c D_c, where D_c = (2 sum p_c t_c + s) / (sum p_c + sum t_c + s) (Milletari et al., arXiv 1606.04797).

    Args:
        average: "macro" is the mean over classes. "micro" divides sums over all classes (weighted sums are the form
            of Sudre et al., arXiv 1707.03237); without weights, smooth and squares that is 1 - the mean probability
            of the true class, and balances nothing.
        per_image: sums over each image by itself, then the mean over the images with labelled pixels; else the sums are
            taken over the whole batch.
        absent: what a class without a pixel of truth does in "macro". "skip" leaves it out of the mean. "include"
            counts its D_c, which has a gradient only if smooth > 0. "zero" counts a loss of 0, as
            segmentation-models-pytorch does: the loss then shrinks with the share of classes that happen to be
            present.
        smooth: s, added above and below. 0 is the Dice score itself.
        squared: p_c^2 in the denominator, as V-Net has it.
        class_weights: weights of the mean over classes, or of the sums of "micro".
    """

    def __init__(
        self,
        *,
        average: Average = "macro",
        per_image: bool = False,
        absent: Absent = "skip",
        smooth: float = 0.0,
        squared: bool = False,
        class_weights: Sequence[float] | str | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        _check_choice("average", average, get_args(Average))
        _check_choice("absent", absent, get_args(Absent))
        if smooth < 0:
            raise SeglabError(f"loss.smooth: expected a number >= 0; got {smooth} - 0 is the Dice score, 1 is usual")
        self.average = average
        self.per_image = per_image
        self.absent = absent
        self.smooth = smooth
        self.squared = squared

    def value(self, pixels: Pixels) -> Tensor:
        sums = class_sums(pixels, squared=self.squared)
        if not self.per_image:
            sums = ClassSums(*(each.sum(0, keepdim=True) for each in sums))  # (1, K): the batch as one large image
        class_weights = self.weights_for(pixels)
        weights = torch.ones_like(sums.target) if class_weights is None else class_weights.expand_as(sums.target)
        labelled = sums.target.sum(1, keepdim=True) > 0  # (B, 1)
        if self.average == "micro":
            sums = ClassSums(*((each * weights).sum(1, keepdim=True) for each in sums))  # (B, 1)
            return weighted_mean(1 - self._score(sums), labelled.to(weights.dtype))
        present = sums.target > 0  # (B, K)
        loss = 1 - self._score(sums)  # (B, K)
        if self.absent == "zero":
            loss = loss * present
        weights = weights * (present if self.absent == "skip" else labelled)
        counted = (weights.sum(1) > 0).to(weights.dtype)  # (B,)
        return weighted_mean(weighted_mean(loss, weights, dim=1), counted)

    def _score(self, sums: ClassSums) -> Tensor:
        """D, in the shape of the sums; 1 where nothing is there and nothing is predicted."""
        above = 2 * sums.intersection + self.smooth
        below = sums.predicted + sums.target + self.smooth
        return torch.where(below > 0, above / torch.where(below > 0, below, 1), 1)


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SeglabError(f"loss.{key}: expected {' or '.join(choices)}; got {value!r}{did_you_mean(value, choices)}")
