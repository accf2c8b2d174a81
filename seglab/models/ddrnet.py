"""DDRNet: two branches, at 1/8 of the size and further down, that add to each other twice.

Source: Hong, Pan, Sun, Jia 2021, arXiv 2101.06085, section 3, figures 4 and 5 and table 1, and the authors'
ydhongHIT/DDRNet, segmentation/DDRNet_23_slim.py. Here the 23 layers' networks: the slim one is 32 wide, DDRNet-23
itself 64 (with a context of 128 and heads of 128).
"""

from functools import partial

import torch
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.auxiliary import WithAuxiliary
from seglab.models.convolution import convolution
from seglab.models.dual_resolution import Scales, basic_blocks, bottlenecks, head, preactivated, raised, stem
from seglab.models.initialise import initialise

_BLOCKS = 2  # of each stage


class DDRNet(nn.Module):
    """Logits (B, K, H/8, W/8) of images (B, in_channels, H, W), H and W multiples of 8; K is `classes`.

    In training, with `auxiliary`, also of a head on the fine branch behind the first exchange: `fine`, (B, K, H/8,
    W/8). `width` is that of the first stage, `context_width` that inside DAPPM, `head_width` that inside the heads.
    `activation` makes one module for each place; None is ReLU.

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
        self.context = _Dappm(16 * width, context_width, out_channels=4 * width, activation=activation)
        self.head = head(4 * width, head_width, outputs=classes, activation=activation)
        heads = {"fine": head(2 * width, head_width, outputs=classes, activation=activation)} if auxiliary else {}
        self.auxiliary = nn.ModuleDict(heads)
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        fine, coarse, early = self.encoder(image)
        logits = self.head(fine + raised(self.context(coarse), like=fine))  # (B, K, H/8, W/8)
        if not self.training:
            return logits
        return WithAuxiliary(logits, {name: auxiliary(early) for name, auxiliary in self.auxiliary.items()})


class _Branches(nn.Module):
    """Fine (B, 4w, H/8, W/8), coarse (B, 16w, H/64, W/64), and the fine one behind the first exchange, 2w maps."""

    def __init__(self, in_channels: int, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        blocks = partial(basic_blocks, blocks=_BLOCKS, activation=activation)
        shrunk = partial(convolution, kernel=3, stride=2)
        self.stem = stem(in_channels, width, activation=activation)
        self.stage_4 = nn.Sequential(blocks(width, width), activation())
        self.stage_8 = nn.Sequential(blocks(width, 2 * width, stride=2), activation())
        self.coarse_1 = blocks(2 * width, 4 * width, stride=2)
        self.coarse_2 = blocks(4 * width, 8 * width, stride=2)
        self.coarse_3 = bottlenecks(8 * width, 8 * width, blocks=1, stride=2, activation=activation)
        self.fine_1 = blocks(2 * width, 2 * width)
        self.fine_2 = blocks(2 * width, 2 * width)
        self.fine_3 = bottlenecks(2 * width, 2 * width, blocks=1, activation=activation)
        self.up_1 = convolution(4 * width, 2 * width, kernel=1, activation=None)
        self.up_2 = convolution(8 * width, 2 * width, kernel=1, activation=None)
        self.down_1 = shrunk(2 * width, 4 * width, activation=None)
        self.down_2 = nn.Sequential(
            shrunk(2 * width, 4 * width, activation=activation), shrunk(4 * width, 8 * width, activation=None)
        )
        # Where an exchange reads a branch, the branch goes on as it was: nothing may happen in place.
        self.read_coarse = nn.ModuleList(_apart(activation) for _ in range(2))
        self.read_fine = nn.ModuleList(_apart(activation) for _ in range(2))
        self.between_coarse = nn.ModuleList(activation() for _ in range(2))
        self.between_fine = nn.ModuleList(_apart(activation) for _ in range(2))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.stage_8(self.stage_4(self.stem(image)))  # (B, 2w, H/8, W/8)
        fine, coarse = self.fine_1(features), self.coarse_1(features)  # (B, 2w, H/8, W/8), (B, 4w, H/16, W/16)
        early, coarse = self._exchanged(fine, coarse, index=0)
        fine = self.fine_2(self.between_fine[0](early))
        coarse = self.coarse_2(self.between_coarse[0](coarse))  # (B, 8w, H/32, W/32)
        fine, coarse = self._exchanged(fine, coarse, index=1)
        fine = self.fine_3(self.between_fine[1](fine))  # (B, 4w, H/8, W/8)
        coarse = self.coarse_3(self.between_coarse[1](coarse))  # (B, 16w, H/64, W/64)
        return fine, coarse, early

    def _exchanged(self, fine: Tensor, coarse: Tensor, *, index: int) -> tuple[Tensor, Tensor]:
        """Each plus what the other says (equation 2)."""
        up, down = ((self.up_1, self.down_1), (self.up_2, self.down_2))[index]
        from_coarse = up(self.read_coarse[index](coarse))
        from_fine = down(self.read_fine[index](fine))
        return fine + raised(from_coarse, like=fine), coarse + from_fine


class _Dappm(nn.Module):
    """The deep aggregation pyramid pooling module (section 3.3, figure 5): each scale is added to the next larger."""

    def __init__(self, in_channels: int, width: int, *, out_channels: int, activation: ActivationFactory) -> None:
        super().__init__()
        self.scales = Scales(in_channels, width, activation=activation)
        self.joins = nn.ModuleList(preactivated(width, width, kernel=3, activation=activation) for _ in range(4))
        self.joined = preactivated(5 * width, out_channels, kernel=1, activation=activation)
        self.shortcut = preactivated(in_channels, out_channels, kernel=1, activation=activation)

    def forward(self, features: Tensor) -> Tensor:
        own, *larger = self.scales(features)
        maps = [own]
        for scale, join in zip(larger, self.joins, strict=True):
            maps.append(join(scale + maps[-1]))
        return self.joined(torch.cat(maps, dim=1)) + self.shortcut(features)  # (B, out_channels, h, w)


def _apart(activation: ActivationFactory) -> nn.Module:
    """The activation, and not in place."""
    module = activation()
    if getattr(module, "inplace", False):
        module.inplace = False  # type: ignore[assignment]  # torch declares every attribute of a Module a tensor or Module
    return module
