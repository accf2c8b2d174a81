"""ENet: a large encoder of narrow bottlenecks, a small decoder that un-pools with the encoder's indices.

Source: Paszke, Chaurasia, Kim, Culurciello 2016, arXiv 1606.02147, sections 3 and 4, figure 2 and table 1; where these
leave a choice, the authors' release (e-lab/ENet-training, train/models/encoder.lua and decoder.lua): an expansion is a
quarter of the block's output wide, dropout stands in the encoder alone. There the encoder is trained first, with a 1x1
classifier of its own; here the whole network at once, and that classifier is left out.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise
from seglab.models.unpooling import pool, unpool

_EPS = 1e-3  # of every BatchNorm
_WIDTHS = (16, 64, 128)  # at 1/2, 1/4 and 1/8 of the size
_NARROWER = 4  # how many times a block is narrower inside
_PAIR = 0  # in place of a dilation: a 1x5 convolution and a 5x1
_FINE = (1,) * 4  # dilations of the blocks at 1/4 of the size
_COARSE = (1, 2, _PAIR, 4, 1, 8, _PAIR, 16) * 2  # at 1/8: stages 2 and 3

_Activation = Callable[[int], nn.Module]  # of maps whose number it is told: PReLU has a slope for each


class ENet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W), H and W multiples of 8; K is `classes`.

    `dropout` are the probabilities of the encoder's blocks at 1/4 and at 1/8 of the size; whole maps are dropped.
    `activation` makes one module for each place; None is PReLU with a slope for each map in the encoder, ReLU in the
    decoder.

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
        if in_channels >= _WIDTHS[0]:
            raise SeglabError(
                f"model.in_channels: expected fewer than the {_WIDTHS[0]} maps that ENet begins with; came "
                f"{in_channels}; choose another network"
            )
        # In place is safe: it follows BatchNorm or a sum, whose backward does not need their output.
        behind = activation or partial(nn.ReLU, inplace=True)
        in_encoder, in_decoder = nn.PReLU if activation is None else _for_any_width(behind), _for_any_width(behind)
        self.encoder = _Encoder(in_channels, dropout=dropout, activation=in_encoder)
        fine, middle, coarse = _WIDTHS
        plain = partial(_Bottleneck, dilation=1, dropout=0.0, activation=in_decoder)
        self.ups = nn.ModuleList([_Up(coarse, middle, activation=in_decoder), _Up(middle, fine, activation=in_decoder)])
        self.behind_ups = nn.ModuleList([nn.Sequential(plain(middle), plain(middle)), plain(fine)])
        self.head = nn.ConvTranspose2d(fine, classes, kernel_size=2, stride=2)
        initialise(self.encoder, gain=kaiming_gain(activation or nn.PReLU))
        for part in (self.ups, self.behind_ups, self.head):
            initialise(part, gain=kaiming_gain(behind))

    def forward(self, image: Tensor) -> Tensor:
        features, pooled = self.encoder(image)  # (B, 128, H/8, W/8)
        for up, blocks in zip(self.ups, self.behind_ups, strict=True):
            features = blocks(up(features, pooled.pop()))  # (B, 64, H/4, W/4), then (B, 16, H/2, W/2)
        return self.head(features)  # (B, K, H, W)


class _Pooled(NamedTuple):
    places: Tensor  # of the maxima, (B, width, h/2, w/2)
    size: torch.Size  # (h, w), before pooling


class _Encoder(nn.Module):
    """Features (B, 128, H/8, W/8), and where the maxima of its two poolings stood, the larger maps first."""

    def __init__(self, in_channels: int, *, dropout: Sequence[float], activation: _Activation) -> None:
        super().__init__()
        first, fine, coarse = _WIDTHS
        block = partial(_Bottleneck, activation=activation)
        self.convolution = nn.Conv2d(in_channels, first - in_channels, kernel_size=3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.behind = nn.Sequential(nn.BatchNorm2d(first, eps=_EPS), activation(first))
        self.downs = nn.ModuleList(
            [
                _Down(first, fine, dropout=dropout[0], activation=activation),
                _Down(fine, coarse, dropout=dropout[1], activation=activation),
            ]
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(block(width, dilation=dilation, dropout=rate) for dilation in dilations))
            for width, dilations, rate in zip((fine, coarse), (_FINE, _COARSE), dropout, strict=True)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, list[_Pooled]]:
        features = torch.cat([self.convolution(image), self.pool(image)], dim=1)
        features, pooled = self.behind(features), []  # (B, 16, H/2, W/2)
        for down, stage in zip(self.downs, self.stages, strict=True):
            size = features.shape[-2:]
            features, places = down(features)
            features = stage(features)  # (B, 64, H/4, W/4), then (B, 128, H/8, W/8)
            pooled.append(_Pooled(places, size))
        return features, pooled


class _Bottleneck(nn.Module):
    def __init__(self, width: int, *, dilation: int, dropout: float, activation: _Activation) -> None:
        super().__init__()
        inner = width // _NARROWER
        first = nn.Conv2d(width, inner, kernel_size=1, bias=False)
        middle = _pair(inner) if dilation == _PAIR else nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation)
        self.extension = _extension(first, middle, width, dropout=dropout, activation=activation)
        self.activation = activation(width)

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(features + self.extension(features))


class _Down(nn.Module):
    """Half the size, beside it the places of the maxima; the pooled maps go on beside maps of zeros."""

    def __init__(self, before: int, width: int, *, dropout: float, activation: _Activation) -> None:
        super().__init__()
        self.more = width - before
        inner = width // _NARROWER
        first = nn.Conv2d(before, inner, kernel_size=2, stride=2, bias=False)
        middle = nn.Conv2d(inner, inner, kernel_size=3, padding=1)
        self.extension = _extension(first, middle, width, dropout=dropout, activation=activation)
        self.activation = activation(width)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        pooled, places = pool(features)
        main = F.pad(pooled, (0, 0, 0, 0, 0, self.more))  # (B, width, h/2, w/2)
        return self.activation(main + self.extension(features)), places


class _Up(nn.Module):
    """The size before the pooling: values go where its maxima stood."""

    def __init__(self, before: int, width: int, *, activation: _Activation) -> None:
        super().__init__()
        inner = width // _NARROWER
        first = nn.Conv2d(before, inner, kernel_size=1, bias=False)
        middle = nn.ConvTranspose2d(inner, inner, kernel_size=3, stride=2, padding=1, output_padding=1)
        self.extension = _extension(first, middle, width, dropout=0.0, activation=activation)
        self.main = nn.Sequential(nn.Conv2d(before, width, kernel_size=1, bias=False), nn.BatchNorm2d(width, eps=_EPS))
        self.activation = activation(width)

    def forward(self, features: Tensor, pooled: _Pooled) -> Tensor:
        main = unpool(self.main(features), pooled.places, size=pooled.size)  # (B, width, 2h, 2w)
        return self.activation(main + self.extension(features))


def _extension(
    first: nn.Conv2d, middle: nn.Module, width: int, *, dropout: float, activation: _Activation
) -> nn.Sequential:
    inner = first.out_channels
    return nn.Sequential(
        first,
        nn.BatchNorm2d(inner, eps=_EPS),
        activation(inner),
        middle,
        nn.BatchNorm2d(inner, eps=_EPS),
        activation(inner),
        nn.Conv2d(inner, width, kernel_size=1, bias=False),
        nn.BatchNorm2d(width, eps=_EPS),
        nn.Dropout2d(dropout),
    )


def _pair(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, kernel_size=(1, 5), padding=(0, 2), bias=False),
        nn.Conv2d(width, width, kernel_size=(5, 1), padding=(2, 0)),
    )


def _for_any_width(activation: ActivationFactory) -> _Activation:
    return lambda width: activation()
