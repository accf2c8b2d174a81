"""The padded U-Net with BatchNorm, what most people mean by "U-Net" today, and its relatives by arguments.

Source: Ronneberger et al. 2015, arXiv 1505.04597, figure 1 and section 3. Two changes that nearly every later use
makes: the 3x3 convolutions are padded, so that the logits are as large as the image, and BatchNorm precedes each
activation. Which configuration is which network:

- conf/model/unet.yaml: that network; of its relatives, the ones named unet_* add one module to it:
  unet_cbam and unet_spatial_attention behind every step, unet_attention_gates on the skips, unet_self_attention,
  unet_aspp and unet_ppm at the lowest resolution. unet_original.yaml is another class (unet_original.py).
- conf/model/encoder_decoder.yaml: a plain CNN, the same without skips (`skip: none`, three poolings).
- conf/model/u_lite.yaml: three poolings and nearest up-sampling, which has no weights.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise


class FeatureModuleFactory(Protocol):
    """Makes a module that maps features (B, channels, h, w) to as many channels of the same size."""

    def __call__(self, channels: int, *, activation: ActivationFactory) -> nn.Module: ...


class GateFactory(Protocol):
    """Makes a module that maps (skip, features), of `channels` and `gating_channels`, to a skip of the same shape."""

    def __call__(self, channels: int, *, gating_channels: int, activation: ActivationFactory) -> nn.Module: ...


class UNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W); K is `classes`.

    `depth` poolings lead from width `base` to `base * 2**depth` and back; the paper's are 64 and 4. `bridge` is another
    width for the lowest step, None the doubled one. A step has `convs_per_step` 3x3 convolutions, each with BatchNorm
    and an activation. `bias` concerns these, where BatchNorm makes it redundant; up-sampling and head always have
    theirs.

    `up` is `transposed` (the paper's 2x2 up-convolution), `bilinear` (1x1 convolution, then interpolation), or
    `nearest`: no weights, and all channels enter the next step. `skip` joins the encoder's map to the up-sampled one
    by `concat` or `add`; `none` leaves it out, with the decoder otherwise as it was.

    `block_attention` makes a module for the end of every step, `skip_attention` a gate for every skip, `bottleneck` a
    module behind the lowest step, which draws its own initial weights; None leaves each out (see attention.py,
    context.py). `activation` makes one module for each place, those included; None is ReLU.

    H, W are any size from 2**depth on. Where a pooling floored an odd size, the up-sampled map ends in a zero row or
    column, as in milesial/Pytorch-UNet.

    Raises:
        SeglabError: `up` or `skip` is none of these, or the two, or `skip` and `skip_attention`, do not go together;
            an option is something else than a factory.
        ValueError: from BatchNorm, in training, when a batch of one image is only 2**depth pixels large.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        base: int,
        depth: int,
        bridge: int | None,
        convs_per_step: int,
        skip: Literal["concat", "add", "none"],
        up: Literal["transposed", "bilinear", "nearest"],
        bias: bool,
        block_attention: FeatureModuleFactory | None,
        skip_attention: GateFactory | None,
        bottleneck: FeatureModuleFactory | None,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        _check_joints(skip=skip, up=up, gated=skip_attention is not None)
        _check_factories(block_attention=block_attention, skip_attention=skip_attention, bottleneck=bottleneck)
        # In place is safe here: the activation follows BatchNorm, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        step = partial(_step, convolutions=convs_per_step, bias=bias, activation=activation, attention=block_attention)
        gate = None if skip_attention is None else partial(skip_attention, activation=activation)
        widths = [base * 2**level for level in range(depth)]  # 64, 128, 256, 512 in the paper
        lowest = base * 2**depth if bridge is None else bridge  # 1024
        self.encoder = nn.ModuleList(_steps(step, [in_channels, *widths, lowest]))
        self.bottleneck = nn.Identity() if bottleneck is None else bottleneck(lowest, activation=activation)
        self.decoder = nn.ModuleList(
            _UpBlock(below, width, step=step, skip=skip, up=up, gate=gate)
            for width, below in zip(reversed(widths), reversed([*widths[1:], lowest]), strict=True)
        )
        self.head = nn.Conv2d(base, classes, kernel_size=1)
        for part in (self.encoder, self.decoder, self.head):
            initialise(part, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        features, skips = image, []
        for level, convolutions in enumerate(self.encoder):
            if level > 0:
                features = F.max_pool2d(features, kernel_size=2)
            features = convolutions(features)  # (B, base * 2**level, H / 2**level, W / 2**level)
            skips.append(features)
        features = self.bottleneck(skips.pop())  # (B, base * 2**depth, H / 2**depth, W / 2**depth), or `bridge` wide
        for block in self.decoder:
            features = block(features, skips.pop())  # twice the size, half the channels
        return self.head(features)  # (B, K, H, W)


class _Step(Protocol):
    def __call__(self, in_channels: int, width: int) -> nn.Module: ...


class _Gate(Protocol):
    def __call__(self, channels: int, *, gating_channels: int) -> nn.Module: ...


class _UpBlock(nn.Module):
    """Up-sample to the skip's size, join the skip, convolve."""

    def __init__(self, in_channels: int, width: int, *, step: _Step, skip: str, up: str, gate: _Gate | None) -> None:
        super().__init__()
        self.skip = skip
        self.up = _up_sampling(in_channels, width, up=up)
        raised = in_channels if up == "nearest" else width  # channels of the up-sampled map
        self.gate = None if gate is None else gate(width, gating_channels=raised)
        self.convolutions = step(width + raised if skip == "concat" else raised, width)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        features = self.up(features)  # (B, raised, 2h, 2w)
        rows, columns = skip.shape[-2] - features.shape[-2], skip.shape[-1] - features.shape[-1]  # 0 or 1 each
        if rows or columns:
            features = F.pad(features, (0, columns, 0, rows))
        if self.gate is not None:
            skip = self.gate(skip, features)
        if self.skip == "concat":
            features = torch.cat([skip, features], dim=1)
        elif self.skip == "add":
            features = skip + features
        return self.convolutions(features)  # (B, width, H, W)


def _steps(step: _Step, widths: Sequence[int]) -> list[nn.Module]:
    return [step(before, width) for before, width in pairwise(widths)]


def _step(
    in_channels: int,
    width: int,
    *,
    convolutions: int,
    bias: bool,
    activation: ActivationFactory,
    attention: FeatureModuleFactory | None,
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(convolutions):
        layers += [
            nn.Conv2d(in_channels if number == 0 else width, width, kernel_size=3, padding=1, bias=bias),
            nn.BatchNorm2d(width),
            activation(),
        ]
    if attention is not None:
        layers.append(attention(width, activation=activation))
    return nn.Sequential(*layers)


def _up_sampling(in_channels: int, width: int, *, up: str) -> nn.Module:
    if up == "transposed":
        return nn.ConvTranspose2d(in_channels, width, kernel_size=2, stride=2)
    if up == "nearest":
        return nn.Upsample(scale_factor=2, mode="nearest")
    # Interpolation and a 1x1 convolution commute; this order costs a quarter. align_corners=False makes the result
    # independent of the map's size (milesial/Pytorch-UNet has True, and lets the first 3x3 reduce the channels).
    return nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=1),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
    )


def _check_joints(*, skip: str, up: str, gated: bool) -> None:
    if up not in ("transposed", "bilinear", "nearest"):
        raise SeglabError(f"model.up: expected transposed, bilinear or nearest; came {up!r}; choose one of the three")
    if skip not in ("concat", "add", "none"):
        raise SeglabError(f"model.skip: expected concat, add or none; came {skip!r}; choose one of the three")
    if skip == "add" and up == "nearest":
        raise SeglabError(
            "model.skip=add: expected an up-sampled map as wide as the skip; came model.up=nearest, which keeps all "
            "channels; choose model.up=transposed or bilinear, or model.skip=concat"
        )
    if skip == "none" and gated:
        raise SeglabError(
            "model.skip_attention: expected skips to gate; came model.skip=none; "
            "choose model.skip=concat or add, or model.skip_attention=null"
        )


def _check_factories(*, block_attention: object, skip_attention: object, bottleneck: object) -> None:
    options = {"block_attention": block_attention, "skip_attention": skip_attention, "bottleneck": bottleneck}
    for key, option in options.items():
        if option is not None and not callable(option):
            raise SeglabError(
                f"model.{key}: expected null or a class, as _target_ with _partial_: true; came {option!r}; "
                "choose one of model=unet_cbam, unet_attention_gates, unet_aspp, ... or write it as they do"
            )
