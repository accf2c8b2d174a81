"""The focal loss for classes that exclude each other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, weighted_mean


class Focal(Loss):
    """sum_V w_y (1 - p_y)^gamma (-log p_y) / sum_V w_y, with p the softmax (Lin et al., arXiv 1708.02002, equation 5).

    With gamma 0 it is CrossEntropy, weights and scale included. The paper's alpha is `class_weights`, one number
    for each class; its detector is binary, with a sigmoid, and divides by the number of positive boxes.

    Args:
        gamma: how strongly pixels that are already right fade out; 2 in the paper, 0 not at all.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        class_weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        if gamma < 0:
            raise SeglabError(f"loss.gamma: expected a number >= 0; got {gamma} - 2 is the paper's")
        self.gamma = gamma

    def value(self, pixels: Pixels) -> Tensor:
        log_prob = pixels.log_prob_of_label()  # (B, H, W)
        # expm1 keeps 1 - p exact near p = 1; the clamp keeps its power differentiable there for gamma < 1.
        wrong = (-torch.expm1(log_prob)).clamp(min=torch.finfo(log_prob.dtype).eps)
        return weighted_mean(-(wrong**self.gamma) * log_prob, pixels.weight(self.weights_for(pixels)))
