"""The initial weights of the networks written here."""

import math

from torch import nn


def initialise(network: nn.Module, *, gain: float) -> None:
    """Draw every weight from N(0, gain^2 / N), N the values that enter one output; biases are zero.

    Source: He et al. 2015, arXiv 1502.01852, section 2.2; the U-Net paper (arXiv 1505.04597, section 3) asks for the
    same. Linear layers are convolutions of 1x1. Norms keep PyTorch's scale 1 and shift 0.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=gain / math.sqrt(_values_an_output_sees(module)))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _values_an_output_sees(module: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    if isinstance(module, nn.Linear):
        return module.in_features
    positions = float(math.prod(module.kernel_size))
    if isinstance(module, nn.ConvTranspose2d):  # its outputs share the kernel; nn.init counts otherwise
        positions /= math.prod(module.stride)
    return module.in_channels * positions / module.groups
