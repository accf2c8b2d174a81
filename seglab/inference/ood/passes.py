"""Detectors that compare several predictions of one image."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor
from torch.nn.modules.dropout import _DropoutNd

from seglab.errors import SeglabError
from seglab.inference.ood.contract import Detector
from seglab.training.module import SegmentationModule
from seglab.training.outputs import resize_logits


def mutual_information(passes: Iterable[Tensor]) -> Tensor:
    """(H, W), H(mean p) - mean H(p) of probabilities (K, H, W) that are taken one by one; 0 where all agree.

    Of one parameter of the network and the label; Gal et al., arXiv 1703.02910.
    """
    total, entropies, count = torch.zeros(()), torch.zeros(()), 0
    for probabilities in passes:
        total = total.to(probabilities.device) + probabilities
        entropies = entropies.to(probabilities.device) + _entropy(probabilities)
        count += 1
    return (_entropy(total / count) - entropies / count).clamp(min=0)  # below 0 by rounding alone


class OfPasses(Detector):
    """The mutual information of several predictions: what they do not agree on."""

    def scores(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Tensor:
        return mutual_information(self.passes(network, image, size))

    @abstractmethod
    def passes(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Iterator[Tensor]:
        """Probabilities (K, H, W) at `size`, one at a time."""


class McDropoutMi(OfPasses):
    """Of passes with dropout at work (Gal & Ghahramani, arXiv 1506.02142); BatchNorm keeps its running statistics.

    Args:
        samples: how many passes.
        seed: of what is dropped: the same for each image, so that no score depends on the images before it.

    Raises:
        SeglabError: fewer than 2 samples.
    """

    def __init__(self, *, samples: int, seed: int) -> None:
        if samples < 2:
            raise SeglabError(
                f"ood.samples: expected a whole number >= 2, as one pass agrees with itself; got {samples}"
            )
        self._samples, self._seed = samples, seed

    def check(self, network: SegmentationModule) -> None:
        """Raises SeglabError for a network without dropout."""
        if not any(module.p > 0 for module in _dropouts(network)):
            raise SeglabError(
                f"ood=mc_dropout_mi: expected {type(network.network).__name__} to have dropout; came none, or only of "
                "probability 0, so that all passes would be the same - choose a run of model=segnet_bayesian or enet"
            )

    def passes(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Iterator[Tensor]:
        dropouts = _dropouts(network)
        with torch.random.fork_rng(devices=[image.device] if image.is_cuda else []):
            torch.manual_seed(self._seed)
            for module in dropouts:
                module.train()
            try:
                for _ in range(self._samples):
                    yield resize_logits(network(image).float(), size)[0].softmax(0)
            finally:
                for module in dropouts:
                    module.eval()


def _dropouts(network: SegmentationModule) -> list[_DropoutNd]:
    return [module for module in network.network.modules() if isinstance(module, _DropoutNd)]


def _entropy(probabilities: Tensor) -> Tensor:
    """(H, W), in nats, of (K, H, W)."""
    return torch.special.entr(probabilities).sum(0)
