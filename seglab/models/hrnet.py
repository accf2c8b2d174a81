"""HRNetV2: timm's high-resolution encoder and the authors' head.

Source: Wang et al. 2019, arXiv 1908.07919, section 3.3 and figure 4 (b).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.timm_network import timm_network


class HRNet(nn.Module):
    """Logits (B, K, H/4, W/4) for an image (B, C, H, W), multiples of 32.

    The four maps, at 1/4 to 1/32 of the size, are enlarged to the first, concatenated, and mixed by a 1x1 convolution
    that keeps their number of channels.

    Args:
        encoder_name: tu-hrnet_w18 to tu-hrnet_w64.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
    """

    def __init__(self, *, encoder_name: str, encoder_weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        self.encoder = branches(encoder_name, encoder_weights=encoder_weights, in_channels=in_channels)
        width = sum(self.encoder.feature_info.channels())
        self.head = nn.Sequential(
            nn.Conv2d(width, width, kernel_size=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, classes, kernel_size=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(stacked(self.encoder(image)))
        return logits


def branches(encoder_name: str, *, encoder_weights: str | None, in_channels: int) -> Any:
    """timm's network that maps an image (B, C, H, W) to four maps (B, c, H/4, W/4) to (B, 8 c, H/32, W/32)."""
    # feature_location "": the maps themselves, without the convolutions that widen them for a classifier of images
    arguments: dict[str, Any] = {"features_only": True, "feature_location": "", "out_indices": (1, 2, 3, 4)}
    return timm_network(
        encoder_name, encoder_weights=encoder_weights, in_channels=in_channels, arguments=arguments, module="hrnet"
    )


def stacked(maps: Sequence[Tensor]) -> Tensor:
    """All of them as (B, 15 c, H/4, W/4), the smaller ones enlarged."""
    size = maps[0].shape[-2:]
    enlarged = [F.interpolate(smaller, size=size, mode="bilinear", align_corners=False) for smaller in maps[1:]]
    return torch.cat([maps[0], *enlarged], dim=1)
