"""Cross-entropy."""

from collections.abc import Sequence

from torch import Tensor

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, Pixels, divide_or_zero, weighted_mean


class CrossEntropy(Loss):
    """sum_V w_y (-log p_y) / sum_V w_y over the labelled pixels V: torch.nn.CrossEntropyLoss, but 0 if there are none.

    The division is by the sum of the weights, as in torch: class weights shift attention between classes and leave the
    scale alone, so ten times the weights are the same loss.

    Args:
        label_smoothing: e, in 0..1; makes the target (1 - e) t + e / K of a one-hot t (Szegedy et al., arXiv
            1512.00567), weighted as in torch: ((1 - e) sum_V w_y (-log p_y) + e / K sum_V sum_c w_c (-log p_c)) /
            sum_V w_y.
    """

    def __init__(
        self,
        *,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        super().__init__(class_weights=class_weights, ignore_index=ignore_index)
        if not 0 <= label_smoothing <= 1:
            raise SeglabError(
                f"loss.label_smoothing: expected a number in 0..1; got {label_smoothing} - 0.1 is usual, 0 is off"
            )
        self.label_smoothing = label_smoothing

    def value(self, pixels: Pixels) -> Tensor:
        class_weights = self.weights_for(pixels)
        weight = pixels.weight(class_weights)  # (B, H, W)
        hard = weighted_mean(-pixels.log_prob_of_label(), weight)
        if self.label_smoothing == 0:
            return hard
        log_probs = pixels.log_probs if class_weights is None else pixels.log_probs * class_weights.view(1, -1, 1, 1)
        spread = -log_probs.mean(1).masked_fill(~pixels.valid, 0)  # (B, H, W)
        soft = divide_or_zero(spread.sum(), weight.sum())
        return (1 - self.label_smoothing) * hard + self.label_smoothing * soft
