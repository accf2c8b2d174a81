"""BiSeNetV2: a wide, shallow branch for details, a narrow, deep one for semantics, each guiding the other.

Source: Yu, Gao, Wang, Yu, Shen, Sang 2020, arXiv 2004.02147, sections 4 and 5, figures 3 to 6 and table 1. The authors
released no code; what the paper leaves open is as in CoinCheung/BiSeNet, lib/models/bisenetv2.py: an activation behind
the depth-wise convolutions and the aggregation, BatchNorm and an activation at the end of the context embedding. That
code's auxiliary heads have one convolution more than the paper's figure 6, which is followed here.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.convolution import convolution
from seglab.models.initialise import initialise

_DETAIL = ((64, 2), (64, 3), (128, 3))  # maps and convolutions of the three stages
_SEMANTIC = ((32, 2), (64, 2), (128, 4))  # maps and blocks of the stages behind the stem
_STEM = 16
_WIDE = 128  # of both branches where they meet
_EXPANSION = 6


class BiSeNetV2(nn.Module):
    """Logits (B, K, H/8, W/8) of images (B, in_channels, H, W), H and W multiples of 32; K is `classes`.

    In training, with `auxiliary`, also of the four heads of the paper's booster, named after the scale of what they
    see: `stage4` (B, K, H/4, W/4), `stage8`, `stage16`, `stage32`. `head_width` and `auxiliary_width` are the maps
    inside the heads (C_t in the paper), `dropout` stands before their last convolution. `activation` makes one module
    for each place; None is ReLU.

    Raises:
        ValueError: from BatchNorm, in training, for a batch of one image: the context is one value of each map.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        head_width: int,
        auxiliary_width: int,
        dropout: float,
        auxiliary: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe: it follows BatchNorm or a sum, whose backward does not need their output.
        activation = activation or partial(nn.ReLU, inplace=True)
        self.encoder = _Branches(in_channels, activation=activation)
        self.aggregation = _GuidedAggregation(_WIDE, activation=activation)
        head = partial(_head, classes=classes, dropout=dropout, activation=activation)
        self.head = head(_WIDE, head_width)
        seen = (_STEM, *(width for width, _ in _SEMANTIC)) if auxiliary else ()
        self.auxiliary = nn.ModuleDict(
            {f"stage{4 * 2**index}": head(width, auxiliary_width) for index, width in enumerate(seen)}
        )
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        detail, semantic, stages = self.encoder(image)
        logits = self.head(self.aggregation(detail, semantic))  # (B, K, H/8, W/8)
        if not self.training:
            return logits
        heads = zip(self.auxiliary.items(), stages, strict=False)  # none without `auxiliary`
        return WithAuxiliary(logits, {name: head(features) for (name, head), features in heads})


class _Branches(nn.Module):
    """Detail (B, 128, H/8, W/8), semantic (B, 128, H/32, W/32), and what the semantic branch has at 1/4 ... 1/32."""

    def __init__(self, in_channels: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        layers, before = [], in_channels
        for width, count in _DETAIL:
            for index in range(count):
                layers.append(convolution(before, width, kernel=3, stride=1 if index else 2, activation=activation))
                before = width
        self.detail = nn.Sequential(*layers)
        stages: list[nn.Module] = [_Stem(in_channels, activation=activation)]
        before = _STEM
        for width, count in _SEMANTIC:
            blocks: list[nn.Module] = [_Down(before, width, activation=activation)]
            blocks += [_Block(width, activation=activation) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            before = width
        self.stages = nn.ModuleList(stages)
        self.context = _ContextEmbedding(before, activation=activation)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        features, stages = image, []
        for stage in self.stages:
            features = stage(features)
            stages.append(features)
        return self.detail(image), self.context(features), stages


class _Stem(nn.Module):
    """A quarter of the size, convolved beside pooled (figure 4a): (B, 16, H/4, W/4)."""

    def __init__(self, in_channels: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.first = convolution(in_channels, _STEM, kernel=3, stride=2, activation=activation)
        self.convolved = nn.Sequential(
            convolution(_STEM, _STEM // 2, kernel=1, activation=activation),
            convolution(_STEM // 2, _STEM, kernel=3, stride=2, activation=activation),
        )
        self.pooled = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.joined = convolution(2 * _STEM, _STEM, kernel=3, activation=activation)

    def forward(self, image: Tensor) -> Tensor:
        features = self.first(image)
        return self.joined(torch.cat([self.convolved(features), self.pooled(features)], dim=1))


class _Block(nn.Module):
    """The gather-and-expansion layer (figure 5b)."""

    def __init__(self, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        inner = _EXPANSION * width
        self.layers = nn.Sequential(
            convolution(width, width, kernel=3, activation=activation),
            convolution(width, inner, kernel=3, groups=width, activation=activation),
            convolution(inner, width, kernel=1, activation=None),
        )
        self.activation = activation()

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(features + self.layers(features))


class _Down(nn.Module):
    """The same at half the size (figure 5c): two depth-wise convolutions in place of a 5x5, and a shortcut."""

    def __init__(self, before: int, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        inner = _EXPANSION * before
        self.layers = nn.Sequential(
            convolution(before, before, kernel=3, activation=activation),
            convolution(before, inner, kernel=3, stride=2, groups=before, activation=None),
            convolution(inner, inner, kernel=3, groups=inner, activation=activation),
            convolution(inner, width, kernel=1, activation=None),
        )
        self.shortcut = nn.Sequential(
            convolution(before, before, kernel=3, stride=2, groups=before, activation=None),
            convolution(before, width, kernel=1, activation=None),
        )
        self.activation = activation()

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(self.shortcut(features) + self.layers(features))


class _ContextEmbedding(nn.Module):
    """Features plus what their mean says, convolved (figure 4b)."""

    def __init__(self, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.whole = nn.Sequential(nn.BatchNorm2d(width), convolution(width, width, kernel=1, activation=activation))
        self.joined = convolution(width, width, kernel=3, activation=activation)

    def forward(self, features: Tensor) -> Tensor:
        whole = self.whole(features.mean(dim=(2, 3), keepdim=True))  # (B, width, 1, 1)
        return self.joined(features + whole)


class _GuidedAggregation(nn.Module):
    """Both branches, each weighed by the other at its own scale (figure 6): (B, width, H/8, W/8)."""

    def __init__(self, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.detail_kept = _depthwise_pointwise(width)
        self.detail_shrunk = nn.Sequential(
            convolution(width, width, kernel=3, stride=2, activation=None),
            nn.AvgPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.semantic_kept = _depthwise_pointwise(width)
        self.semantic_raised = convolution(width, width, kernel=3, activation=None)
        self.joined = convolution(width, width, kernel=3, activation=activation)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        raised = partial(F.interpolate, size=detail.shape[-2:], mode="bilinear", align_corners=False)
        fine = self.detail_kept(detail) * raised(self.semantic_raised(semantic)).sigmoid()  # (B, width, H/8, W/8)
        coarse = self.detail_shrunk(detail) * self.semantic_kept(semantic).sigmoid()  # (B, width, H/32, W/32)
        return self.joined(fine + raised(coarse))


def _depthwise_pointwise(width: int) -> nn.Sequential:
    return nn.Sequential(
        convolution(width, width, kernel=3, groups=width, activation=None),
        nn.Conv2d(width, width, kernel_size=1, bias=False),
    )


def _head(before: int, width: int, *, classes: int, dropout: float, activation: ActivationFactory) -> nn.Sequential:
    return nn.Sequential(
        convolution(before, width, kernel=3, activation=activation),
        nn.Dropout(dropout),
        nn.Conv2d(width, classes, kernel_size=1),
    )
