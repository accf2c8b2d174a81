"""The Tversky loss and its focal form."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.overlap import Absent, Average, ClassSums, OverlapLoss


class Tversky(OverlapLoss):
    """mean_c (1 - T_c)^(1/gamma), T_c = (TP + s) / (TP + alpha FP + beta FN + s), of soft counts of class c.

    gamma 1: Salehi et al., arXiv 1706.05721. gamma above 1: the focal Tversky loss of Abraham and Khan,
    arXiv 1810.07842, there as the sum over classes; segmentation-models-pytorch differs, raising the mean
    over classes to the power `gamma`. The other options are those of OverlapLoss.

    Args:
        alpha: weight of FP = sum p_c (1 - t_c), what is predicted as c and is not. Abraham and Khan call this one beta.
        beta: weight of FN = sum (1 - p_c) t_c. 0.5 and 0.5 is Dice with half the smooth, 1 and 1 Jaccard.
        gamma: above 1 the slope falls to nothing for bad classes and rises for those that are nearly right; below 1
            the other way round. 4/3 is best in that paper.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        average: Average = "macro",
        per_image: bool = False,
        absent: Absent = "skip",
        smooth: float = 0.0,
        class_weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(
            average=average,
            per_image=per_image,
            absent=absent,
            smooth=smooth,
            class_weights=class_weights,
            ignore_index=ignore_index,
        )
        if not (alpha >= 0 and beta >= 0 and alpha + beta > 0):
            raise SeglabError(
                f"loss.alpha, loss.beta: expected numbers >= 0, not both 0; got {alpha} and {beta} "
                "- 0.3 (false positives) and 0.7 (false negatives) are the paper's"
            )
        if not gamma > 0:
            raise SeglabError(f"loss.gamma: expected a number > 0; got {gamma} - 1 is plain Tversky, 4/3 the paper's")
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma

    def fraction(self, sums: ClassSums) -> tuple[Tensor, Tensor]:
        hit = sums.intersection
        return hit, hit + self.alpha * (sums.predicted - hit) + self.beta * (sums.target - hit)

    def loss_of(self, score: Tensor) -> Tensor:
        loss = 1 - score
        if self.gamma == 1:
            return loss
        # The power has no slope at 0 for gamma > 1; below `least` a straight line to 0 stands in for it.
        least, power = torch.finfo(loss.dtype).eps, 1 / self.gamma
        return torch.where(loss > least, loss.clamp(min=least) ** power, loss * least ** (power - 1))
