"""EfficientViT for segmentation: timm's encoder and the authors' head.

Source: Cai et al. 2022, arXiv 2205.14756, section 3.2; numbers of the head as in the authors' code.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.convolution import convolution
from seglab.models.timm_network import timm_network

_EXPANSION = 4  # of the head's blocks, and before its last convolution


class EfficientViT(nn.Module):
    """Logits (B, K, H/8, W/8) for an image (B, C, H, W), multiples of 32.

    The maps at 1/8, 1/16 and 1/32 of the size are brought to `head_width` channels and to the first's size, added, and
    pass `head_depth` inverted residual blocks.

    Args:
        encoder_name: tu-efficientvit_b0 to tu-efficientvit_b3.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
    """

    def __init__(
        self,
        *,
        encoder_name: str,
        encoder_weights: str | None,
        head_width: int,
        head_depth: int,
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.encoder = timm_network(
            encoder_name,
            encoder_weights=encoder_weights,
            in_channels=in_channels,
            arguments={"features_only": True, "out_indices": (1, 2, 3)},
            module="efficientvit_mit",
        )
        self.brought = nn.ModuleList(
            convolution(channels, head_width, kernel=1, activation=None)
            for channels in self.encoder.feature_info.channels()
        )
        self.blocks = nn.Sequential(*(_Residual(head_width) for _ in range(head_depth)))
        self.head = nn.Sequential(
            convolution(head_width, _EXPANSION * head_width, kernel=1, activation=nn.Hardswish),
            nn.Conv2d(_EXPANSION * head_width, classes, kernel_size=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        maps = [bring(features) for bring, features in zip(self.brought, self.encoder(image), strict=True)]
        total, size = maps[0], maps[0].shape[-2:]
        for smaller in maps[1:]:
            total = total + F.interpolate(smaller, size=size, mode="bicubic", align_corners=False)
        logits: Tensor = self.head(self.blocks(total))
        return logits


class _Residual(nn.Module):
    """Features (B, width, h, w): an inverted residual block (MobileNetV2, arXiv 1801.04381) of kernel 3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = _EXPANSION * width
        self.block = nn.Sequential(
            convolution(width, wide, kernel=1, activation=nn.Hardswish),
            convolution(wide, wide, kernel=3, groups=wide, activation=nn.Hardswish),
            convolution(wide, width, kernel=1, activation=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        mixed: Tensor = self.block(features)
        return features + mixed
