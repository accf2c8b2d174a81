"""Cross-entropy of the hard pixels alone."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, weighted_mean


class Ohem(Loss):
    """Cross-entropy over the labelled pixels with p_y < threshold, but over the `min_kept` hardest if those are more.

    Online hard example mining (Shrivastava et al., arXiv 1604.03540) in its form for segmentation (Wu et al., arXiv
    1605.06885): sum_S w_y (-log p_y) / sum_S w_y over the kept pixels S. Which pixels are hard does not depend on the
    weights. Pixels as hard as the last one that is kept are kept with it.

    Args:
        threshold: probability of the true class from which a pixel is easy; 1 keeps every pixel.
        min_kept: share of the labelled pixels of the batch that is kept at least, in 0..1; 0 keeps hard ones alone.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.7,
        min_kept: float = 0.0625,
        class_weights: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        if not 0 < threshold <= 1:
            raise SeglabError(
                f"loss.threshold: expected a probability above 0, at most 1; got {threshold} - 0.7 is usual"
            )
        if not 0 <= min_kept <= 1:
            raise SeglabError(
                f"loss.min_kept: expected a share of the labelled pixels in 0..1; got {min_kept} - 0.0625 is usual; "
                "divide a number of pixels by that of the batch"
            )
        self.threshold = threshold
        self.min_kept = min_kept

    def value(self, pixels: Pixels) -> Tensor:
        log_prob = pixels.log_prob_of_label()  # (B, H, W)
        hard = log_prob.detach() < math.log(self.threshold)
        if self.threshold == 1:
            hard = torch.ones_like(hard)
        elif self.min_kept > 0:
            hard |= self._hardest(log_prob.detach(), pixels.valid)
        return weighted_mean(-log_prob, pixels.weight(self.weights_for(pixels)) * hard)

    def _hardest(self, log_prob: Tensor, valid: Tensor) -> Tensor:
        """bool (B, H, W): the share `min_kept` of the labelled pixels with the lowest log p_y.

        Their number is not asked of the device, which would have to finish its work: as many are sorted as there would
        be if all pixels were labelled.
        """
        most = math.ceil(self.min_kept * log_prob.numel())
        lowest = log_prob.masked_fill(~valid, torch.inf).flatten().topk(most, largest=False).values  # ascending
        kept = (self.min_kept * valid.sum()).ceil().long()
        return log_prob <= lowest.gather(0, (kept - 1).clamp(0, most - 1).view(1))
