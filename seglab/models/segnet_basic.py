"""SegNet-Basic, and FCN-Basic, which differs from it in the decoder alone: the SegNet paper's study of decoders.

Source: Badrinarayanan et al. 2017, arXiv 1511.00561v3 (TPAMI), section 3.1, figure 3 and table 1; of SegNet-Basic also
the released alexgkendall/SegNet-Tutorial, Models/segnet_basic_train.prototxt. The other variants were never released
there. Their sizes decide where the text leaves a choice; in millions, with CamVid's 11 classes:

    variant                              paper    here
    Bilinear-Interpolation               0.625   0.613   FCNBasic, learnt=False, addition=False
    SegNet-Basic                         1.425   1.416   SegNetBasic
    SegNet-Basic-EncoderAddition         1.425   1.416   SegNetBasic, encoder_addition=True
    SegNet-Basic-SingleChannelDecoder    0.625   0.626   SegNetBasic, single_channel=True
    FCN-Basic                            0.65    0.646   FCNBasic
    FCN-Basic-NoAddition                 0.65    0.644   FCNBasic, addition=False
    FCN-Basic-NoDimReduction             1.625   1.662   FCNBasic, dim_reduction=False
    FCN-Basic-NoAddition-NoDimReduction  1.625   1.662   FCNBasic, addition=False, dim_reduction=False
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise
from seglab.models.unpooling import pool, unpool

_STAGES = 4
_FIRST_WITH_DROPOUT = 2  # the third stage, counted from the image
_KERNEL = 7
_UP_KERNEL, _UP_PADDING = 8, 3  # with a stride of 2: exactly twice the size


class SegNetBasic(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    Four encoders (7x7 convolution to `width` maps, BatchNorm, activation, pooling) and four decoders (un-pooling, 7x7
    convolution, BatchNorm, no activation), then a 1x1 classifier. The published width is 64. `bias` concerns the 7x7
    convolutions: the release has one, the paper none. `dropout` is the probability at the four places of Bayesian
    SegNet-Basic (bayesian_segnet_basic_train.prototxt): behind poolings 3 and 4, at the end of decoders 4 and 3.

    `lrn` is the release's local response normalisation, made for pixels of 0..255: images with mean 0 and variance
    1 it hardly changes (by 0.00005). `single_channel` convolves every un-pooled map on its own. `encoder_addition` adds
    the pooled maps of an encoder to the output of the decoder that has their size. The paper says "at each layer",
    and counts pooled maps (table 1, figure 3); nothing pooled is as large as the image, so that the last decoder's
    output has nothing added.

    Raises:
        ValueError: from BatchNorm, in training, when a batch of one image is at most 8 pixels wide and high.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        width: int,
        single_channel: bool,
        encoder_addition: bool,
        bias: bool,
        lrn: bool,
        dropout: float | None,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe here: the activation follows BatchNorm, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        self.encoder = _Encoder(in_channels, width=width, bias=bias, lrn=lrn, dropout=dropout, activation=activation)
        groups = width if single_channel else 1
        self.decoder = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, kernel_size=_KERNEL, padding=_KERNEL // 2, groups=groups, bias=bias),
                nn.BatchNorm2d(width),
                _dropout(dropout, stage=stage),
            )
            for stage in reversed(range(_STAGES))
        )
        self.head = nn.Conv2d(width, classes, kernel_size=1)
        self.encoder_addition = encoder_addition
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        pooled = self.encoder(image)
        features = pooled[-1].features
        for level, block in zip(reversed(range(_STAGES)), self.decoder, strict=True):
            features = block(unpool(features, pooled[level].places, size=pooled[level].size))
            if self.encoder_addition and level > 0:
                features = features + pooled[level - 1].features
        return self.head(features)  # (B, K, H, W)


class FCNBasic(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size: SegNet-Basic's encoder, FCN's decoder.

    Every decoder doubles the size by a transposed 8x8 convolution between all its maps; it begins as bilinear
    interpolation of each. `addition` adds the pooled maps of the encoder before each of them, the deepest being the
    first one's input. `dim_reduction` has 1x1 convolutions reduce what comes from the encoder to K maps, so that the
    last decoder's output is the logits; without it there are `width` maps, and a 1x1 classifier behind them.
    `learnt=False` interpolates for good: with K maps and without addition, the paper's Bilinear-Interpolation.

    What the paper leaves open: it has BatchNorm after each convolution of SegNet-Basic, and does not say whether these
    decoders have any. Here BatchNorm follows each learnt up-sampling: without it three of the four variants diverged
    within ten steps at the paper's learning rate of 0.1. For Bilinear-Interpolation it says nothing of reduction or
    addition; that took as long as FCN-Basic (24.2 ms), half of what `width` maps took, and stored no encoder maps.
    Caffe's bilinear 8x8 kernel is meant for a stride of 4 and would make maps 4 times as strong at each step; here the
    weights for a stride of 2 stand in the middle of the kernel. Other arguments: see SegNetBasic.

    Raises:
        ValueError: as SegNetBasic.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        width: int,
        dim_reduction: bool,
        addition: bool,
        learnt: bool,
        bias: bool,
        lrn: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        activation = activation or partial(nn.ReLU, inplace=True)  # in place: see SegNetBasic
        self.encoder = _Encoder(in_channels, width=width, bias=bias, lrn=lrn, dropout=None, activation=activation)
        self.decoder = nn.ModuleList(
            _UpSampling(
                width,
                classes if dim_reduction else width,
                reduces=dim_reduction,
                adds=addition or level == _STAGES - 1,
                learnt=learnt,
            )
            for level in reversed(range(_STAGES))
        )
        self.head = nn.Identity() if dim_reduction else nn.Conv2d(width, classes, kernel_size=1)
        initialise(self, gain=kaiming_gain(activation))
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                module.weight.data.copy_(_bilinear_weights(module.in_channels))

    def forward(self, image: Tensor) -> Tensor:
        features = None
        for block, pooled in zip(self.decoder, reversed(self.encoder(image)), strict=True):
            features = block(features, pooled.features)  # (B, K or width, 2 * ceil(h/2), 2 * ceil(w/2))
            features = features[..., : pooled.size[0], : pooled.size[1]]
        return self.head(features)  # (B, K, H, W)


class _UpSampling(nn.Module):
    """What comes from below, plus what the encoder has of that size, at twice the size."""

    def __init__(self, in_channels: int, width: int, *, reduces: bool, adds: bool, learnt: bool) -> None:
        super().__init__()
        self.adds = adds
        # none where nothing is added: a parameter without a gradient stops training on several devices
        self.reduction = nn.Conv2d(in_channels, width, kernel_size=1, bias=False) if reduces and adds else nn.Identity()
        self.up: nn.Module = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        if learnt:
            convolution = nn.ConvTranspose2d(width, width, _UP_KERNEL, stride=2, padding=_UP_PADDING, bias=False)
            self.up = nn.Sequential(convolution, nn.BatchNorm2d(width))

    def forward(self, features: Tensor | None, pooled: Tensor) -> Tensor:
        if self.adds:
            reduced = self.reduction(pooled)
            features = reduced if features is None else features + reduced
        return self.up(features)


class _Pooled(NamedTuple):
    features: Tensor  # (B, width, ceil(h/2), ceil(w/2))
    places: Tensor  # of the maxima, the same shape
    size: torch.Size  # (h, w), before pooling


class _Encoder(nn.Module):
    """The pooled maps of the four stages, the largest first."""

    def __init__(
        self,
        in_channels: int,
        *,
        width: int,
        bias: bool,
        lrn: bool,
        dropout: float | None,
        activation: ActivationFactory,
    ) -> None:
        super().__init__()
        # Caffe's LRN, too, divides alpha by the size
        self.normalisation = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0) if lrn else nn.Identity()
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, width, kernel_size=_KERNEL, padding=_KERNEL // 2, bias=bias),
                nn.BatchNorm2d(width),
                activation(),
            )
            for before in (in_channels, width, width, width)
        )
        self.dropouts = nn.ModuleList(_dropout(dropout, stage=stage) for stage in range(_STAGES))

    def forward(self, image: Tensor) -> list[_Pooled]:
        features, pooled = self.normalisation(image), []
        for stage, dropout in zip(self.stages, self.dropouts, strict=True):
            features = stage(features)
            size = features.shape[-2:]
            features, places = pool(features)
            features = dropout(features)
            pooled.append(_Pooled(features, places, size))
        return pooled


def _dropout(rate: float | None, *, stage: int) -> nn.Module:
    return nn.Identity() if rate is None or stage < _FIRST_WITH_DROPOUT else nn.Dropout(rate)


def _bilinear_weights(channels: int) -> Tensor:
    """(channels, channels, 8, 8): each map to itself, interpolated to twice its size as with align_corners=False."""
    line = torch.zeros(_UP_KERNEL)
    line[2:6] = torch.tensor([0.25, 0.75, 0.75, 0.25])
    return torch.eye(channels)[:, :, None, None] * torch.outer(line, line)
