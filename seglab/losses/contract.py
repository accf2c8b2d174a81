"""What every loss is: logits and a mask go in, one scalar comes out; and the reading of its input."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX


class Pixels(NamedTuple):
    """A batch as the losses see it; compounds read it once and share it, so that the softmax is taken once."""

    log_probs: Tensor  # (B, K, H, W) float32, or float64 if the logits were
    labels: Tensor  # (B, H, W) int64, 0..K-1; 0 where the mask is ignored
    valid: Tensor  # (B, H, W) bool, False where the mask is ignored

    def log_prob_of_label(self) -> Tensor:
        """(B, H, W): log p of the pixel's own class; 0 where ignored."""
        log_prob = self.log_probs.gather(1, self.labels.unsqueeze(1)).squeeze(1)
        return log_prob.masked_fill(~self.valid, 0)

    def weight(self, class_weights: Tensor | None) -> Tensor:
        """(B, H, W): the weight of the pixel's class, 1 without class weights; 0 where ignored."""
        valid = self.valid.to(self.log_probs.dtype)
        return valid if class_weights is None else class_weights[self.labels] * valid


class Loss(nn.Module, ABC):
    """`loss(logits, mask) -> scalar`, whatever the loss.

    logits (B, K, H, W) of any floating type, computed in float32 (float64 stays) whatever autocast says; mask (B, H, W)
    of any integer type, with classes 0..K-1 and `ignore_index`. An ignored pixel counts neither as truth nor as
    prediction. A batch with nothing but ignored pixels gives 0 and gradients of 0.

    Class weights are a buffer, so that they follow the device, but no part of a checkpoint: they are configuration,
    whose only source is config.yaml. A stored copy would overrule the weights asked for, and keep a checkpoint from
    being scored with another loss. In a configuration they may be a name or a file, which is replaced by numbers: see
    seglab.training.class_weights.

    Raises:
        SeglabError: shapes do not fit, or the mask holds another value. On CUDA, where looking at the values would
            stall the device, that last one is an assertion of the device, raised by a later call.
    """

    class_weights: Tensor | None

    def __init__(self, *, class_weights: Sequence[float] | None = None, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        weights = None if class_weights is None else _checked_weights(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return self.combine(self.terms(logits, mask))

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The scalars that `combine` makes the loss of, unweighted: {"loss": ...}, or one for each part of a compound.

        Training calls `terms` and `combine` in place of the loss itself, to log every part without computing it twice.
        """
        with torch.autocast(logits.device.type, enabled=False):
            return self.terms_of(_read(logits, mask, self.ignore_index))

    def combine(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The loss, given its terms."""
        return terms["loss"]

    def terms_of(self, pixels: Pixels) -> dict[str, Tensor]:
        """What `terms` returns, of pixels already read."""
        return {"loss": self.value(pixels)}

    @abstractmethod
    def value(self, pixels: Pixels) -> Tensor:
        """The loss as a scalar: the one method that a new loss must have."""

    def scores(self, outputs: Tensor) -> Tensor:
        """(B, K, H, W), highest for the predicted class, of the network's outputs: these themselves, being logits."""
        return outputs

    def weights_for(self, pixels: Pixels) -> Tensor | None:
        """class_weights (K,) in the type of the computation, or None.

        Raises:
            SeglabError: their number is not the number of classes.
        """
        if self.class_weights is None:
            return None
        num_classes = pixels.log_probs.shape[1]
        if len(self.class_weights) != num_classes:
            raise SeglabError(
                f"loss.class_weights: expected {num_classes} weights, one for each class of the logits; "
                f"got {len(self.class_weights)} - give one weight per class, in the order of the data set's class names"
            )
        return self.class_weights.to(pixels.log_probs.dtype)


def weighted_mean(values: Tensor, weight: Tensor, *, dim: int | None = None) -> Tensor:
    """sum(values * weight) / sum(weight), over everything or along `dim`; 0 where all weights are 0."""
    dims = tuple(range(values.ndim)) if dim is None else (dim,)
    return divide_or_zero((values * weight).sum(dims), weight.sum(dims))


def mean_over_classes(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of values (B, K) over the classes, then the plain mean over the rows with a weight; 0 if none."""
    counted = (weights.sum(1) > 0).to(weights.dtype)  # (B,)
    return weighted_mean(weighted_mean(values, weights, dim=1), counted)


def divide_or_zero(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and 0 where `below` is 0, without asking the device which case it is."""
    return torch.where(below > 0, above, 0) / torch.where(below > 0, below, 1)


def check_shapes(logits: Tensor, mask: Tensor) -> None:
    """Raises a SeglabError unless they are (B, K, H, W) and an integer (B, H, W)."""
    if logits.ndim != 4 or mask.shape != (logits.shape[0], *logits.shape[2:]):
        raise SeglabError(
            "expected logits (B, K, H, W) and a mask (B, H, W) of the same B, H and W; "
            f"got logits {tuple(logits.shape)} and mask {tuple(mask.shape)} "
            "- resize the logits to the mask, and give class ids rather than one channel per class"
        )
    if mask.is_floating_point() or mask.dtype == torch.bool:
        raise SeglabError(f"expected a mask of integer class ids; got {mask.dtype} - convert it to uint8 or int64")


def _read(logits: Tensor, mask: Tensor, ignore_index: int) -> Pixels:
    """Checks the input and takes the softmax."""
    check_shapes(logits, mask)
    labels = mask.long()  # compared as int64: in uint8 an ignore_index of -100 would wrap to 156
    valid = labels != ignore_index
    labels = torch.where(valid, labels, 0)
    check_labels(labels, logits.shape[1], ignore_index)
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return Pixels(logits.log_softmax(1), labels, valid)


def check_labels(labels: Tensor, num_classes: int, ignore_index: int) -> None:
    """Raises a SeglabError if one of the int64 labels, not ignored, is outside 0..K-1; see Loss for CUDA."""
    inside = (labels >= 0) & (labels < num_classes)
    expected = f"expected class ids 0..{num_classes - 1} or {ignore_index} (ignored)"
    if labels.is_cuda or torch.compiler.is_compiling():  # a branch would stall the device, or split the graph
        torch._assert_async(inside.all(), f"mask holds an invalid class id; {expected}")
    elif not inside.all():
        values = ", ".join(str(value) for value in labels[~inside].unique().tolist()[:5])
        raise SeglabError(
            f"mask holds {values}; {expected} "
            "- does the label space of the data have as many classes as the network has outputs?"
        )


def _checked_weights(class_weights: Sequence[float]) -> Tensor:
    """float32 (K,)."""
    if isinstance(class_weights, str):
        raise SeglabError(
            f"loss.class_weights: expected numbers; got {class_weights!r} - a name or a file stands for numbers only "
            "in the configuration of a run; in Python call seglab.training.class_weights.resolve"
        )
    values = [float(weight) for weight in class_weights]
    if not values or max(values) <= 0 or any(weight < 0 or not math.isfinite(weight) for weight in values):
        raise SeglabError(
            f"loss.class_weights: expected finite weights >= 0, not all of them 0; got {values} "
            "- a class that never occurs gets 0 or 1, not inf"
        )
    return torch.tensor(values)
