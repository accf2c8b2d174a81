"""PSPNet and DeepLabV3 of segmentation-models-pytorch with the auxiliary head that their authors train with.

The head sees the encoder's last stage but one: section 3.3 and figure 4 of PSPNet (Zhao et al., arXiv 1612.01105, whose
weight is 0.4). It is torchvision's and OpenMMLab's for either network.
"""

from typing import Any

import segmentation_models_pytorch as smp
from torch import Tensor, nn
from torchvision.models.segmentation.fcn import FCNHead

from seglab.models.auxiliary import WithAuxiliary


class _WithHead(nn.Module):
    """Before a network of the library in the order of its bases: the head, and what is returned."""

    def __init__(self, *, classes: int, **arguments: Any) -> None:
        super().__init__(classes=classes, **arguments)
        network: Any = self
        self.auxiliary = FCNHead(network.encoder.out_channels[-2], classes)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        network: Any = self
        features = network.encoder(image)  # the image, then the maps of the stages
        logits: Tensor = network.segmentation_head(network.decoder(features))
        return WithAuxiliary(logits, {"stage4": self.auxiliary(features[-2])}) if self.training else logits


class PSPNet(_WithHead, smp.PSPNet):
    """Logits (B, K, h, w) as the library's; in training also those of a head on the fourth stage of the encoder."""


class DeepLabV3(_WithHead, smp.DeepLabV3):
    """Logits (B, K, h, w) as the library's; in training also those of a head on the fourth stage of the encoder."""
