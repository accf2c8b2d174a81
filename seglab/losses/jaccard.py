"""The Jaccard (IoU) loss."""

from torch import Tensor

from seglab.losses.overlap import ClassSums, OverlapLoss


class Jaccard(OverlapLoss):
    """1 - mean_c J_c, J_c = (sum p_c t_c + s) / (sum p_c + sum t_c - sum p_c t_c + s) (Rahman and Wang, ISVC 2016).

    The options are those of OverlapLoss; `squared` is the Tanimoto coefficient (Diakogiannis et al., arXiv 1904.00592).
    """

    def fraction(self, sums: ClassSums) -> tuple[Tensor, Tensor]:
        return sums.intersection, sums.predicted + sums.target - sums.intersection
