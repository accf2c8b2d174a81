"""Dropout at inference: the mean prediction of a network that forgets something else each time."""

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
        if not any(module.p > 0 for module in self._dropouts()):
            raise SeglabError(
                f"expected {type(network).__name__} to have dropout; came none, or only of probability 0; choose a "
                "network with it, such as model=segnet_bayesian"
            )

    def forward(self, image: Tensor) -> Tensor:
        if self.training:
            return self.network(image)
        dropouts = self._dropouts()
        for module in dropouts:
            module.train()
        try:
            total = F.log_softmax(self.network(image).float(), dim=1)
            for _ in range(self.samples - 1):
                total = torch.logaddexp(total, F.log_softmax(self.network(image).float(), dim=1))
        finally:
            for module in dropouts:
                module.eval()
        return total - torch.tensor(self.samples).log()

    def _dropouts(self) -> list[_DropoutNd]:
        return [module for module in self.network.modules() if isinstance(module, _DropoutNd)]
