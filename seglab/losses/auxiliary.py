"""The loss of a network that says more than its logits: of auxiliary heads and of a boundary."""

import torch
import torch.nn.functional as F
from torch import Tensor

from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import Loss, divide_or_zero
from seglab.models.auxiliary import WithAuxiliary

_REACH = 2  # pixels from a pixel of another class within which a pixel lies on the boundary
_SURE = 0.8  # probability from which a pixel counts as one of the boundary


def loss_and_terms(
    loss: Loss, outputs: WithAuxiliary, mask: Tensor, *, auxiliary: float, boundary: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """The scalar to minimise, and what it is made of, unweighted, to be logged by name.

    loss(logits) + auxiliary * sum_i loss(auxiliary_i), as PSPNet has it (Zhao et al., arXiv 1612.01105, section 3.3).
    With a boundary head also boundary * its balanced cross-entropy + loss(logits) over the pixels that the head is sure
    of: equation 5 of PIDNet (Xu et al., arXiv 2206.02066), whose weights are 0.4, 20 and 1.

    Args:
        outputs: all of them at the size of the mask.
        mask: (B, H, W), as every loss takes it.
    """
    terms = loss.terms(outputs.logits, mask)
    total = loss.combine(terms)
    for name, logits in outputs.auxiliary.items():
        value = loss(logits, mask)
        terms[f"auxiliary_{name}"] = value
        total = total + auxiliary * value
    if outputs.boundary is not None:
        near = torch.where(outputs.boundary.squeeze(1).sigmoid() > _SURE, mask, IGNORE_INDEX)
        terms["boundary"] = boundary_cross_entropy(outputs.boundary, mask)
        terms["near_boundary"] = loss(outputs.logits, near)
        total = total + boundary * terms["boundary"] + terms["near_boundary"]
    return total, terms


def boundary_cross_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy of logits (B, 1, H, W), mean over the labelled pixels, in float32.

    A pixel of one kind weighs as much as the share of the other kind, so that the few on a boundary count as much as
    all others (PIDNet's code, after holistically-nested edges, Xie and Tu, arXiv 1504.06375).
    """
    with torch.autocast(logits.device.type, enabled=False):
        is_boundary, valid = boundaries(mask), mask != IGNORE_INDEX
        positive = (is_boundary & valid).sum() / valid.sum().clamp(min=1)
        weight = torch.where(is_boundary, 1 - positive, positive) * valid
        losses = F.binary_cross_entropy_with_logits(logits.squeeze(1).float(), is_boundary.float(), reduction="none")
        return divide_or_zero((losses * weight).sum(), valid.sum())


def boundaries(mask: Tensor) -> Tensor:
    """bool (B, H, W): whether a pixel of another class lies within 2 rows and columns. Ignored pixels bound nothing."""
    labels = mask.float().unsqueeze(1)
    void = labels == IGNORE_INDEX
    highest = F.max_pool2d(labels.masked_fill(void, -1), 2 * _REACH + 1, stride=1, padding=_REACH)
    lowest = -F.max_pool2d(-labels.masked_fill(void, 1000), 2 * _REACH + 1, stride=1, padding=_REACH)
    return ((highest > lowest) & ~void).squeeze(1)
