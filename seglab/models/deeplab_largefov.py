"""DeepLab-LargeFOV: VGG16 without its last two strides, and a dilated fc6 that sees far with few weights.

Source: Chen, Papandreou, Kokkinos, Murphy, Yuille 2014, arXiv 1412.7062, section 3, and the authors' released Caffe net
(DeepLab-LargeFOV/train.prototxt), of which are the poolings of 3x3 and the average of 3x3 behind the last one. The
fully connected CRF that the paper has behind it is `post=crf` of evaluate and predict.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models import vgg16
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise

_VGG16 = "[64, 128, 256, 512, 512], fc_width 1024, 3 channels"
_POOL_STRIDES = (2, 2, 2, 1, 1)  # VGG16 has a 2 behind every block
_DILATIONS = (1, 1, 1, 1, 2)  # of the convolutions of each block: in place of pool4's stride
_FC6_DILATION = 12
_STRIDE = 8
# Of the 4096 filters of fc6 and fc7 every fourth, of fc6's 7 rows and columns the first, the fourth and the last.
_STEPS = {vgg16.FC6: (4, 1, 3, 3), vgg16.FC7: (4, 4, 1, 1)}


class DeepLabLargeFOV(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    `widths` are the five blocks' and `fc_width` that of fc6 and fc7 (64, 128, 256, 512, 512 and 1024), `dropout`
    follows both of these. `activation` makes one module for each of the 15 places; None is ReLU.

    The scores have stride 8, and each sees 435 x 435 pixels. Score (i, j) is that of pixel (8 i, 8 j): poolings are
    padded by 1 and round up, so that there is a score at or beyond the last pixel, and between them it is interpolated.
    The paper trains on labels of every eighth pixel and interpolates in the test alone; here the loss sees all pixels.

    `encoder_weights` is null or imagenet (torchvision's VGG16; asks for RGB images with ImageNet's mean and std). fc6
    and fc7 are then every fourth of VGG16's filters, and every third row and column of fc6's kernels. The authors too
    sub-sample them, and do not say which they keep; SSD keeps these (arXiv 1512.02325, its published code). The score
    layer begins at N(0, 0.01^2), its bias at zero, as in the release.

    `encoder` holds the 13 convolutions, `classifier` fc6 and fc7, `score` the last layer.

    Raises:
        SeglabError: an option is none of its values; or the weights cannot be had, or do not fit the widths.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        widths: Sequence[int],
        fc_width: int,
        dropout: float,
        encoder_weights: Literal["imagenet"] | None,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        _check(widths=widths, encoder_weights=encoder_weights)
        # In place is safe: it follows a convolution, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        shapes = zip(pairwise([in_channels, *widths]), vgg16.CONVOLUTIONS, _DILATIONS, _POOL_STRIDES, strict=True)
        self.encoder = nn.Sequential(
            *(
                _block(before, width, convolutions=count, dilation=dilation, stride=stride, activation=activation)
                for (before, width), count, dilation, stride in shapes
            )
        )
        self.classifier = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1),  # pool5a
            nn.Conv2d(widths[4], fc_width, kernel_size=3, padding=_FC6_DILATION, dilation=_FC6_DILATION),  # fc6
            activation(),
            nn.Dropout(dropout),
            nn.Conv2d(fc_width, fc_width, kernel_size=1),  # fc7
            activation(),
            nn.Dropout(dropout),
        )
        self.score = nn.Conv2d(fc_width, classes, kernel_size=1)
        initialise(self, gain=kaiming_gain(activation))
        nn.init.normal_(self.score.weight, std=0.01)
        if encoder_weights == "imagenet":
            layers = [layer for layer in (*self.encoder.modules(), *self.classifier) if isinstance(layer, nn.Conv2d)]
            names = (*vgg16.CONVOLUTION_NAMES, vgg16.FC6, vgg16.FC7)
            vgg16.load(dict(zip(names, layers, strict=True)), expected=_VGG16, steps=_STEPS)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        features = self.encoder(image)  # (B, widths[4], h, w), h the least with 8 (h - 1) + 1 >= H
        scores = self.score(self.classifier(features))  # (B, K, h, w)
        size = [_STRIDE * (side - 1) + 1 for side in scores.shape[-2:]]
        logits = F.interpolate(scores, size=size, mode="bilinear", align_corners=True)
        return logits[..., :height, :width]  # (B, K, H, W)


def _block(
    before: int, width: int, *, convolutions: int, dilation: int, stride: int, activation: ActivationFactory
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convolutions):
        channels = width if index else before
        layers += [nn.Conv2d(channels, width, kernel_size=3, padding=dilation, dilation=dilation), activation()]
    layers.append(nn.MaxPool2d(kernel_size=3, stride=stride, padding=1, ceil_mode=True))
    return nn.Sequential(*layers)


def _check(*, widths: Sequence[int], encoder_weights: str | None) -> None:
    if len(widths) != len(vgg16.CONVOLUTIONS):
        raise SeglabError(f"model.widths: expected 5 numbers, one a block; came {list(widths)!r}; give all five")
    if encoder_weights not in (None, "imagenet"):
        raise SeglabError(
            f"model.encoder_weights: expected null or imagenet; came {encoder_weights!r}; choose one of the two"
        )
