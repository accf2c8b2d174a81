"""Mask classification: what a network of queries returns in training, and the scores of the pixels made of it."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Queries(NamedTuple):
    """The answer of a network of queries in training mode: each query is one mask and one class for all of it.

    In evaluation mode such a network returns `class_scores` of its last layer alone. A loss that sees pixels gets these
    in training too; one that matches queries with the classes of an image (seglab.losses.matching) gets the queries.
    """

    class_logits: Tensor  # (B, Q, K + 1), the last for a query that is no class
    mask_logits: Tensor  # (B, Q, h, w), of a pixel lying in the mask of the query
    auxiliary: tuple[tuple[Tensor, Tensor], ...] = ()  # class_logits and mask_logits of the earlier layers, in order


def class_scores(queries: Queries, *, size: Sequence[int]) -> Tensor:
    """float32 (B, K, H, W) at `size`: log sum_q p_q(class) m_q(pixel), p without "no class", m the sigmoid of the mask.

    The sum is what MaskFormer predicts (Cheng et al., arXiv 2107.06278, section 3.4), and a logarithm changes no
    argmax; the softmax of these scores is that sum, divided by its sum over the classes. The masks are enlarged before
    the sigmoid, as the authors' code does. A sum of 0 counts as the smallest normal number, so that all is finite.
    """
    device = queries.mask_logits.device.type
    # tensors without values, by which operations are counted, know no autocast
    with nullcontext() if device == "meta" else torch.autocast(device, enabled=False):
        masks = F.interpolate(queries.mask_logits.float(), size=tuple(size), mode="bilinear", align_corners=False)
        classes = queries.class_logits.float().softmax(2)[..., :-1]  # (B, Q, K)
        scores = torch.einsum("bqk,bqhw->bkhw", classes, masks.sigmoid())
        return scores.clamp(min=torch.finfo(scores.dtype).tiny).log()
