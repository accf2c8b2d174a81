"""ERFNet: residual blocks of which every 3x3 convolution is a 3x1 and a 1x3.

Source: Romera, Alvarez, Bergasa, Arroyo 2018, IEEE Transactions on Intelligent Transportation Systems 19(1), sections
III-A and III-B, figure 2c and table I, and the authors' Eromera/erfnet_pytorch, train/erfnet.py. There the encoder is
trained first, with a 1x1 classifier of its own; here the whole network at once, and that classifier is left out.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise

_EPS = 1e-3  # of every BatchNorm
_WIDTHS = (16, 64, 128)  # at 1/2, 1/4 and 1/8 of the size
_BLOCKS = 5  # at 1/4
_DILATIONS = (2, 4, 8, 16) * 2  # of the blocks at 1/8


class ERFNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W), H and W multiples of 8; K is `classes`.

    `dropout` are the probabilities of the encoder's blocks at 1/4 and at 1/8 of the size; whole maps are dropped.

    Raises:
        SeglabError: as many channels as the first step has maps, which are those of the image and convolved ones.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        dropout: Sequence[float],
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        if in_channels >= fine:
            raise SeglabError(
                f"model.in_channels: expected fewer than the {fine} maps that ERFNet begins with; came {in_channels}; "
                "choose another network"
            )
        # In place is safe: it follows a convolution, BatchNorm or a sum, whose backward does not need their output.
        activation = activation or partial(nn.ReLU, inplace=True)
        block = partial(_Factorized, activation=activation)
        self.encoder = nn.Sequential(
            _Down(in_channels, fine, activation=activation),
            _Down(fine, middle, activation=activation),
            *(block(middle, dilation=1, dropout=dropout[0]) for _ in range(_BLOCKS)),
            _Down(middle, coarse, activation=activation),
            *(block(coarse, dilation=dilation, dropout=dropout[1]) for dilation in _DILATIONS),
        )
        self.decoder = nn.Sequential(
            *_up(coarse, middle, activation=activation),
            *(block(middle, dilation=1, dropout=0.0) for _ in range(2)),
            *_up(middle, fine, activation=activation),
            *(block(fine, dilation=1, dropout=0.0) for _ in range(2)),
        )
        self.head = nn.ConvTranspose2d(fine, classes, kernel_size=2, stride=2)
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        features = self.encoder(image)  # (B, 128, H/8, W/8)
        features = self.decoder(features)  # (B, 16, H/2, W/2)
        return self.head(features)  # (B, K, H, W)


class _Down(nn.Module):
    """Half the size: convolved maps beside the pooled ones."""

    def __init__(self, in_channels: int, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, width - in_channels, kernel_size=3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.behind = nn.Sequential(nn.BatchNorm2d(width, eps=_EPS), activation())

    def forward(self, features: Tensor) -> Tensor:
        return self.behind(torch.cat([self.convolution(features), self.pool(features)], dim=1))


class _Factorized(nn.Module):
    """The paper's non-bottleneck-1D: two 3x3 convolutions, the second dilated, each as a 3x1 and a 1x3."""

    def __init__(self, width: int, *, dilation: int, dropout: float, activation: ActivationFactory) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for rate in (1, dilation):
            layers += [
                nn.Conv2d(width, width, kernel_size=(3, 1), padding=(rate, 0), dilation=(rate, 1)),
                activation(),
                nn.Conv2d(width, width, kernel_size=(1, 3), padding=(0, rate), dilation=(1, rate)),
                nn.BatchNorm2d(width, eps=_EPS),
                activation(),
            ]
        self.layers = nn.Sequential(*layers[:-1], nn.Dropout2d(dropout))
        self.activation = layers[-1]

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(features + self.layers(features))


def _up(in_channels: int, width: int, *, activation: ActivationFactory) -> tuple[nn.Module, ...]:
    """Twice the size."""
    return (
        nn.ConvTranspose2d(in_channels, width, kernel_size=3, stride=2, padding=1, output_padding=1),
        nn.BatchNorm2d(width, eps=_EPS),
        activation(),
    )
