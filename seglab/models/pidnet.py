"""PIDNet: branches for details (P), for context (I) and for boundaries (D), the third deciding between the others.

Source: Xu, Xiong, Bhattacharyya 2022, arXiv 2206.02066, section 3, figures 4 to 7 and the table of its architecture,
and the authors' XuJiacong/PIDNet, models/pidnet.py and models/model_utils.py. Here the sizes S and M, which differ in
their width; L has deeper branches, DDRNet's DAPPM and another fusion.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.auxiliary import WithAuxiliary, WithBoundary
from seglab.models.convolution import convolution
from seglab.models.dual_resolution import Scales, basic_blocks, bottlenecks, head, preactivated, raised, stem
from seglab.models.initialise import initialise

_SHALLOW, _DEEP = 2, 3  # blocks of a stage: m and n in the paper


class PIDNet(nn.Module):
    """Logits (B, K, H/8, W/8) of images (B, in_channels, H, W), H and W multiples of 8; K is `classes`.

    In training, with `auxiliary`, also of the head `p` (B, K, H/8, W/8) on the P branch, and the logits (B, 1, H/8,
    W/8) of a boundary from the D branch. `width` is that of the first stage, `context_width` that inside PAPPM,
    `head_width` that inside the heads. `activation` makes one module for each place; None is ReLU.

    Raises:
        ValueError: from BatchNorm, in training, for a batch of one image: the context is one value of each map.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        width: int,
        context_width: int,
        head_width: int,
        auxiliary: bool,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        # In place is safe: it follows BatchNorm or a sum, whose backward does not need their output.
        activation = activation or partial(nn.ReLU, inplace=True)
        self.encoder = _Branches(in_channels, width, activation=activation)
        self.context = _Pappm(16 * width, context_width, out_channels=4 * width, activation=activation)
        self.fusion = _BoundaryGuided(4 * width)
        make = partial(head, activation=activation)
        self.head = make(4 * width, head_width, outputs=classes)
        self.auxiliary = nn.ModuleDict({"p": make(2 * width, head_width, outputs=classes)} if auxiliary else {})
        self.boundary = make(2 * width, width, outputs=1) if auxiliary else None
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor | WithBoundary:
        branches = self.encoder(image)
        context = raised(self.context(branches.i), like=branches.p)
        logits = self.head(self.fusion(branches.p, context, branches.d))  # (B, K, H/8, W/8)
        if not self.training:
            return logits
        return WithAuxiliary(
            logits,
            {name: auxiliary(branches.early_p) for name, auxiliary in self.auxiliary.items()},
            None if self.boundary is None else self.boundary(branches.early_d),
        )


class _Outputs(NamedTuple):
    p: Tensor  # (B, 4w, H/8, W/8)
    i: Tensor  # (B, 16w, H/64, W/64)
    d: Tensor  # (B, 4w, H/8, W/8)
    early_p: Tensor  # (B, 2w, H/8, W/8), behind the first stage that is P's own
    early_d: Tensor  # (B, 2w, H/8, W/8), behind D's second


class _Branches(nn.Module):
    def __init__(self, in_channels: int, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        shallow = partial(basic_blocks, blocks=_SHALLOW, activation=activation)
        deep = partial(basic_blocks, blocks=_DEEP, stride=2, activation=activation)
        last = partial(bottlenecks, activation=activation)
        one = partial(convolution, activation=None)
        self.stem = nn.Sequential(
            stem(in_channels, width, activation=activation),
            shallow(width, width),
            activation(),
            shallow(width, 2 * width, stride=2),
            activation(),
        )
        self.i_1 = nn.Sequential(deep(2 * width, 4 * width), activation())
        self.i_2 = nn.Sequential(deep(4 * width, 8 * width), activation())
        self.i_3 = last(8 * width, 8 * width, blocks=2, stride=2)
        self.p_1 = shallow(2 * width, 2 * width)
        self.p_2 = shallow(2 * width, 2 * width)
        self.p_3 = last(2 * width, 2 * width, blocks=1)
        self.d_1 = basic_blocks(2 * width, width, blocks=1, activation=activation)
        self.d_2 = last(width, width, blocks=1)
        self.d_3 = last(2 * width, 2 * width, blocks=1)
        self.to_p_1 = one(4 * width, 2 * width, kernel=1)
        self.to_p_2 = one(8 * width, 2 * width, kernel=1)
        self.to_d_1 = one(4 * width, width, kernel=3)
        self.to_d_2 = one(8 * width, 2 * width, kernel=3)
        self.guide_1 = _PixelGuided(2 * width, width)
        self.guide_2 = _PixelGuided(2 * width, width)
        self.behind_p = nn.ModuleList(activation() for _ in range(2))
        self.behind_d = nn.ModuleList(activation() for _ in range(2))

    def forward(self, image: Tensor) -> _Outputs:
        features = self.stem(image)  # (B, 2w, H/8, W/8)
        i = self.i_1(features)  # (B, 4w, H/16, W/16)
        # The heads of training see P and D activated: the authors' activation works in place on what they keep.
        early_p = self.behind_p[0](self.guide_1(self.p_1(features), self.to_p_1(i)))
        d = self.d_1(features)
        d = self.behind_d[0](d + raised(self.to_d_1(i), like=d))  # (B, w, H/8, W/8)
        i = self.i_2(i)  # (B, 8w, H/32, W/32)
        p = self.behind_p[1](self.guide_2(self.p_2(early_p), self.to_p_2(i)))
        d = self.d_2(d)
        early_d = self.behind_d[1](d + raised(self.to_d_2(i), like=d))  # (B, 2w, H/8, W/8)
        return _Outputs(self.p_3(p), self.i_3(i), self.d_3(early_d), early_p, early_d)


class _PixelGuided(nn.Module):
    """P, replaced by I where the two say the same: the paper's Pag (equations 1 and 2, figure 5)."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.of_p = convolution(in_channels, width, kernel=1, activation=None)
        self.of_i = convolution(in_channels, width, kernel=1, activation=None)

    def forward(self, p: Tensor, i: Tensor) -> Tensor:
        alike = (self.of_p(p) * raised(self.of_i(i), like=p)).sum(dim=1, keepdim=True).sigmoid()  # (B, 1, h, w)
        return (1 - alike) * p + alike * raised(i, like=p)


class _Pappm(nn.Module):
    """The parallel aggregation pyramid pooling module (section 3.3, figure 6): scales joined in one grouped step."""

    def __init__(self, in_channels: int, width: int, *, out_channels: int, activation: ActivationFactory) -> None:
        super().__init__()
        self.scales = Scales(in_channels, width, activation=activation)
        self.joins = preactivated(4 * width, 4 * width, kernel=3, groups=4, activation=activation)
        self.joined = preactivated(5 * width, out_channels, kernel=1, activation=activation)
        self.shortcut = preactivated(in_channels, out_channels, kernel=1, activation=activation)

    def forward(self, features: Tensor) -> Tensor:
        own, *larger = self.scales(features)
        larger_too = self.joins(torch.cat([scale + own for scale in larger], dim=1))  # (B, 4 * width, h, w)
        return self.joined(torch.cat([own, larger_too], dim=1)) + self.shortcut(features)


class _BoundaryGuided(nn.Module):
    """Details near boundaries, context elsewhere: the paper's Light-Bag (section 3.4, figure 7)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_p = convolution(width, width, kernel=1, activation=None)
        self.of_i = convolution(width, width, kernel=1, activation=None)

    def forward(self, p: Tensor, i: Tensor, d: Tensor) -> Tensor:
        near = d.sigmoid()
        return self.of_p((1 - near) * i + p) + self.of_i(i + near * p)  # (B, width, h, w)
