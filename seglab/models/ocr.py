"""HRNet with object-contextual representations: each pixel looks at the classes that the image holds.

Source: Yuan, Chen, Wang 2020, arXiv 1909.11065, section 3 and figure 3; the widths of its head for HRNet, the dropout
and the places of the norms as in the authors' HRNet/HRNet-Semantic-Segmentation (branch HRNet-OCR). The encoder is
timm's HRNet (Wang et al., arXiv 1908.07919), whose four branches are put together as in HRNetV2.
"""

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.auxiliary import WithAuxiliary
from seglab.models.hrnet import branches, stacked

_DROPOUT = 0.05


class OCRNet(nn.Module):
    """Logits (B, K, H/4, W/4) of an image (B, C, H, W); in training also those of the soft object regions, `regions`.

    Args:
        encoder_name: tu-hrnet_w18 to tu-hrnet_w64.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        width: of the maps that pixels and regions are compared in.
        key_width: of queries, keys and values.
        context: False leaves the regions out of the last layers: the same head without what the paper adds, for an
            ablation. The regions are still learned.
    """

    def __init__(
        self,
        *,
        encoder_name: str,
        encoder_weights: str | None,
        width: int,
        key_width: int,
        context: bool,
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.encoder = branches(encoder_name, encoder_weights=encoder_weights, in_channels=in_channels)
        channels = sum(self.encoder.feature_info.channels())
        self.regions = nn.Sequential(_block(channels, channels, bias=True), nn.Conv2d(channels, classes, 1))
        self.pixels = _block(channels, width, kernel=3, bias=True)
        self.attention = _ObjectAttention(width, key_width) if context else None
        self.fuse = nn.Sequential(_block(width * (1 + context), width), nn.Dropout2d(_DROPOUT))
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        features = stacked(self.encoder(image))  # (B, 15 c, H/4, W/4)
        pixels = self.pixels(features)  # (B, width, H/4, W/4)
        regions = None
        if self.attention is not None or self.training:
            regions = self.regions(features)  # (B, K, H/4, W/4)
        if self.attention is not None and regions is not None:
            objects = object_representations(pixels, regions)
            pixels = torch.cat([self.attention(pixels, objects), pixels], 1)
        logits: Tensor = self.classifier(self.fuse(pixels))
        return WithAuxiliary(logits, {"regions": regions}) if self.training and regions is not None else logits


def object_representations(pixels: Tensor, regions: Tensor) -> Tensor:
    """(B, C, K): of each class the mean of pixels (B, C, h, w), weighted by the softmax of regions (B, K, h, w) over
    all places (section 3.2)."""
    device = pixels.device.type
    # tensors without values, by which operations are counted, know no autocast
    with nullcontext() if device == "meta" else torch.autocast(device, enabled=False):
        weights = regions.float().flatten(2).softmax(2)  # (B, K, hw)
        return pixels.float().flatten(2) @ weights.transpose(1, 2)


class _ObjectAttention(nn.Module):
    """(B, C, h, w): what each pixel takes from the objects (B, C, K), by dot products of both (section 3.2)."""

    def __init__(self, width: int, key_width: int) -> None:
        super().__init__()
        self.query = nn.Sequential(_block(width, key_width), _block(key_width, key_width))
        self.key = nn.Sequential(_block(width, key_width), _block(key_width, key_width))
        self.value = _block(width, key_width)
        self.out = _block(key_width, width)

    def forward(self, pixels: Tensor, objects: Tensor) -> Tensor:
        objects = objects.to(pixels.dtype).unsqueeze(3)  # (B, C, K, 1)
        query, key, value = (  # (B, 1, hw or K, key_width), of one head: ONNX knows attention of heads alone
            part.flatten(2).transpose(1, 2).unsqueeze(1)
            for part in (self.query(pixels), self.key(objects), self.value(objects))
        )
        taken = F.scaled_dot_product_attention(query, key, value).squeeze(1)
        mixed: Tensor = self.out(taken.transpose(1, 2).unflatten(2, pixels.shape[-2:]))
        return mixed


def _block(inputs: int, outputs: int, *, kernel: int = 1, bias: bool = False) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
