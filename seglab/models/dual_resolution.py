"""What DDRNet is built of, and PIDNet after it: stem, residual blocks, context from several distances, head.

Source: Hong, Pan, Sun, Jia 2021, arXiv 2101.06085, section 3 and figures 4 and 5; the authors' ydhongHIT/DDRNet,
segmentation/DDRNet_23_slim.py. XuJiacong/PIDNet, models/model_utils.py, has the same blocks.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory
from seglab.models.convolution import convolution

_WINDOWS = ((5, 2), (9, 4), (17, 8))  # height and width of what is averaged, and its stride


class Residual(nn.Module):
    """`last` of the layers' output plus the shortcut's."""

    def __init__(self, layers: nn.Module, shortcut: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut
        self.last = last

    def forward(self, features: Tensor) -> Tensor:
        return self.last(self.layers(features) + self.shortcut(features))


class Scales(nn.Module):
    """Features (B, C, h, w) as five maps (B, width, h, w): themselves, means over 5, 9 and 17 positions, that over all.

    Raises:
        ValueError: from BatchNorm, in training, for a batch of one image: the mean over all is one value of each map.
    """

    def __init__(self, in_channels: int, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.own = preactivated(in_channels, width, kernel=1, activation=activation)
        self.around = nn.ModuleList(
            nn.Sequential(
                nn.AvgPool2d(window, stride=stride, padding=window // 2),
                preactivated(in_channels, width, kernel=1, activation=activation),
            )
            for window, stride in _WINDOWS
        )
        self.whole = preactivated(in_channels, width, kernel=1, activation=activation)

    def forward(self, features: Tensor) -> list[Tensor]:
        own = self.own(features)
        around = [raised(means(features), like=own) for means in self.around]
        whole = self.whole(features.mean(dim=(2, 3), keepdim=True))  # (B, width, 1, 1)
        return [own, *around, whole.expand_as(own)]


def stem(in_channels: int, width: int, *, activation: ActivationFactory) -> nn.Sequential:
    """A quarter of the size; with biases, as in the authors' code."""
    layers: list[nn.Module] = []
    for before in (in_channels, width):
        layers += [
            nn.Conv2d(before, width, kernel_size=3, stride=2, padding=1),
            nn.BatchNorm2d(width),
            activation(),
        ]
    return nn.Sequential(*layers)


def basic_blocks(
    in_channels: int, width: int, *, blocks: int, activation: ActivationFactory, stride: int = 1
) -> nn.Sequential:
    """Residual blocks of two 3x3 convolutions; what follows has to activate the output of the last."""
    stages: list[nn.Module] = []
    before = in_channels
    for index in range(blocks):
        step = 1 if index else stride
        layers = nn.Sequential(
            convolution(before, width, kernel=3, stride=step, activation=activation),
            convolution(width, width, kernel=3, activation=None),
        )
        last = nn.Identity() if index == blocks - 1 else activation()
        stages.append(Residual(layers, _shortcut(before, width, stride=step), last))
        before = width
    return nn.Sequential(*stages)


def bottlenecks(
    in_channels: int, width: int, *, blocks: int, activation: ActivationFactory, stride: int = 1
) -> nn.Sequential:
    """Residual blocks of a 1x1, a 3x3 and a 1x1 convolution, 2 * width maps, with no activation behind their sums."""
    stages: list[nn.Module] = []
    before = in_channels
    for index in range(blocks):
        step = 1 if index else stride
        layers = nn.Sequential(
            convolution(before, width, kernel=1, activation=activation),
            convolution(width, width, kernel=3, stride=step, activation=activation),
            convolution(width, 2 * width, kernel=1, activation=None),
        )
        stages.append(Residual(layers, _shortcut(before, 2 * width, stride=step), nn.Identity()))
        before = 2 * width
    return nn.Sequential(*stages)


def head(in_channels: int, width: int, *, outputs: int, activation: ActivationFactory) -> nn.Sequential:
    """Logits of features that are not activated yet."""
    return nn.Sequential(
        preactivated(in_channels, width, kernel=3, activation=activation),
        nn.BatchNorm2d(width),
        activation(),
        nn.Conv2d(width, outputs, kernel_size=1),
    )


def preactivated(
    in_channels: int, width: int, *, kernel: int, activation: ActivationFactory, groups: int = 1
) -> nn.Sequential:
    """BatchNorm and an activation, then the convolution."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        activation(),
        nn.Conv2d(in_channels, width, kernel, padding=kernel // 2, groups=groups, bias=False),
    )


def raised(features: Tensor, *, like: Tensor) -> Tensor:
    """Features at the size of others, bilinear."""
    return F.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _shortcut(before: int, width: int, *, stride: int) -> nn.Module:
    if stride == 1 and before == width:
        return nn.Identity()
    return convolution(before, width, kernel=1, stride=stride, activation=None)
