"""DPT on the vision transformers of timm, for images of any size."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import segmentation_models_pytorch as smp

from seglab.models.timm_network import without_final_norm


class DPT(smp.DPT):
    """Logits (B, K, H, W) of DPT (Ranftl et al., arXiv 2103.13413) for an image (B, C, H, W), multiples of 32.

    The decoder is the library's: it fuses the maps after a quarter, a half, three quarters and all of the blocks, at
    1/4 to 1/32 of the size. Positions are resampled for each size of the image (timm's dynamic_img_size), and what
    serves to classify images alone is left out.

    Args:
        encoder_name: 'tu-' and the name of a network of timm with patches of 16 or 32 pixels, such as
            tu-vit_base_patch16_dinov3.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        encoder_options: further arguments of timm's class, such as img_size or drop_path_rate.
        decoder_readout: what becomes of the class token: concatenated with each patch and projected, added, ignored.
    """

    def __init__(
        self,
        *,
        encoder_name: str,
        encoder_weights: str | None,
        encoder_options: Mapping[str, Any],
        decoder_readout: Literal["cat", "add", "ignore"],
        decoder_intermediate_channels: Sequence[int],
        decoder_fusion_channels: int,
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            encoder_name=encoder_name,
            encoder_weights=encoder_weights,
            decoder_readout=decoder_readout,
            decoder_intermediate_channels=decoder_intermediate_channels,
            decoder_fusion_channels=decoder_fusion_channels,
            in_channels=in_channels,
            classes=classes,
            dynamic_img_size=True,
            num_classes=0,
            **encoder_options,
        )
        without_final_norm(self.encoder.model)
