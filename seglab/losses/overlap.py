"""How much prediction and truth overlap, class by class: the sums, and what all losses made of them have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, mean_over_classes, weighted_mean

Average = Literal["macro", "micro"]
Absent = Literal["skip", "include", "zero"]


class ClassSums(NamedTuple):
    """Sums over the labelled pixels of each image, each (B, K)."""

    intersection: Tensor  # sum p_c t_c
    predicted: Tensor  # sum p_c, or sum p_c^2
    target: Tensor  # sum t_c: the number of pixels, without gradient


class OverlapLoss(Loss):
    """1 - a score of each class that is a fraction of its sums, averaged: Dice and its relatives.

    Args:
        average: "macro" is the mean over classes. "micro" divides sums over all classes (weighted sums are the form
            of Sudre et al., arXiv 1707.03237); without weights, smooth and squares, Dice is then 1 - the mean
            probability of the true class, and balances nothing.
        per_image: sums over each image by itself, then the mean over the images with labelled pixels; else the sums are
            taken over the whole batch.
        absent: what a class without a pixel of truth does in "macro". "skip" leaves it out of the mean. "include"
            counts its score, which has a gradient only if smooth > 0. "zero" counts a loss of 0, as
            segmentation-models-pytorch does: the loss then shrinks with the share of classes that happen to be
            present.
        smooth: s, added above and below. 0 is the score itself.
        squared: p_c^2 in place of p_c where it is not multiplied by t_c.
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
        class_weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        _check_choice("average", average, get_args(Average))
        _check_choice("absent", absent, get_args(Absent))
        if smooth < 0:
            raise SeglabError(f"loss.smooth: expected a number >= 0; got {smooth} - 0 is the score itself, 1 is usual")
        self.average = average
        self.per_image = per_image
        self.absent = absent
        self.smooth = smooth
        self.squared = squared

    @abstractmethod
    def fraction(self, sums: ClassSums) -> tuple[Tensor, Tensor]:
        """What the score has above and below the line, in the shape of the sums."""

    def loss_of(self, score: Tensor) -> Tensor:
        """The loss of a class, given its score, 1 where all is right."""
        return 1 - score

    def value(self, pixels: Pixels) -> Tensor:
        sums = class_sums(pixels, squared=self.squared)
        if not self.per_image:
            sums = ClassSums(*(each.sum(0, keepdim=True) for each in sums))  # (1, K): the batch as one large image
        class_weights = self.weights_for(pixels)
        weights = torch.ones_like(sums.target) if class_weights is None else class_weights.expand_as(sums.target)
        labelled = sums.target.sum(1, keepdim=True) > 0  # (B, 1)
        if self.average == "micro":
            sums = ClassSums(*((each * weights).sum(1, keepdim=True) for each in sums))  # (B, 1)
            return weighted_mean(self.loss_of(self._score(sums)), labelled.to(weights.dtype))
        present = sums.target > 0  # (B, K)
        loss = self.loss_of(self._score(sums))  # (B, K)
        if self.absent == "zero":
            loss = loss * present
        return mean_over_classes(loss, weights * (present if self.absent == "skip" else labelled))

    def _score(self, sums: ClassSums) -> Tensor:
        """In the shape of the sums; 1 where nothing is there and nothing is predicted."""
        above, below = (each + self.smooth for each in self.fraction(sums))
        return torch.where(below > 0, above / torch.where(below > 0, below, 1), 1)


def class_sums(pixels: Pixels, *, squared: bool = False) -> ClassSums:
    """The three sums; `squared` asks for the sum of squared probabilities, as in V-Net."""
    intersection, predicted = _SoftSums.apply(pixels.log_probs, pixels.labels, pixels.valid, squared)
    target = _sum_by_label(pixels.weight(None), pixels.labels, num_classes=pixels.log_probs.shape[1])
    return ClassSums(intersection, predicted, target)


def _sum_by_label(values: Tensor, labels: Tensor, *, num_classes: int) -> Tensor:
    """(B, K): the sum of `values` (B, H, W) over the pixels of each label.

    Rows of the image are summed first: one float32 running sum over a whole image would stop growing at 2^24, and
    with a single cell for each class all threads of a GPU would queue for it.
    """
    rows = values.new_zeros(*values.shape[:2], num_classes)  # (B, H, K)
    return rows.scatter_add_(2, labels, values).sum(1)


class _SoftSums(torch.autograd.Function):
    """(sum p_c t_c, sum p_c or sum p_c^2), both (B, K), from log p.

    Written out because autograd would fill three more arrays of the size of the logits. None is kept: p is computed
    again from log p, which the softmax keeps anyway.
    """

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, labels: Tensor, valid: Tensor, squared: bool) -> tuple[Tensor, Tensor]:
        probs = log_probs.exp().mul_(valid.unsqueeze(1))  # (B, K, H, W), 0 where ignored
        prob_of_label = probs.gather(1, labels.unsqueeze(1)).squeeze(1)  # (B, H, W)
        intersection = _sum_by_label(prob_of_label, labels, num_classes=probs.shape[1])
        if squared:
            probs.square_()
        ctx.squared = squared
        ctx.save_for_backward(log_probs, labels, valid)
        return intersection, probs.sum((2, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_intersection: Tensor, grad_predicted: Tensor) -> tuple[Tensor, None, None, None]:
        # d sum(p^q) / d log p = q p^q, and d p_y / d log p_y = p_y
        log_probs, labels, valid = ctx.saved_tensors
        index = labels.unsqueeze(1)
        grad = log_probs.exp().mul_(valid.unsqueeze(1))  # (B, K, H, W): p, 0 where ignored
        grad_of_label = grad_intersection.gather(1, labels.flatten(1)).view_as(index).mul_(grad.gather(1, index))
        if ctx.squared:
            grad.square_().mul_(2)
        return grad.mul_(grad_predicted[:, :, None, None]).scatter_add_(1, index, grad_of_label), None, None, None


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SeglabError(f"loss.{key}: expected {' or '.join(choices)}; got {value!r}{did_you_mean(value, choices)}")
