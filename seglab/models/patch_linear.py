"""A linear classifier on the patches of a vision transformer, by which DINOv2 measures its features."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from seglab.models.timm_network import timm_network


class PatchLinear(nn.Module):
    """Logits (B, K, H / p, W / p) for an image (B, C, H, W), multiples of the patch's side p.

    Source: Oquab et al., DINOv2, arXiv 2304.07193, section 7.4, "linear": BatchNorm and a linear layer on the
    normalised tokens of the last block, the encoder frozen (callbacks=freeze_encoder).

    Args:
        encoder_name: a network of timm, with or without smp's 'tu-', such as tu-vit_small_patch14_dinov2.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        encoder_options: further arguments of timm's class.
    """

    def __init__(
        self,
        *,
        encoder_name: str,
        encoder_weights: str | None,
        encoder_options: Mapping[str, Any],
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.encoder = timm_network(
            encoder_name,
            encoder_weights=encoder_weights,
            in_channels=in_channels,
            arguments={"dynamic_img_size": True, "num_classes": 0, **encoder_options},
        )
        self.norm = nn.BatchNorm2d(self.encoder.embed_dim)
        self.classifier = nn.Conv2d(self.encoder.embed_dim, classes, kernel_size=1)
        nn.init.normal_(self.classifier.weight, std=0.01)

    def forward(self, image: Tensor) -> Tensor:
        # (B, width, H / p, W / p), of the last block alone
        [patches] = self.encoder.forward_intermediates(image, indices=1, norm=True, intermediates_only=True)
        logits: Tensor = self.classifier(self.norm(patches))
        return logits
