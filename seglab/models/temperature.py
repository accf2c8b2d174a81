"""Temperatures that calibrate logits after the training: one, one for each class, or one for each pixel."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_CHANNELS = 16  # of the head of LocalTemperature
_LEAST = 0.05  # of its temperatures


class OneTemperature(nn.Module):
    """Logits divided by one number, which changes no label. Guo et al., arXiv 1706.04599, equation 9."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.zeros(1))

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) of the same size."""
        return logits / self.log_temperature.exp()


class ClassTemperatures(nn.Module):
    """The logits of each class divided by a number of its own: vector scaling without a bias (arXiv 1706.04599, 4.2).

    It may change labels.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.zeros(classes))

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) of the same size."""
        return logits / self.log_temperature.exp().view(1, -1, 1, 1)


class LocalTemperature(nn.Module):
    """The logits of each pixel divided by a number that two 3x3 convolutions read from the probabilities around it.

    No label changes at the size of the logits. After Ding et al., "Local temperature scaling for probability
    calibration", arXiv 2008.05105, whose head is a tree of larger filters and looks at the image as well: here it sees
    the log-probabilities alone, with a field of 5x5 pixels.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.head = nn.Sequential(
            nn.Conv2d(classes, _CHANNELS, 3, padding=1), nn.ReLU(), nn.Conv2d(_CHANNELS, 1, 3, padding=1)
        )
        self.set_constant(1.0)

    def set_constant(self, temperature: float) -> None:
        """The same for every pixel, from which a fit begins."""
        last = self.head[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.constant_(last.bias, torch.tensor(max(temperature - _LEAST, 1e-3)).expm1().log().item())

    def temperatures(self, logits: Tensor) -> Tensor:
        """(B, 1, H, W), above 0.05."""
        seen = logits.log_softmax(1).clamp(min=-20) / 5  # about as large as one
        return nn.functional.softplus(self.head(seen)) + _LEAST

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (B, K, H, W) of the same size."""
        return logits / self.temperatures(logits)


METHODS: Mapping[str, type[OneTemperature | ClassTemperatures | LocalTemperature]] = {
    "temperature": OneTemperature,
    "per_class": ClassTemperatures,
    "local": LocalTemperature,
}


def from_stored(method: str, *, classes: int, values: Mapping[str, Any]) -> nn.Module:
    """The module of a method with the values that `to_be_stored` gave."""
    module = METHODS[method](classes)
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return module.eval().requires_grad_(False)


def to_be_stored(module: nn.Module) -> dict[str, Any]:
    """{name: nested lists of floats} of all its values."""
    return {name: value.tolist() for name, value in module.state_dict().items()}
