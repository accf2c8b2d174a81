"""The Dice loss."""

from torch import Tensor

from seglab.losses.overlap import ClassSums, OverlapLoss


class Dice(OverlapLoss):
    """1 - mean_c D_c, where D_c = (2 sum p_c t_c + s) / (sum p_c + sum t_c + s) (Milletari et al., arXiv 1606.04797).

    The options are those of OverlapLoss; `squared` is the form of that paper, V-Net.
    """

    def fraction(self, sums: ClassSums) -> tuple[Tensor, Tensor]:
        return 2 * sums.intersection, sums.predicted + sums.target
