"""How far a network's predictions are from another's: what is added to a loss where there is a teacher."""

import torch
from torch import Tensor

from seglab.labels import IGNORE_INDEX
from seglab.losses.contract import divide_or_zero


def distillation(logits: Tensor, teacher: Tensor, mask: Tensor, *, temperature: float) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(logits / T)), mean over the labelled pixels; 0 where there is none.

    Hinton et al., arXiv 1503.02531, section 2, whose factor T^2 keeps the gradients as large as those of the loss on
    the labels. Computed in float32 whatever autocast says; of the teacher there is no gradient.

    Args:
        logits, teacher: (B, K, H, W), of the same classes in the same order.
        mask: (B, H, W); ignored pixels do not count.
    """
    with torch.autocast(logits.device.type, enabled=False):
        target = (teacher.detach().float() / temperature).log_softmax(1)  # (B, K, H, W)
        log_probs = (logits.float() / temperature).log_softmax(1)
        probs = target.exp()
        divergence = torch.where(probs > 0, probs * (target - log_probs), 0).sum(1)  # (B, H, W)
        valid = (mask != IGNORE_INDEX).to(divergence.dtype)
        return temperature**2 * divide_or_zero((divergence * valid).sum(), valid.sum())
