"""The fully convolutional networks on VGG16: FCN-32s, FCN-16s and FCN-8s.

Source: Long, Shelhamer, Darrell 2015, arXiv 1411.4038 (PAMI version: 1605.06211), and the authors' released Caffe nets
(shelhamer/fcn.berkeleyvision.org, voc-fcn32s, 16s, 8s). Nothing else is in the libraries under this name: torchvision's
`fcn_resnet50` is a dilated ResNet with one head.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models import vgg16
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise

_VGG16 = "[64, 128, 256, 512, 512], fc_width 4096, 3 channels"
_STEPS = {32: (32,), 16: (2, 16), 8: (2, 2, 8)}  # factors of the up-samplings, from the coarsest scores to the image


class FCN(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    `stride` is that of the finest scores: 32 has those of fc7, 16 adds pool4's, 8 adds pool3's. `widths` are the five
    blocks' and `fc_width` that of fc6 and fc7 (VGG16: 64, 128, 256, 512, 512 and 4096), `dropout` follows both of
    these. `encoder_weights` is null or imagenet (torchvision's VGG16, fc6 and fc7 among it; asks for RGB images with
    ImageNet's mean and std). `up` is `fixed`, bilinear as in the released nets, or `learned`, K x K kernels that begin
    as bilinear. `activation` makes one module for each of the 15 places; None is ReLU.

    Score layers begin at zero, as in the paper: the first logits are zero, and the first step moves the score layers
    alone. So the parameters of an FCN-32s, put into an FCN-16s under their names (`encoder`, `classifier`, `scores`,
    and where learned `ups`), give the same logits but for up-sampling in two steps instead of one, which rounds the
    kinks of the bilinear surface: equal in the middle between two cells, off by an eighth of the second difference at
    a cell's centre. The same holds from FCN-16s to FCN-8s.

    The released nets pad the image by 100 and fc6 by nothing, then crop; here fc6 is padded by 3. In both, logit (y, x)
    is that of pixel (y, x); the cells lie 3 pixels further on here, and the zeros around the image begin elsewhere. As
    there, poolings round up, and up-sampling finds zeros beyond the last cell, so that the logits of all classes shrink
    alike within half a cell of the border.

    `encoder` holds the 13 convolutions, `classifier` fc6 and fc7: freezing the encoder leaves what torchvision calls
    the classifier to train.

    Raises:
        SeglabError: an option is none of its values; or the weights cannot be had, or do not fit the widths.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        stride: Literal[32, 16, 8],
        widths: Sequence[int],
        fc_width: int,
        dropout: float,
        up: Literal["fixed", "learned"],
        encoder_weights: Literal["imagenet"] | None,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        _check(stride=stride, widths=widths, up=up, encoder_weights=encoder_weights)
        # In place is safe: it follows a convolution, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        self.encoder = nn.ModuleList(
            _block(before, width, convolutions=convolutions, activation=activation)
            for (before, width), convolutions in zip(pairwise([in_channels, *widths]), vgg16.CONVOLUTIONS, strict=True)
        )
        self.classifier = nn.Sequential(
            nn.Conv2d(widths[4], fc_width, kernel_size=7, padding=3),  # fc6
            activation(),
            nn.Dropout(dropout),
            nn.Conv2d(fc_width, fc_width, kernel_size=1),  # fc7
            activation(),
            nn.Dropout(dropout),
        )
        steps = _STEPS[stride]
        scored = {"fc7": fc_width, "pool4": widths[3], "pool3": widths[2]}
        names = list(scored)[: len(steps)]
        self.scores = nn.ModuleDict({name: nn.Conv2d(scored[name], classes, kernel_size=1) for name in names})
        # A name says the factor, so that a kernel is taken over only where it has the same work to do.
        self.ups = nn.ModuleDict(
            {
                f"{name}_x{step}": _UpSampling(classes, step, learned=up == "learned")
                for name, step in zip(names, steps, strict=True)
            }
        )
        initialise(self, gain=kaiming_gain(activation))
        for score in self.scores.values():
            nn.init.zeros_(score.weight)  # type: ignore[arg-type]  # torch types every attribute a tensor or Module
        if encoder_weights == "imagenet":
            self._load_imagenet()

    def forward(self, image: Tensor) -> Tensor:
        features, pools = image, []
        for block in self.encoder:
            features = F.max_pool2d(block(features), kernel_size=2, ceil_mode=True)
            pools.append(features)  # (B, widths[i], H / 2**(i + 1), W / 2**(i + 1)), rounded up
        coarse, *finer = self.scores.values()
        *doublings, last = self.ups.values()
        logits = coarse(self.classifier(pools[4]))  # (B, K, H / 32, W / 32)
        for double, score, pool in zip(doublings, finer, (pools[3], pools[2]), strict=False):
            logits = _cropped(double(logits), pool) + score(pool)
        return _cropped(last(logits), image)  # (B, K, H, W)

    def _load_imagenet(self) -> None:
        layers = [layer for layer in (*self.encoder.modules(), *self.classifier) if isinstance(layer, nn.Conv2d)]
        names = (*vgg16.CONVOLUTION_NAMES, vgg16.FC6, vgg16.FC7)
        vgg16.load(dict(zip(names, layers, strict=True)), expected=_VGG16)


class _UpSampling(nn.Module):
    """Maps of `stride` times the size, bilinear, the centre of each cell where it was; zeros beyond the map.

    A transposed convolution with kernel 2 * stride. Fixed, it takes each class by itself and has no parameters;
    learned, it has a kernel for each pair of classes, and begins with those between different classes at zero.
    """

    weight: Tensor

    def __init__(self, classes: int, stride: int, *, learned: bool) -> None:
        super().__init__()
        self.stride, self.learned = stride, learned
        bilinear = _bilinear_kernel(stride)
        if learned:
            self.weight = nn.Parameter(torch.eye(classes)[:, :, None, None] * bilinear)  # (K, K, 2s, 2s)
        else:
            self.register_buffer("weight", bilinear[None, None], persistent=False)  # (1, 1, 2s, 2s)

    def forward(self, scores: Tensor) -> Tensor:
        up_sampled = partial(F.conv_transpose2d, weight=self.weight, stride=self.stride, padding=self.stride // 2)
        if self.learned:
            return up_sampled(scores)
        # Classes in the batch's place: the same as a group for each of them, and its backward is several times faster.
        return up_sampled(scores.flatten(0, 1).unsqueeze(1)).unflatten(0, scores.shape[:2]).squeeze(2)


def _bilinear_kernel(stride: int) -> Tensor:
    """The weights (2s, 2s) by which a cell reaches the pixels around it; as `upsample_filt` of the released nets."""
    distance = (torch.arange(2 * stride) - (stride - 0.5)).abs()
    reach = 1 - distance / stride
    return reach[:, None] * reach


def _block(in_channels: int, width: int, *, convolutions: int, activation: ActivationFactory) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convolutions):
        layers += [nn.Conv2d(width if index else in_channels, width, kernel_size=3, padding=1), activation()]
    return nn.Sequential(*layers)


def _cropped(maps: Tensor, like: Tensor) -> Tensor:
    return maps[..., : like.shape[-2], : like.shape[-1]]


def _check(*, stride: int, widths: Sequence[int], up: str, encoder_weights: str | None) -> None:
    if stride not in _STEPS:
        raise SeglabError(f"model.stride: expected 32, 16 or 8; came {stride!r}; choose one of the three")
    if len(widths) != len(vgg16.CONVOLUTIONS):
        raise SeglabError(f"model.widths: expected 5 numbers, one a block; came {list(widths)!r}; give all five")
    if up not in ("fixed", "learned"):
        raise SeglabError(f"model.up: expected fixed or learned; came {up!r}; choose one of the two")
    if encoder_weights not in (None, "imagenet"):
        raise SeglabError(
            f"model.encoder_weights: expected null or imagenet; came {encoder_weights!r}; choose one of the two"
        )
