"""Context from several distances, for the bottom of a U-Net: parallel dilated convolutions (Aspp), pooled grids (Ppm).

A configuration names one with `_partial_: true`; the network calls it with the channels and the activation. Both give
back as many channels as they get, so that the decoder is the same with and without. In both, what is pooled to few
values has a bias and no BatchNorm: over one value a channel, BatchNorm refuses a batch of one image, and in larger
batches it measures little but noise.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise


class Aspp(nn.Module):
    """Features (B, channels, h, w) seen by a 1x1, one dilated 3x3 for each rate, and their mean, then joined by a 1x1.

    Each branch is `width` wide. A rate of at least h and w leaves a 3x3 only its centre.

    Source: Chen et al. 2017, arXiv 1706.05587, section 3.3: width 256, rates 6, 12, 18 at output stride 16. There, the
    last 1x1 leads to 256 channels; here, to `channels`.
    """

    def __init__(self, channels: int, *, width: int, rates: Sequence[int], activation: ActivationFactory) -> None:
        super().__init__()
        self.centre = _normalised(nn.Conv2d(channels, width, kernel_size=1, bias=False), activation)
        self.around = nn.ModuleList(
            _normalised(nn.Conv2d(channels, width, kernel_size=3, padding=rate, dilation=rate, bias=False), activation)
            for rate in rates
        )
        self.whole = nn.Sequential(nn.Conv2d(channels, width, kernel_size=1), activation())
        self.joined = _normalised(nn.Conv2d((2 + len(rates)) * width, channels, kernel_size=1, bias=False), activation)
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, features: Tensor) -> Tensor:
        branches = [self.centre(features), *(branch(features) for branch in self.around)]
        whole = self.whole(features.mean(dim=(2, 3), keepdim=True))  # (B, width, 1, 1)
        branches.append(whole.expand_as(branches[0]))
        return self.joined(torch.cat(branches, dim=1))  # (B, channels, h, w)


class Ppm(nn.Module):
    """Features (B, channels, h, w) with their means over grids of bins x bins cells, joined by a 1x1.

    Each grid is `channels` divided by the number of grids wide, and interpolated to (h, w).

    Source: Zhao et al. 2017, arXiv 1612.01105, section 3.2 (pyramid pooling module): bins 1, 2, 3, 6. There, a 3x3
    leads from the 2 * channels to 512; here, a 1x1 to `channels`, as the decoder's 3x3 convolutions follow.
    """

    def __init__(self, channels: int, *, bins: Sequence[int], activation: ActivationFactory) -> None:
        super().__init__()
        self.bins = tuple(bins)
        width = channels // len(bins)
        self.grids = nn.ModuleList(nn.Sequential(nn.Conv2d(channels, width, kernel_size=1), activation()) for _ in bins)
        self.joined = _normalised(
            nn.Conv2d(channels + len(bins) * width, channels, kernel_size=1, bias=False), activation
        )
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, features: Tensor) -> Tensor:
        size, maps = features.shape[-2:], [features]
        for bins, convolution in zip(self.bins, self.grids, strict=True):
            grid = convolution(F.adaptive_avg_pool2d(features, bins))  # (B, width, bins, bins)
            maps.append(F.interpolate(grid, size=size, mode="bilinear", align_corners=False))
        return self.joined(torch.cat(maps, dim=1))  # (B, channels, h, w)


def _normalised(convolution: nn.Conv2d, activation: ActivationFactory) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), activation())
