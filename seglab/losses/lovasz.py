"""The Lovasz-softmax loss: the IoU itself, made continuous."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, mean_over_classes


class Lovasz(Loss):
    """mean_c sum_i m_(i) g_i: the errors m = |t_c - p_c|, largest first, times what each adds to the Jaccard loss.

    Berman et al., arXiv 1705.08790; the mean is over the classes present in the mask. It is usual
    beside cross-entropy, or after it. Sorting makes it ten to twenty times as slow as cross-entropy on a CPU.

    Args:
        per_image: each image by itself, then the mean over the images with labelled pixels; else the batch as one.
        downsample: every n-th pixel of every n-th row stands for all; 1 takes all.
        class_weights: weights of the mean over classes.
    """

    def __init__(
        self,
        *,
        per_image: bool = False,
        downsample: int = 1,
        class_weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        if downsample < 1:
            raise SeglabError(f"loss.downsample: expected a whole number >= 1; got {downsample} - 1 takes every pixel")
        self.per_image = per_image
        self.downsample = downsample

    def value(self, pixels: Pixels) -> Tensor:
        step = self.downsample
        log_probs, labels, valid = (each[..., ::step, ::step] for each in pixels)
        groups = len(labels) if self.per_image else 1
        loss, present = _ErrorsByGain.apply(log_probs, labels, valid, groups)  # (G, K), (G, K)
        class_weights = self.weights_for(pixels)
        return mean_over_classes(loss, present if class_weights is None else present * class_weights)


class _ErrorsByGain(torch.autograd.Function):
    """The loss of each class (G, K), and 1 where it is present (G, K), from log p; G groups of images.

    Written out because autograd would keep the order and the gains of all classes, seven arrays of the size of the
    logits. As the gains do not depend on the errors between two changes of order, they are the gradient.
    """

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, labels: Tensor, valid: Tensor, groups: int) -> tuple[Tensor, Tensor]:
        labels, valid = labels.reshape(groups, -1), valid.reshape(groups, -1)  # (G, N)
        slopes = torch.empty_like(log_probs)  # (B, K, H, W): d loss / d log p
        losses, present = [], []
        for index in range(log_probs.shape[1]):
            truth = (labels == index) & valid
            prob = log_probs[:, index].exp().reshape(groups, -1)
            error = (truth.to(prob.dtype) - prob).abs_().masked_fill_(~valid, -1)  # ignored pixels come last
            error, order = error.sort(dim=1, descending=True)
            gain = _gains(truth.gather(1, order), dtype=prob.dtype).masked_fill_(error < 0, 0)
            losses.append((error * gain).sum(1))
            present.append(truth.any(1))
            slope = torch.empty_like(gain).scatter_(1, order, gain).mul_(prob)
            slopes[:, index] = torch.where(truth, -slope, slope).view_as(slopes[:, index])
        ctx.save_for_backward(slopes)
        ctx.groups = groups
        found = torch.stack(present, 1).to(log_probs.dtype)
        ctx.mark_non_differentiable(found)
        return torch.stack(losses, 1), found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return slopes * grad.expand(len(slopes), -1)[:, :, None, None], None, None, None


def _gains(truth: Tensor, *, dtype: torch.dtype) -> Tensor:
    """(G, N): by how much the Jaccard loss grows when the i-th pixel becomes wrong too, the first i - 1 being wrong.

    With I pixels of truth still right and a union of U: 1 / U for a pixel of truth, I / (U (U - 1)) for another. The
    paper's differences of 1 - I / U are the same, but round to noise with a million pixels in float32.
    """
    missed = truth.cumsum(1)  # int64: float32 stops counting at 2^24
    right = missed[:, -1:] - missed
    union = missed[:, -1:] + torch.arange(1, truth.shape[1] + 1, device=truth.device) - missed
    union, right = union.to(dtype), right.to(dtype)
    return torch.where(truth, 1, right / (union - 1).clamp_(min=1)).div_(union)
