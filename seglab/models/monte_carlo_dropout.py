"""Dropout at inference: the mean prediction of a network that forgets something else each time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from seglab.errors import SeglabError


class MonteCarloDropout(nn.Module):
    """In evaluation, log-probabilities (B, K, h, w): of the mean softmax of `samples` passes with dropout at work.

    Their softmax is that mean, so that they serve wherever logits do. BatchNorm uses its running statistics. In
    training it is the network itself. The random numbers are torch's global ones of the device: seed these.

    Source: Kendall et al. 2015, arXiv 1511.02680: some 6 samples do better than one pass without dropout, and beyond
    40 nothing more is gained.

    Raises:
        SeglabError: `samples` is not positive, or the network has no dropout, so that all samples would be the same.
    """

    def __init__(self, network: nn.Module, *, samples: int) -> None:
        super().__init__()
        if samples < 1:
            raise SeglabError(f"samples: expected a whole number >= 1; came {samples}; beyond 40 little is gained")
        self.network = network
        self.samples = samples
        require_dropout(network)

    def forward(self, image: Tensor) -> Tensor:
        if self.training:
            return self.network(image)
        with dropping(self.network):
            total = F.log_softmax(self.network(image).float(), dim=1)
            for _ in range(self.samples - 1):
                total = torch.logaddexp(total, F.log_softmax(self.network(image).float(), dim=1))
        return total - torch.tensor(self.samples).log()


def require_dropout(network: nn.Module) -> None:
    """Raises SeglabError for a network without dropout."""
    if not any(module.p > 0 for module in _dropouts(network)):
        raise SeglabError(
            f"expected {type(network).__name__} to have dropout; came none, or only of probability 0; choose a "
            "network with it, such as model=segnet_bayesian"
        )


@contextmanager
def dropping(network: nn.Module) -> Iterator[None]:
    """Dropout is at work inside the block, in a network that is in evaluation mode else and afterwards."""
    dropouts = _dropouts(network)
    for module in dropouts:
        module.train()
    try:
        yield
    finally:
        for module in dropouts:
            module.eval()


def _dropouts(network: nn.Module) -> list[_DropoutNd]:
    return [module for module in network.modules() if isinstance(module, _DropoutNd)]
