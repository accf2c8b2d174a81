"""The "modern" U-Net: residual blocks with GroupNorm before each activation, self-attention at the lowest resolution.

Source: `Unet` of pdearena (Gupta and Brandstetter 2022, arXiv 2209.15616), which follows labml.ai's copy of the U-Net
of DDPM (Ho et al. 2020, arXiv 2006.11239), without its time embedding and dropout.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory


class ModernUNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    A 1x1 convolution leads to `hidden` channels. Each of `multipliers` stands for a level of `blocks` residual blocks
    and multiplies the width of the level before: (1, 1, 2, 2) of 32 are 32, 32, 64, 128. `groups` are those of the
    GroupNorms inside the blocks, `final_groups` those of the one behind the last. `activation` makes one module for
    each of the places, two a block and the last; None is GELU. Weights begin as PyTorch draws them, as in the source.

    What the sources disagree on:
    `down_kernel`: 3 (pdearena; maps of H / 2, rounded up) or 2, padded by 1 as well (maps of H // 2 + 1).
    `alignment`: `grid` cuts the up-sampled map to the part that lies on the skip's pixels. `centre` is a later copy's
    way: the skip is padded (or cut) around its centre to the size of the up-sampled map, and the logits are cut at the
    end; with `down_kernel` 2 the skips of the upper levels then lie one pixel off. Both do nothing where H and W are
    multiples of 2**(levels - 1) and `down_kernel` is 3.
    `attention`: the softmax runs over the keys, as attention is defined, or over the queries, as in pdearena, or there
    is none. Over the queries a pixel's weights do not sum to 1, and the N x N matrix of N pixels is held in memory.
    `attention_norm`: whether a GroupNorm precedes the attention, as in DDPM. pdearena creates one and never applies
    it. Such parameters get no gradient, which DistributedDataParallel refuses; False therefore has none at all, 2 *
    (lowest width) parameters fewer than the published counts.

    Raises:
        SeglabError: an option is none of its values, or the groups do not divide `hidden`.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        hidden: int,
        multipliers: Sequence[int],
        blocks: int,
        groups: int,
        final_groups: int,
        down_kernel: Literal[2, 3],
        alignment: Literal["grid", "centre"],
        attention: Literal["key", "query", "none"],
        attention_norm: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        _check("down_kernel", down_kernel, (2, 3))
        _check("alignment", alignment, ("grid", "centre"))
        _check("attention", attention, ("key", "query", "none"))
        if hidden % groups or hidden % final_groups:
            raise SeglabError(
                f"model.hidden: expected a multiple of groups ({groups}) and of final_groups ({final_groups}); came "
                f"{hidden}; change one of the three"
            )
        activation = activation or nn.GELU
        widths = [hidden]  # of the stem, then of each level
        for multiplier in multipliers:
            widths.append(widths[-1] * multiplier)
        middle: nn.Module = nn.Identity()
        if attention != "none":
            norm = nn.GroupNorm(groups, widths[-1]) if attention_norm else nn.Identity()
            middle = _Attention(widths[-1], norm=norm, softmax=attention)
        self.encoder = _Encoder(
            in_channels,
            widths=widths,
            blocks=blocks,
            groups=groups,
            down_kernel=down_kernel,
            middle=middle,
            activation=activation,
        )
        self.decoder = _Decoder(
            widths,
            blocks=blocks,
            groups=groups,
            # Where the skip's first pixel lies on the up-sampled map: a cell of kernel 2 is centred half a pixel before
            # pixel 2i of the map that it was made of, one of kernel 3 on it; the transposed convolution puts it half a
            # pixel behind 2i.
            first=3 - down_kernel if alignment == "grid" else None,
            activation=activation,
        )
        self.head = nn.Sequential(
            nn.GroupNorm(final_groups, hidden),
            activation(),
            nn.Conv2d(hidden, hidden, kernel_size=3, padding=1),
            nn.Conv2d(hidden, classes, kernel_size=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        features, skips = self.encoder(image)
        logits = self.head(self.decoder(features, skips))
        return _centred(logits, image)  # (B, K, H, W)


class _Encoder(nn.Module):
    """The lowest features (B, widths[-1], h, w) and the skips: what went into each level and came out of each block."""

    def __init__(
        self,
        in_channels: int,
        *,
        widths: Sequence[int],
        blocks: int,
        groups: int,
        down_kernel: int,
        middle: nn.Module,
        activation: ActivationFactory,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, widths[0], kernel_size=1)
        self.levels = nn.ModuleList(
            nn.ModuleList(
                _Residual(before if block == 0 else width, width, groups=groups, activation=activation)
                for block in range(blocks)
            )
            for before, width in pairwise(widths)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(width, width, kernel_size=down_kernel, stride=2, padding=1) for width in widths[1:-1]
        )
        self.middle = nn.Sequential(
            _Residual(widths[-1], widths[-1], groups=groups, activation=activation),
            middle,
            _Residual(widths[-1], widths[-1], groups=groups, activation=activation),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.stem(image)
        skips = [features]
        for level, residuals in enumerate(self.levels):
            if level > 0:
                features = self.downs[level - 1](features)
                skips.append(features)
            for residual in residuals:  # type: ignore[attr-defined]  # a ModuleList, torch says Module
                features = residual(features)  # (B, widths[level + 1], H / 2**level, W / 2**level)
                skips.append(features)
        return self.middle(features), skips


class _Decoder(nn.Module):
    """Features (B, widths[0], H, W), somewhat larger where `first` is None, of those of the encoder.

    `first` is the row and column of an up-sampled map on which the skip's first pixel lies; None centres the skip.
    """

    def __init__(
        self, widths: Sequence[int], *, blocks: int, groups: int, first: int | None, activation: ActivationFactory
    ) -> None:
        super().__init__()
        self.first = first
        levels = list(pairwise(reversed(widths)))  # (of the level, of the one above)
        self.levels = nn.ModuleList(
            nn.ModuleList(
                _Residual(width + skip, skip, groups=groups, activation=activation)
                for skip in [width] * blocks + [above]
            )
            for width, above in levels
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(above, above, kernel_size=4, stride=2, padding=1) for _, above in levels[:-1]
        )

    def forward(self, features: Tensor, skips: list[Tensor]) -> Tensor:
        waiting = list(skips)
        for level, residuals in enumerate(self.levels):
            if level > 0:
                features = self.ups[level - 1](features)
                if self.first is not None:
                    rows, columns = waiting[-1].shape[-2:]
                    features = features[..., self.first :, self.first :][..., :rows, :columns]
            for residual in residuals:  # type: ignore[attr-defined]  # a ModuleList, torch says Module
                features = residual(torch.cat([features, _centred(waiting.pop(), features)], dim=1))
        return features


class _Residual(nn.Module):
    """Twice norm, activation, 3x3 convolution, and the input added, through a 1x1 convolution where widths differ."""

    def __init__(self, in_channels: int, width: int, *, groups: int, activation: ActivationFactory) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.GroupNorm(groups, in_channels),
            activation(),
            nn.Conv2d(in_channels, width, kernel_size=3, padding=1),
            nn.GroupNorm(groups, width),
            activation(),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
        )
        self.shortcut = nn.Identity() if in_channels == width else nn.Conv2d(in_channels, width, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.convolutions(features) + self.shortcut(features)


class _Attention(nn.Module):
    """Features (B, C, h, w) plus what each pixel gathers from all N = h * w of them; one head of C channels."""

    def __init__(self, width: int, *, norm: nn.Module, softmax: Literal["key", "query"]) -> None:
        super().__init__()
        self.norm = norm
        self.projection = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.softmax = softmax

    def forward(self, features: Tensor) -> Tensor:
        pixels = self.norm(features).flatten(2).transpose(1, 2)  # (B, N, C)
        query, key, value = self.projection(pixels).unsqueeze(1).chunk(3, dim=-1)  # (B, 1, N, C) each
        if self.softmax == "key":
            gathered = F.scaled_dot_product_attention(query, key, value)
        else:
            scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5  # (B, 1, N of queries, N of keys)
            gathered = scores.softmax(dim=-2) @ value
        return features + self.output(gathered.squeeze(1)).transpose(1, 2).unflatten(2, features.shape[-2:])


def _centred(maps: Tensor, like: Tensor) -> Tensor:
    """`maps` cut, or padded with zeros, to the size of `like`; an odd row goes to the front, a cut one to the end."""
    rows, columns = like.shape[-2] - maps.shape[-2], like.shape[-1] - maps.shape[-1]
    if rows == 0 and columns == 0:
        return maps
    return F.pad(maps, (-(-columns // 2), columns // 2, -(-rows // 2), rows // 2))


def _check(name: str, value: object, choices: Sequence[object]) -> None:
    if value not in choices:
        shown = ", ".join(str(choice) for choice in choices)
        raise SeglabError(f"model.{name}: expected one of {shown}; came {value!r}; choose one of these")
