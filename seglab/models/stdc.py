"""STDC-Seg: BiSeNet's decoder on an encoder whose blocks join the maps of several depths.

Source: Fan, Lai, Huang, Wei, Chai, Luo, Wei 2021, arXiv 2104.13188, section 3, figures 3 and 4 and table 2, and the
authors' MichaelFan01/STDC-Seg, models/model_stages.py and nets/stdcnet.py: STDC1 has 2, 2 and 2 blocks at 1/8, 1/16
and 1/32 of the size, STDC2 4, 5 and 3. Their detail head (section 3.3) is left out: it is trained on edges of the mask
that a Laplacian finds at three scales, and has another loss than the boundary of seglab.losses.auxiliary.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.convolution import convolution
from seglab.models.initialise import initialise

_STEM = (32, 64)  # maps at 1/2 and 1/4 of the size
_WIDTHS = (256, 512, 1024)  # at 1/8, 1/16 and 1/32
_DECODER = 128
_FUSED = 256
_AUXILIARY = 64


class STDC(nn.Module):
    """Logits (B, K, H/8, W/8) of images (B, in_channels, H, W), H and W multiples of 32; K is `classes`.

    In training, with `auxiliary`, also of two heads on the decoder: `fine` (B, K, H/8, W/8), `coarse` (B, K, H/16,
    W/16). `blocks` are those of the encoder at 1/8, 1/16 and 1/32. `activation` makes one module for each place; None
    is ReLU.

    Raises:
        ValueError: from BatchNorm, in training, for a batch of one image: attention sees one value of each map.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        blocks: Sequence[int],
        auxiliary: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe: it follows a convolution or BatchNorm, whose backward does not need their output.
        activation = activation or partial(nn.ReLU, inplace=True)
        fine, middle, coarse = _WIDTHS
        step = partial(convolution, activation=activation)
        self.encoder = _Encoder(in_channels, blocks=blocks, activation=activation)
        self.whole = step(coarse, _DECODER, kernel=1)
        self.attention_32 = _Attention(coarse, activation=activation)
        self.attention_16 = _Attention(middle, activation=activation)
        self.behind_32 = step(_DECODER, _DECODER, kernel=3)
        self.behind_16 = step(_DECODER, _DECODER, kernel=3)
        self.fusion = _Fusion(fine + _DECODER, activation=activation)
        head = partial(_head, classes=classes, activation=activation)
        self.head = head(_FUSED, _FUSED)
        names = ("fine", "coarse") if auxiliary else ()
        self.auxiliary = nn.ModuleDict({name: head(_DECODER, _AUXILIARY) for name in names})
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        at_8, at_16, at_32 = self.encoder(image)
        whole = self.whole(at_32.mean(dim=(2, 3), keepdim=True))  # (B, 128, 1, 1)
        coarse = self.attention_32(at_32) + whole  # (B, 128, H/32, W/32)
        coarse = self.behind_32(F.interpolate(coarse, size=at_16.shape[-2:], mode="nearest"))
        fine = self.attention_16(at_16) + coarse  # (B, 128, H/16, W/16)
        fine = self.behind_16(F.interpolate(fine, size=at_8.shape[-2:], mode="nearest"))  # (B, 128, H/8, W/8)
        logits = self.head(self.fusion(at_8, fine))  # (B, K, H/8, W/8)
        if not self.training:
            return logits
        seen = {"fine": fine, "coarse": coarse}
        return WithAuxiliary(logits, {name: head(seen[name]) for name, head in self.auxiliary.items()})


class _Encoder(nn.Module):
    """Features (B, 256, H/8, W/8), (B, 512, H/16, W/16), (B, 1024, H/32, W/32)."""

    def __init__(self, in_channels: int, *, blocks: Sequence[int], activation: ActivationFactory) -> None:
        super().__init__()
        first, second = _STEM
        self.stem = nn.Sequential(
            convolution(in_channels, first, kernel=3, stride=2, activation=activation),
            convolution(first, second, kernel=3, stride=2, activation=activation),
        )
        stages, before = [], second
        for width, count in zip(_WIDTHS, blocks, strict=True):
            more = (_Concatenation(width, width, stride=1, activation=activation) for _ in range(count - 1))
            stages.append(nn.Sequential(_Concatenation(before, width, stride=2, activation=activation), *more))
            before = width
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        features, outputs = self.stem(image), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return outputs


class _Concatenation(nn.Module):
    """The short-term dense concatenate module (figure 3b, c): 1/2, 1/4, 1/8 and 1/8 of the maps, each made of those
    before, side by side. With a stride of 2 the first are shrunk, and joined as their means."""

    def __init__(self, before: int, width: int, *, stride: int, activation: ActivationFactory) -> None:
        super().__init__()
        half, quarter, eighth = width // 2, width // 4, width // 8
        self.first = convolution(before, half, kernel=1, activation=activation)
        self.shrunk: nn.Module = nn.Identity()
        self.joined: nn.Module = nn.Identity()
        if stride == 2:
            self.shrunk = convolution(half, half, kernel=3, stride=2, groups=half, activation=None)
            self.joined = nn.AvgPool2d(kernel_size=3, stride=2, padding=1)
        self.others = nn.ModuleList(
            convolution(wider, narrower, kernel=3, activation=activation)
            for wider, narrower in ((half, quarter), (quarter, eighth), (eighth, eighth))
        )

    def forward(self, features: Tensor) -> Tensor:
        first = self.first(features)
        maps, features = [self.joined(first)], self.shrunk(first)
        for step in self.others:
            features = step(features)
            maps.append(features)
        return torch.cat(maps, dim=1)  # (B, width, h / stride, w / stride)


class _Attention(nn.Module):
    """BiSeNet's attention refinement module (arXiv 1808.00897, figure 2b): every map weighed as a whole."""

    def __init__(self, before: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.features = convolution(before, _DECODER, kernel=3, activation=activation)
        self.weights = convolution(_DECODER, _DECODER, kernel=1, activation=None)

    def forward(self, features: Tensor) -> Tensor:
        features = self.features(features)
        return features * self.weights(features.mean(dim=(2, 3), keepdim=True)).sigmoid()


class _Fusion(nn.Module):
    """BiSeNet's feature fusion module (arXiv 1808.00897, figure 2c): (B, 256, H/8, W/8)."""

    def __init__(self, before: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.joined = convolution(before, _FUSED, kernel=1, activation=activation)
        self.weights = nn.Sequential(
            nn.Conv2d(_FUSED, _FUSED // 4, kernel_size=1, bias=False),
            activation(),
            nn.Conv2d(_FUSED // 4, _FUSED, kernel_size=1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        features = self.joined(torch.cat([spatial, context], dim=1))
        return features + features * self.weights(features.mean(dim=(2, 3), keepdim=True))


def _head(before: int, width: int, *, classes: int, activation: ActivationFactory) -> nn.Sequential:
    return nn.Sequential(
        convolution(before, width, kernel=3, activation=activation),
        nn.Conv2d(width, classes, kernel_size=1, bias=False),
    )
