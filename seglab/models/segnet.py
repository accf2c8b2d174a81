"""SegNet: VGG16's convolutions, and their mirror image that un-pools with the places of the maxima.

Source: Badrinarayanan et al. 2017, arXiv 1511.00561 (TPAMI), section 3, and the released networks
(alexgkendall/SegNet-Tutorial, Models/segnet_train.prototxt, bayesian_segnet_train.prototxt). The paper
says of its small network that it has neither biases nor an activation in the decoder; the released large one has both.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.activation import ActivationFactory, kaiming_gain
from seglab.models.initialise import initialise
from seglab.models.unpooling import pool, unpool

_CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG16's stages: configuration D of arXiv 1409.1556
_FIRST_WITH_DROPOUT = 2  # the third stage, counted from the image
_WEIGHTS = {  # as in torchvision.models.VGG16_Weights and VGG16_BN_Weights, IMAGENET1K_V1
    "imagenet": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "imagenet_bn": "https://download.pytorch.org/models/vgg16_bn-6c64b313.pth",
}


class SegNet(nn.Module):
    """Logits (B, K, H, W) of images (B, in_channels, H, W) of any size; K is `classes`.

    `widths` are those of the five stages; VGG16 has 64, 128, 256, 512, 512. `bias` concerns the 3x3 convolutions before
    a BatchNorm; the last one always has its own. `decoder_activation=False` leaves the decoder linear up to BatchNorm.
    `dropout` is the probability at the six places of Bayesian SegNet (arXiv 1511.02680): behind the poolings of stages
    3, 4 and 5, and at the end of decoder stages 5, 4 and 3; None leaves them out. See MonteCarloDropout for its use in
    inference. `activation` makes one module for each place; None is ReLU.

    `encoder_weights` begins from VGG16 as torchvision trained it: `imagenet` has no BatchNorm and sets the
    convolutions, `imagenet_bn` sets both. Their images were normalised with ImageNet's mean and standard deviation.

    Raises:
        SeglabError: `widths` are not five; `encoder_weights` is unknown, does not fit, or cannot be had.
        ValueError: from BatchNorm, in training, when a batch of one image is at most 16 pixels wide and high.
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int,
        widths: Sequence[int],
        bias: bool,
        decoder_activation: bool,
        dropout: float | None,
        encoder_weights: Literal["imagenet", "imagenet_bn"] | None,
        activation: ActivationFactory | None,
    ) -> None:
        super().__init__()
        if len(widths) != len(_CONVOLUTIONS):
            raise SeglabError(f"model.widths: expected five, one for each stage of VGG16; came {list(widths)}")
        # In place is safe here: the activation follows BatchNorm, whose backward needs its input and not its output.
        activation = activation or partial(nn.ReLU, inplace=True)
        behind_decoder = activation if decoder_activation else nn.Identity
        encoder, decoder = [], []
        before = in_channels
        for stage, (width, count) in enumerate(zip(widths, _CONVOLUTIONS, strict=True)):
            rate = dropout if stage >= _FIRST_WITH_DROPOUT else None
            mirrored = [width] * (count - 1) + list(widths[:stage][-1:])  # the first stage's last one is the head
            encoder.append(_EncoderStage(before, [width] * count, bias=bias, activation=activation, dropout=rate))
            decoder.append(_DecoderStage(width, mirrored, bias=bias, activation=behind_decoder, dropout=rate))
            before = width
        self.encoder = nn.ModuleList(encoder)
        self.decoder = nn.ModuleList(reversed(decoder))
        self.head = nn.Conv2d(widths[0], classes, kernel_size=3, padding=1)
        initialise(self, gain=kaiming_gain(activation))
        if encoder_weights is not None:
            _load_vgg16(self.encoder, encoder_weights)

    def forward(self, image: Tensor) -> Tensor:
        features, pooled = image, []
        for stage in self.encoder:
            features, places, size = stage(features)  # (B, width, ceil(h/2), ceil(w/2))
            pooled.append((places, size))
        for stage in self.decoder:
            places, size = pooled.pop()
            features = stage(features, places, size=size)  # (B, the next width, h, w)
        return self.head(features)  # (B, K, H, W)


class _EncoderStage(nn.Module):
    """Convolve and pool; returns the places of the maxima and the size before pooling as well."""

    def __init__(
        self, before: int, widths: Sequence[int], *, bias: bool, activation: ActivationFactory, dropout: float | None
    ) -> None:
        super().__init__()
        self.convolutions = _convolutions(before, widths, bias=bias, activation=activation)
        self.dropout = nn.Identity() if dropout is None else nn.Dropout(dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, torch.Size]:
        features = self.convolutions(features)
        pooled, places = pool(features)
        return self.dropout(pooled), places, features.shape[-2:]


class _DecoderStage(nn.Module):
    """Un-pool and convolve."""

    def __init__(
        self, before: int, widths: Sequence[int], *, bias: bool, activation: ActivationFactory, dropout: float | None
    ) -> None:
        super().__init__()
        self.convolutions = _convolutions(before, widths, bias=bias, activation=activation)
        self.dropout = nn.Identity() if dropout is None else nn.Dropout(dropout)

    def forward(self, features: Tensor, places: Tensor, *, size: torch.Size) -> Tensor:
        return self.dropout(self.convolutions(unpool(features, places, size=size)))


def _convolutions(before: int, widths: Sequence[int], *, bias: bool, activation: ActivationFactory) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [
            nn.Conv2d(before, width, kernel_size=3, padding=1, bias=bias),
            nn.BatchNorm2d(width),
            activation(),
        ]
        before = width
    return nn.Sequential(*layers)


def _load_vgg16(encoder: nn.Module, name: str) -> None:
    """Copy torchvision's VGG16, without or with BatchNorm, into an encoder of the same shape."""
    from seglab.models import pretrained

    if name not in _WEIGHTS:
        raise SeglabError(
            f"model.encoder_weights: expected imagenet, imagenet_bn or null; came {name!r}; choose one of these"
        )
    kinds = (nn.Conv2d, nn.BatchNorm2d) if name == "imagenet_bn" else nn.Conv2d
    ours = [module for module in encoder.modules() if isinstance(module, kinds)]
    theirs = _layers(pretrained.state_dict(_WEIGHTS[name]))
    shapes = [tuple(module.state_dict()["weight"].shape) for module in ours]
    if shapes != [tuple(layer["weight"].shape) for layer in theirs]:
        raise SeglabError(
            f"model.encoder_weights={name}: expected VGG16's shape, in_channels=3 and widths=[64,128,256,512,512]; "
            f"came weights of {shapes[0]} to {shapes[-1]}; take these values, or encoder_weights=null"
        )
    dropped: Tensor | float = 0.0
    for module, layer in zip(ours, theirs, strict=True):
        if isinstance(module, nn.BatchNorm2d):
            layer["running_mean"] = layer["running_mean"] - dropped  # the mean of a map is lower by the bias it lost
        elif module.bias is None:
            dropped = layer.pop("bias")
        module.load_state_dict(layer)


def _layers(state: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors of each layer of `features`, in the order of the layers; what is behind them is left out."""
    layers: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        part, _, rest = key.partition(".")
        number, _, name = rest.partition(".")
        if part == "features":
            layers.setdefault(int(number), {})[name] = tensor
    return [layers[number] for number in sorted(layers)]
