"""Detectors that need nothing but the logits of one pass."""

import math

import seglab.lean_imports  # noqa: F401

from torch import Tensor

from seglab.errors import SeglabError
from seglab.inference.ood.contract import OfLogits, require_above
from seglab.losses import MatchingLoss
from seglab.training.module import SegmentationModule


class MaxSoftmax(OfLogits):
    """1 - max_k p_k (Hendrycks & Gimpel, arXiv 1610.02136), the baseline of all.

    Computed as the share of the other classes: 1 - p in float32 is 0 below 6e-8, where this tells 1e-20 from 1e-10.
    """

    def of_logits(self, logits: Tensor) -> Tensor:
        highest, label = logits.max(0, keepdim=True)
        others = (logits - highest).exp().scatter(0, label, 0.0).sum(0)
        return others / (1 + others)


class MaxLogit(OfLogits):
    """-max_k z_k (Hendrycks et al., arXiv 1911.11132)."""

    def of_logits(self, logits: Tensor) -> Tensor:
        return -logits.max(0).values


class Entropy(OfLogits):
    """-sum_k p_k log p_k, divided by log K: 0 sure, 1 knows nothing."""

    def of_logits(self, logits: Tensor) -> Tensor:
        log_p = logits.log_softmax(0)
        return -(log_p.exp() * log_p).sum(0) / math.log(max(len(logits), 2))


class Energy(OfLogits):
    """-T log sum_k exp(z_k / T) (Liu et al., arXiv 2010.03759).

    Args:
        temperature: T; 1 in the paper.

    Raises:
        SeglabError: T is not above 0.
    """

    def __init__(self, *, temperature: float) -> None:
        self._temperature = require_above(temperature, key="temperature")

    def of_logits(self, logits: Tensor) -> Tensor:
        return -self._temperature * (logits / self._temperature).logsumexp(0)


class RejectedByAll(OfLogits):
    """-sum_k tanh(s_k), what no query claims, for mask classification (RbA; Nayal et al., arXiv 2211.14293).

    s_k = sum_q p_q(k) m_q, of which such a network gives the logarithm: see seglab.models.queries.class_scores.
    """

    def check(self, network: SegmentationModule) -> None:
        """Raises SeglabError for a network whose scores are logits of a softmax."""
        if not isinstance(network.loss, MatchingLoss):
            raise SeglabError(
                "ood=rejected_by_all: expected a run of mask classification, trained by a loss that matches queries "
                f"(loss=mask2former); came one with {type(network.loss).__name__} - choose ood=max_logit"
            )

    def of_logits(self, logits: Tensor) -> Tensor:
        return -logits.exp().tanh().sum(0)
