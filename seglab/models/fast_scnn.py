"""Fast-SCNN: a shallow and a deep path that share their first three convolutions.

Source: Poudel, Liwicki, Cipolla 2019, arXiv 1902.04502, section 3, figure 1 and tables 1 to 3; the auxiliary losses of
section 4. The authors released no code. What the text leaves open is as in open-mmlab/mmsegmentation (widths of the
auxiliary heads) and Tramac/Fast-SCNN-pytorch (dropout), which both leave out the dilation of table 3.
"""

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.convolution import convolution
from seglab.models.initialise import initialise

_DOWN = (32, 48, 64)  # maps at 1/2, 1/4 and 1/8 of the size
_DEEP = ((64, 2), (96, 2), (128, 1))  # maps and stride of the three groups of bottlenecks
_BOTTLENECKS = 3  # in each group
_EXPANSION = 6
_RAISED = 4  # times the size, to join the shallow path: X in table 3
_BINS = (1, 2, 3, 6)  # of the pyramid's grids
_AUXILIARY = 32


class FastSCNN(nn.Module):
    """Logits (B, K, H/8, W/8) of images (B, in_channels, H, W), H and W multiples of 32; K is `classes`.

    In training, with `auxiliary`, also of two heads: `shallow` (B, K, H/8, W/8), `deep` (B, K, H/32, W/32). `dropout`
    stands before the last convolution of each head. `activation` makes one module for each place; None is ReLU.

    Raises:
        ValueError: from BatchNorm, in training, for a batch of one image: the pyramid pools it to one value.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        dropout: float,
        auxiliary: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe: it follows BatchNorm or a sum, whose backward does not need their output.
        activation = activation or partial(nn.ReLU, inplace=True)
        shallow, deep = _DOWN[-1], _DEEP[-1][0]
        self.encoder = _Encoder(in_channels, activation=activation)
        self.fusion = _Fusion(shallow, deep, activation=activation)
        self.head = nn.Sequential(
            *(_separable(deep, deep, stride=1, activation=activation) for _ in range(2)),
            nn.Dropout(dropout),
            nn.Conv2d(deep, classes, kernel_size=1),
        )
        heads = {"shallow": shallow, "deep": deep} if auxiliary else {}
        self.auxiliary = nn.ModuleDict(
            {
                name: nn.Sequential(
                    convolution(width, _AUXILIARY, kernel=3, activation=activation),
                    nn.Dropout(dropout),
                    nn.Conv2d(_AUXILIARY, classes, kernel_size=1),
                )
                for name, width in heads.items()
            }
        )
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        features = self.encoder(image)
        logits = self.head(self.fusion(features["shallow"], features["deep"]))  # (B, K, H/8, W/8)
        if not self.training:
            return logits
        return WithAuxiliary(logits, {name: head(features[name]) for name, head in self.auxiliary.items()})


class _Encoder(nn.Module):
    """{"shallow": (B, 64, H/8, W/8), "deep": (B, 128, H/32, W/32)}: "learning to downsample", global features."""

    def __init__(self, in_channels: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.shallow = nn.Sequential(
            convolution(in_channels, _DOWN[0], kernel=3, stride=2, activation=activation),
            *(_separable(before, width, stride=2, activation=activation) for before, width in pairwise(_DOWN)),
        )
        blocks: list[nn.Module] = []
        before = _DOWN[-1]
        for width, stride in _DEEP:
            for index in range(_BOTTLENECKS):
                blocks.append(_Bottleneck(before, width, stride=1 if index else stride, activation=activation))
                before = width
        self.deep = nn.Sequential(*blocks, _Pyramid(before, activation=activation))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        shallow = self.shallow(image)
        return {"shallow": shallow, "deep": self.deep(shallow)}


class _Bottleneck(nn.Module):
    """MobileNetV2's inverted residual block (arXiv 1801.04381); the sum where the shapes are equal."""

    def __init__(self, before: int, width: int, *, stride: int, activation: ActivationFactory) -> None:
        super().__init__()
        inner = _EXPANSION * before
        self.adds = stride == 1 and before == width
        self.layers = nn.Sequential(
            convolution(before, inner, kernel=1, activation=activation),
            convolution(inner, inner, kernel=3, stride=stride, groups=inner, activation=activation),
            convolution(inner, width, kernel=1, activation=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features) if self.adds else self.layers(features)


class _Pyramid(nn.Module):
    """Features beside their means over grids, joined to as many maps (pyramid pooling, arXiv 1612.01105)."""

    def __init__(self, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        part = width // len(_BINS)
        self.grids = nn.ModuleList(convolution(width, part, kernel=1, activation=activation) for _ in _BINS)
        self.joined = convolution(width + part * len(_BINS), width, kernel=1, activation=activation)

    def forward(self, features: Tensor) -> Tensor:
        maps = [features]
        for bins, step in zip(_BINS, self.grids, strict=True):
            grid = step(F.adaptive_avg_pool2d(features, bins))  # (B, width / 4, bins, bins)
            maps.append(F.interpolate(grid, size=features.shape[-2:], mode="bilinear", align_corners=False))
        return self.joined(torch.cat(maps, dim=1))


class _Fusion(nn.Module):
    """The feature fusion module (table 3): (B, 128, H/8, W/8)."""

    def __init__(self, shallow: int, deep: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.shallow = convolution(shallow, deep, kernel=1, activation=None)
        self.deep = nn.Sequential(
            convolution(deep, deep, kernel=3, dilation=_RAISED, groups=deep, activation=activation),
            convolution(deep, deep, kernel=1, activation=None),
        )
        self.activation = activation()

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        raised = F.interpolate(deep, size=shallow.shape[-2:], mode="bilinear", align_corners=False)
        return self.activation(self.shallow(shallow) + self.deep(raised))


def _separable(before: int, width: int, *, stride: int, activation: ActivationFactory) -> nn.Sequential:
    """Depth-wise, then point-wise, without an activation between them (section 3.2.1)."""
    return nn.Sequential(
        convolution(before, before, kernel=3, stride=stride, groups=before, activation=None),
        convolution(before, width, kernel=1, activation=activation),
    )
