"""VGG16 as others build on it: its blocks, and ImageNet's weights as torchvision trained them.

Source: Simonyan and Zisserman 2014, arXiv 1409.1556, configuration D; torchvision.models.VGG16_Weights.IMAGENET1K_V1.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seglab.errors import SeglabError

CONVOLUTIONS = (2, 2, 3, 3, 3)  # in each of its blocks
URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
# torchvision's names, in the order of the forward pass: 13 convolutions; fc6 and fc7.
CONVOLUTION_NAMES = tuple(f"features.{index}" for index in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28))
FC6, FC7 = "classifier.0", "classifier.3"

_KERNELS = {FC6: 7, FC7: 1}  # of the convolutions that the fully connected layers are over the whole map


def load(layers: Mapping[str, nn.Conv2d], *, expected: str, steps: Mapping[str, tuple[int, ...]] | None = None) -> None:
    """Copies ImageNet's weights into `layers`, {torchvision's name: layer}; the file is downloaded once.

    Args:
        expected: the widths at which they fit, in words.
        steps: {name: (outputs, inputs, rows, columns)}, where only every so many of the weights is taken.

    Raises:
        SeglabError: the weights cannot be had, or do not fit.
    """
    from seglab.models import pretrained

    weights = pretrained.state_dict(URL)
    for name, layer in layers.items():
        step = (steps or {}).get(name, (1, 1, 1, 1))
        weight = _as_convolution(weights[f"{name}.weight"], name)[tuple(slice(None, None, size) for size in step)]
        if weight.shape != layer.weight.shape:
            raise SeglabError(
                f"model.encoder_weights=imagenet: expected the widths of VGG16 ({expected}); {name} has "
                f"{tuple(weight.shape)} and the network {tuple(layer.weight.shape)}; set these widths, or "
                "model.encoder_weights=null"
            )
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(weights[f"{name}.bias"][:: step[0]])  # type: ignore[union-attr]  # these have one


def _as_convolution(weight: Tensor, name: str) -> Tensor:
    """(outputs, inputs, rows, columns): the columns of a fully connected layer are ordered (C, H, W)."""
    if name not in _KERNELS:
        return weight
    return weight.reshape(len(weight), -1, _KERNELS[name], _KERNELS[name])
