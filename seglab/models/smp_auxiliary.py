"""PSPNet and DeepLabV3 of segmentation-models-pytorch with the auxiliary head that their authors train with.

The head sees the encoder's last stage but one: section 3.3 and figure 4 of PSPNet (Zhao et al., arXiv 1612.01105, whose
weight is 0.4). It is torchvision's and OpenMMLab's for either network.
"""

from typing import Any

import segmentation_models_pytorch as smp
from torch import Tensor, nn
from torchvision.models.segmentation.fcn import FCNHead

from seglab.models.auxiliary import WithAuxiliary


class PSPNet(smp.PSPNet):
    """Logits (B, K, h, w) as the library's; in training also those of a head on the fourth stage of the encoder.

    Args:
        classes: K.
        arguments: of the library's class.
    """

    def __init__(self, *, classes: int, **arguments: Any) -> None:
        super().__init__(classes=classes, **arguments)
        self.auxiliary = FCNHead(self.encoder.out_channels[-2], classes)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        return _with_auxiliary(self, image)


class DeepLabV3(smp.DeepLabV3):
    """Logits (B, K, h, w) as the library's; in training also those of a head on the fourth stage of the encoder.

    Args:
        classes: K.
        arguments: of the library's class.
    """

    def __init__(self, *, classes: int, **arguments: Any) -> None:
        super().__init__(classes=classes, **arguments)
        self.auxiliary = FCNHead(self.encoder.out_channels[-2], classes)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        return _with_auxiliary(self, image)


def _with_auxiliary(network: Any, image: Tensor) -> Tensor | WithAuxiliary:
    features = network.encoder(image)  # the image, then the maps of the stages
    logits: Tensor = network.segmentation_head(network.decoder(features))
    if not network.training:
        return logits
    head: nn.Module = network.auxiliary
    return WithAuxiliary(logits, {"stage4": head(features[-2])})
