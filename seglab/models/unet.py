"""The padded U-Net with BatchNorm: what most people mean by "U-Net" today.

Source: Ronneberger et al. 2015, arXiv 1505.04597, figure 1 and section 3. Two changes that nearly every later use
makes: the 3x3 convolutions are padded, so that the logits are as large as the image, and BatchNorm precedes each
activation.
"""

import math
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory, kaiming_gain


class UNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W); K is `classes`.

    `depth` poolings lead from width `base` to `base * 2**depth` and back; the paper's are 64 and 4. `bias` concerns
    the 3x3 convolutions, where BatchNorm makes it redundant; up-sampling and head always have theirs. `up` is
    `transposed` (the paper's 2x2 up-convolution) or `bilinear` (1x1 convolution, then interpolation). `activation`
    makes one module for each of the `4 * depth + 2` places; None is ReLU.

    H, W are any size from 2**depth on. Where a pooling floored an odd size, the up-sampled map ends in a zero row or
    column, as in milesial/Pytorch-UNet.

    Raises:
        SeglabError: `up` is neither of the two.
        ValueError: from BatchNorm, in training, when a batch of one image is only 2**depth pixels large.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        base: int,
        depth: int,
        up: Literal["transposed", "bilinear"],
        bias: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe here: the activation follows BatchNorm, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        widths = [base * 2**level for level in range(depth + 1)]  # 64, 128, 256, 512, 1024 in the paper
        self.encoder = nn.ModuleList(
            _double_convolution(before, width, bias=bias, activation=activation)
            for before, width in zip([in_channels, *widths], widths, strict=False)
        )
        self.decoder = nn.ModuleList(
            _UpBlock(2 * width, width, up=up, bias=bias, activation=activation) for width in reversed(widths[:-1])
        )
        self.head = nn.Conv2d(base, classes, kernel_size=1)
        _initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        features, skips = image, []
        for level, convolutions in enumerate(self.encoder):
            if level > 0:
                features = F.max_pool2d(features, kernel_size=2)
            features = convolutions(features)  # (B, base * 2**level, H / 2**level, W / 2**level)
            skips.append(features)
        features = skips.pop()
        for block in self.decoder:
            features = block(features, skips.pop())  # twice the size, half the channels
        return self.head(features)  # (B, K, H, W)


class _UpBlock(nn.Module):
    """Up-sample to the skip's size, put the skip in front, convolve twice."""

    def __init__(self, in_channels: int, width: int, *, up: str, bias: bool, activation: ActivationFactory) -> None:
        super().__init__()
        self.up = _up_sampling(in_channels, width, up=up)
        self.convolutions = _double_convolution(2 * width, width, bias=bias, activation=activation)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        features = self.up(features)  # (B, width, 2h, 2w)
        rows, columns = skip.shape[-2] - features.shape[-2], skip.shape[-1] - features.shape[-1]  # 0 or 1 each
        if rows or columns:
            features = F.pad(features, (0, columns, 0, rows))
        return self.convolutions(torch.cat([skip, features], dim=1))  # (B, width, H, W)


def _double_convolution(in_channels: int, width: int, *, bias: bool, activation: ActivationFactory) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=bias),
        nn.BatchNorm2d(width),
        activation(),
        nn.Conv2d(width, width, kernel_size=3, padding=1, bias=bias),
        nn.BatchNorm2d(width),
        activation(),
    )


def _up_sampling(in_channels: int, width: int, *, up: str) -> nn.Module:
    if up == "transposed":
        return nn.ConvTranspose2d(in_channels, width, kernel_size=2, stride=2)
    if up == "bilinear":
        # Interpolation and a 1x1 convolution commute; this order costs a quarter. align_corners=False makes the result
        # independent of the map's size (milesial/Pytorch-UNet has True, and lets the first 3x3 reduce the channels).
        return nn.Sequential(
            nn.Conv2d(in_channels, width, kernel_size=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        )
    raise SeglabError(f"model.up: expected transposed or bilinear; came {up!r}; choose one of the two")


def _initialise(network: nn.Module, *, gain: float) -> None:
    """Draw every weight from N(0, gain^2 / N), N the values that enter one output (section 3); biases are zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            # An output of the 2x2 transposed convolution with stride 2 sees one position; nn.init counts otherwise.
            positions = 1 if isinstance(module, nn.ConvTranspose2d) else math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=gain / math.sqrt(module.in_channels * positions))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
