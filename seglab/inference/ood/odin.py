"""ODIN: a temperature, and a step of the image towards what the network believes."""

from collections.abc import Sequence

import seglab.lean_imports  # noqa: F401

import torch
from torch import Tensor

from seglab.errors import SeglabError
from seglab.inference.ood.contract import Detector, require_above
from seglab.training.module import SegmentationModule
from seglab.training.outputs import resize_logits


class Odin(Detector):
    """-T (log p + log K), p = max_k softmax(z(x') / T)_k of x' = x + eps sign(grad log max_k softmax(z(x) / T)_k).

    Liang et al., arXiv 1706.02690, where the score is p itself, which is 1 / K to three digits at T = 1000: this has
    its order and can be told apart. The gradient is that of the sum over all pixels. Needs the memory of a training
    step of one image.

    Args:
        temperature: T; 1000 in the paper.
        epsilon: of the normalised image; 0.0014 in the paper, 0 for the temperature alone.

    Raises:
        SeglabError: T is not above 0, or epsilon is below 0.
    """

    def __init__(self, *, temperature: float, epsilon: float) -> None:
        self._temperature = require_above(temperature, key="temperature")
        if epsilon < 0:
            raise SeglabError(f"ood.epsilon: expected a number >= 0; got {epsilon}")
        self._epsilon = epsilon

    def scores(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Tensor:
        moved = image.float()
        if self._epsilon:
            with torch.inference_mode(False), torch.enable_grad():
                start = moved.clone().requires_grad_()  # a tensor that was made in inference mode has no gradient
                logits = network(start).float() / self._temperature
                (gradient,) = torch.autograd.grad(logits.log_softmax(1).max(1).values.sum(), start)
            moved = moved + self._epsilon * network.std * gradient.sign()
        logits = resize_logits(network(moved).float(), size)[0]
        below = torch.expm1((logits - logits.max(0).values) / self._temperature).mean(0)
        return self._temperature * torch.log1p(below)
