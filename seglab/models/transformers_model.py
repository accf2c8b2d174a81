"""Networks of transformers that score pixels: SegFormer, UPerNet and BEiT, made of the parts that the library calls.

Any other can be named in a configuration, inside LogitsOf.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seglab.models.auxiliary import WithAuxiliary
from seglab.models.transformers_library import library_network


class SegFormer(nn.Module):
    """Logits (B, K, H/4, W/4) of SegFormer (Xie et al., arXiv 2105.15203) for an image (B, C, H, W).

    Args:
        config, weights: see seglab.models.transformers_library.library_network.
    """

    def __init__(self, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        network = library_network(
            "SegformerForSemanticSegmentation", config=config, weights=weights, classes=classes, in_channels=in_channels
        )
        self.encoder: nn.Module = network.segformer
        self.decoder: nn.Module = network.decode_head

    def forward(self, image: Tensor) -> Tensor:
        features = []
        for stage in self.encoder.stages:  # type: ignore[union-attr]
            image = stage(image)
            features.append(image)  # (B, C, H/4, W/4) to (B, C, H/32, W/32)
        logits: Tensor = self.decoder(features)
        return logits


class LogitsOf(nn.Module):
    """Logits (B, K, h, w) of any network of transformers that scores pixels, for an image (B, C, H, W).

    The networks of this file know their parts; here the whole answers, so that nothing is its encoder: no
    activation.scope, no freezing, no learning rate of its own.

    Args:
        network: such as transformers.DPTForSemanticSegmentation; what it returns has `logits`.
    """

    def __init__(self, *, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.network(pixel_values=image).logits
        return logits


class UperNet(nn.Module):
    """Logits (B, K, H/4, W/4) of UPerNet (Xiao et al., arXiv 1807.10221) on a backbone of transformers.

    In training also those of the head on the backbone's third map, (B, K, H/16, W/16).

    Args:
        config, weights: see seglab.models.transformers_library.library_network.
    """

    def __init__(self, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        network = library_network(
            "UperNetForSemanticSegmentation", config=config, weights=weights, classes=classes, in_channels=in_channels
        )
        self.backbone: nn.Module = network.backbone
        self.decoder: nn.Module = network.decode_head
        self.auxiliary: nn.Module | None = network.auxiliary_head

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        features = self.backbone(image).feature_maps
        logits: Tensor = self.decoder(features)
        if self.training and self.auxiliary is not None:
            return WithAuxiliary(logits, {"third": self.auxiliary(features)})
        return logits


class Beit(nn.Module):
    """Logits (B, K, H/4, W/4) of BEiT (Bao et al., arXiv 2106.08254) with a pyramid and UPerNet's head.

    The pyramid is fed after the blocks config.out_indices, counted from 0, as in the authors' code and OpenMMLab's;
    transformers' own network reads two blocks earlier. Positions are interpolated for images of another size than
    config.image_size. In training also the logits of the head on the pyramid's third map, (B, K, H/16, W/16).

    Args:
        config, weights: see seglab.models.transformers_library.library_network.
    """

    def __init__(self, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        network = library_network(
            "BeitForSemanticSegmentation", config=config, weights=weights, classes=classes, in_channels=in_channels
        )
        self.encoder: nn.Module = network.beit
        self.pyramid: nn.Module = network.fpn
        self.decoder: nn.Module = network.decode_head
        self.auxiliary: nn.Module | None = network.auxiliary_head
        self._patch_size: int = network.config.patch_size
        self._fed_after: list[int] = list(network.config.out_indices)

    def forward(self, image: Tensor) -> Tensor | WithAuxiliary:
        encoder: Any = self.encoder
        grid = (image.shape[-2] // self._patch_size, image.shape[-1] // self._patch_size)
        _remember_positions(encoder, grid)
        bias = None if encoder.shared_position_bias is None else encoder.shared_position_bias(grid)
        tokens = encoder.embeddings(image)  # (B, 1 + hw, C), the class token first
        maps = []
        for index, layer in enumerate(encoder.layers):
            tokens = layer(tokens, attention_mask=bias, resolution=image.shape[-2:])
            if index in self._fed_after:
                maps.append(tokens[:, 1:].transpose(1, 2).unflatten(2, grid))
        features = self.pyramid(maps)  # (B, C, H/4, W/4) to (B, C, H/32, W/32)
        logits: Tensor = self.decoder(features)
        if self.training and self.auxiliary is not None:
            return WithAuxiliary(logits, {"third": self.auxiliary(features)})
        return logits


def _remember_positions(encoder: Any, grid: tuple[int, int]) -> None:
    """The library keeps what it computes here; computed in inference mode, no training could use it any more."""
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):
            for module in encoder.modules():
                if type(module).__name__ == "BeitRelativePositionBias":
                    module.generate_relative_position_index(grid)
                    return
