"""The U-Net of the paper: 3x3 convolutions without padding, cropped skips, dropout, no BatchNorm.

Source: Ronneberger et al. 2015, arXiv 1505.04597, figure 1 and section 3. Where the paper is silent, the network that
its authors released: dropout behind the two lowest steps of the contracting path, before the skip is taken. That
release also has a ReLU behind each up-convolution and 128 channels in the last one; the figure has neither, nor has
this.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise


class OriginalUNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    `depth` poolings lead from width `base` to `base * 2**depth` and back; the paper's are 64 and 4. Unpadded
    convolutions cost 184 rows and columns at depth 4. So that the logits cover the image, its border is mirrored
    outwards before, 92 pixels and what the poolings need to divide evenly: the paper's overlap-tile strategy (figure 2)
    with one tile as large as the image. Tiles would give the same logits, in less memory. An image smaller than the
    border is mirrored again and again.

    `activation` makes one module for each of the `4 * depth + 2` places; None is ReLU.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        base: int,
        depth: int,
        dropout: float,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        activation = activation or partial(nn.ReLU, inplace=True)  # a convolution's backward does not need its output
        widths = [base * 2**level for level in range(depth + 1)]  # 64, 128, 256, 512, 1024
        self.encoder = nn.ModuleList(
            _double_convolution(before, width, dropout=dropout if level >= depth - 1 else 0.0, activation=activation)
            for level, (before, width) in enumerate(zip([in_channels, *widths], widths, strict=False))
        )
        self.decoder = nn.ModuleList(_UpBlock(width, activation=activation) for width in reversed(widths[:-1]))
        self.head = nn.Conv2d(base, classes, kernel_size=1)
        initialise(self, gain=kaiming_gain(activation))

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        features, skips = self._mirrored(image), []  # 572 x 572 for 388 x 388 at depth 4
        for level, convolutions in enumerate(self.encoder):
            if level > 0:
                features = F.max_pool2d(features, kernel_size=2)
            features = convolutions(features)
            skips.append(features)
        features = skips.pop()
        for block in self.decoder:
            features = block(features, skips.pop())
        return self.head(features)[..., :height, :width]  # (B, K, H, W)

    def _mirrored(self, image: Tensor) -> Tensor:
        """The image with a mirrored border, so large that the convolutions leave at least the image.

        A lowest map of n pixels becomes 2**depth * n - 4 * (2**depth - 1) logits, from 2 * lost pixels more of image.
        """
        scale = 2 ** (len(self.encoder) - 1)
        lost = 2 * scale + 4 * (scale - 1)  # on each side: 92 at depth 4
        indices = []
        for size in map(int, image.shape[-2:]):  # int: under torch.compile a size of its own is compiled for each
            lowest = -(-(size + 4 * (scale - 1)) // scale)  # rounded up
            logits = scale * lowest - 4 * (scale - 1)
            # F.pad mirrors no more than the size less one, and this any number: 0 1 2 3 2 1 0 1 2 ...
            period = max(1, 2 * (size - 1))
            places = [(size - 1) - abs(place % period - (size - 1)) for place in range(-lost, logits + lost)]
            indices.append(torch.tensor(places, device=image.device))
        rows, columns = indices
        return image.index_select(-2, rows).index_select(-1, columns)


class _UpBlock(nn.Module):
    """Up-sample, put the skip's centre in front, convolve twice."""

    def __init__(self, width: int, *, activation: ActivationFactory) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.convolutions = _double_convolution(2 * width, width, dropout=0.0, activation=activation)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        features = self.up(features)  # (B, width, 2h, 2w)
        height, width = features.shape[-2:]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        skip = skip[..., top : top + height, left : left + width]
        return self.convolutions(torch.cat([skip, features], dim=1))  # (B, width, 2h - 4, 2w - 4)


def _double_convolution(
    in_channels: int, width: int, *, dropout: float, activation: ActivationFactory
) -> nn.Sequential:
    layers = [
        nn.Conv2d(in_channels, width, kernel_size=3),
        activation(),
        nn.Conv2d(width, width, kernel_size=3),
        activation(),
    ]
    return nn.Sequential(*layers, nn.Dropout(dropout)) if dropout > 0 else nn.Sequential(*layers)
