"""Attention for a U-Net: behind every step (Cbam), on the skips (AttentionGate), at the bottom (SelfAttention).

A configuration names one with `_partial_: true`; the network calls it with the channels and the activation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory
from seglab.models.initialise import initialise


class Cbam(nn.Module):
    """Features (B, C, h, w) times a weight for each channel, then times a weight for each position.

    `reduction` divides the width of the channels' two-layer perceptron, down to 1 at the least; None leaves this half
    out. `kernel_size` is of the positions' convolution; None leaves that half out. `activation` stands between the
    two layers.

    Source: Woo et al. 2018, arXiv 1807.06521, section 3; reduction 16 and 7x7 there. Neither half has a bias. The
    authors' code puts BatchNorm behind the 7x7 convolution, their paper does not, nor is it here.

    Raises:
        SeglabError: both halves are left out, or the kernel has no centre.
    """

    def __init__(
        self, channels: int, *, reduction: int | None, kernel_size: int | None, activation: ActivationFactory
    ) -> None:
        super().__init__()
        if reduction is None and kernel_size is None:
            raise SeglabError(
                "model.block_attention: expected a reduction, a kernel_size or both; came null for both; "
                "model.block_attention=null leaves the attention out"
            )
        self.of_channels = None if reduction is None else _ChannelWeights(channels, reduction, activation)
        self.of_positions = None if kernel_size is None else _PositionWeights(kernel_size)

    def forward(self, features: Tensor) -> Tensor:
        if self.of_channels is not None:
            features = features * self.of_channels(features)  # (B, C, 1, 1)
        if self.of_positions is not None:
            features = features * self.of_positions(features)  # (B, 1, h, w)
        return features


class _ChannelWeights(nn.Module):
    """Equation 2: one perceptron sees each channel's mean and its maximum."""

    def __init__(self, channels: int, reduction: int, activation: ActivationFactory) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.perceptron = nn.Sequential(
            nn.Conv2d(channels, hidden, kernel_size=1, bias=False),
            activation(),
            nn.Conv2d(hidden, channels, kernel_size=1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        mean = features.mean(dim=(2, 3), keepdim=True)
        maximum = features.amax(dim=(2, 3), keepdim=True)  # adaptive_max_pool2d has no deterministic backward on CUDA
        return torch.sigmoid(self.perceptron(mean) + self.perceptron(maximum))


class _PositionWeights(nn.Module):
    """Equation 3: one convolution sees the mean and the maximum over the channels."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise SeglabError(
                f"model.block_attention.kernel_size: expected an odd number; came {kernel_size}; the paper has 7 and 3"
            )
        self.convolution = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        summary = torch.cat([features.mean(dim=1, keepdim=True), features.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.convolution(summary))


class AttentionGate(nn.Module):
    """A skip (B, channels, H, W) times a weight for each position, from it and features (B, gating_channels, H, W).

    `batch_norm` puts BatchNorm behind each of the three 1x1 convolutions, in place of their biases; `activation`
    stands where the paper has the ReLU sigma_1.

    Source: Oktay et al. 2018, arXiv 1804.03999, equations 1 and 2, with half the channels inside. The paper gates with
    the coarser map, on its grid, and interpolates the weights. Here the map is up-sampled before, as the decoder needs
    it anyway and most later code has it; hence there is no grid to change.
    """

    def __init__(self, channels: int, *, gating_channels: int, batch_norm: bool, activation: ActivationFactory) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.of_skip = _projection(channels, inner, batch_norm=batch_norm)
        self.of_features = _projection(gating_channels, inner, batch_norm=batch_norm)
        self.activation = activation()
        self.weight = _projection(inner, 1, batch_norm=batch_norm)

    def forward(self, skip: Tensor, features: Tensor) -> Tensor:
        hidden = self.activation(self.of_skip(skip) + self.of_features(features))  # (B, C / 2, H, W)
        return skip * torch.sigmoid(self.weight(hidden))  # times (B, 1, H, W)


class SelfAttention(nn.Module):
    """Features (B, C, h, w) plus, for every position, what it gathers from all positions.

    `reduction` divides the width C inside, `heads` shares that out; 2 and 1 are the non-local block, 1 and several
    multi-head attention. Time grows with (h * w)**2. Positions are not encoded: the convolutions around know theirs.

    Source: Wang et al. 2018, arXiv 1711.07971, equation 6 and figure 2 (softmax is its embedded Gaussian); the heads
    and the division by the root of the head's width are of Vaswani et al. 2017, arXiv 1706.03762, section 3.2. The
    last layer begins at zero and the network without attention, as in the former's section 4.1. No norm:
    what enters was normalised by the step before.

    Raises:
        SeglabError: the width inside cannot be shared out evenly.
    """

    def __init__(self, channels: int, *, heads: int, reduction: int, activation: ActivationFactory) -> None:
        super().__init__()  # `activation` is given to every bottleneck; this one has no place for it
        inner = channels // reduction
        if inner < heads or inner % heads:
            raise SeglabError(
                f"model.bottleneck.heads: expected a divisor of the width inside, {channels} // {reduction} = {inner}; "
                f"came {heads}; change model.bottleneck.heads or model.bottleneck.reduction"
            )
        self.heads = heads
        self.queries_keys_values = nn.Conv2d(channels, 3 * inner, kernel_size=1)
        self.output = nn.Conv2d(inner, channels, kernel_size=1)
        initialise(self, gain=1.0)  # nothing rectifies what these make
        nn.init.zeros_(self.output.weight)

    def forward(self, features: Tensor) -> Tensor:
        size = features.shape[-2:]
        # The fused kernels want a token's values side by side, as channels_last has them; else they fall back to a
        # matrix of N x N.
        projected = self.queries_keys_values(features).flatten(2).transpose(1, 2).contiguous()  # (B, N, 3 * inner)
        # (B, 3 * heads, N, d), cut into three of (B, heads, N, d)
        queries, keys, values = projected.unflatten(2, (3 * self.heads, -1)).transpose(1, 2).chunk(3, dim=1)
        gathered = F.scaled_dot_product_attention(queries, keys, values)  # (B, heads, N, d)
        gathered = gathered.transpose(1, 2).flatten(2).transpose(1, 2).unflatten(2, size)  # (B, inner, h, w)
        return features + self.output(gathered)


def _projection(in_channels: int, width: int, *, batch_norm: bool) -> nn.Module:
    convolution = nn.Conv2d(in_channels, width, kernel_size=1, bias=not batch_norm)
    return nn.Sequential(convolution, nn.BatchNorm2d(width)) if batch_norm else convolution
