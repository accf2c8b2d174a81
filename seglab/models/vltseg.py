"""VLTSeg: a vision transformer that was trained beside texts (EVA-02-CLIP), with the decoder of Mask2Former.

Source: Hümmer et al., "Strong but Simple: A Baseline for Domain Generalized Dense Perception by CLIP-based Transfer
Learning", ACCV 2024, arXiv 2312.02021 (VLTSeg in its first versions). Its authors published no code; what the paper
leaves open is as in the public re-implementation github.com/VLTSeg/VLTSeg: the blocks that are read and the pyramid.
The encoder is timm's, the decoder transformers'.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.models.queries import Queries, class_scores
from seglab.models.timm_network import timm_network, without_final_norm
from seglab.models.transformers_library import library_network


class VLTSeg(nn.Module):
    """Queries of an image (B, C, H, W) in training, class_scores (B, K, H, W) in evaluation.

    For patches of p pixels masks are (B, Q, 4H/p, 4W/p). Before the first layer of the decoder and after each one the
    queries are read; all but the last reading are `auxiliary`. Height and width are multiples of 2p.

    Args:
        encoder_name: one of timm's Eva networks, such as tu-eva02_large_patch14_clip_224.
        encoder_weights: any text for timm's own weights of that name, downloaded once; None for a random start.
        encoder_options: other arguments of timm.models.eva.Eva; img_size is the size at which positions are learned,
            others are interpolated.
        out_indices: the four blocks, counted from 0, whose maps make the pyramid, the first one its finest level.
        config: arguments of transformers.Mask2FormerConfig but its backbone.

    Raises:
        SeglabError: timm has no such network, or it has fewer blocks; see also library_network.
    """

    def __init__(
        self,
        *,
        encoder_name: str,
        encoder_weights: str | None,
        encoder_options: Mapping[str, Any],
        out_indices: Sequence[int],
        config: Mapping[str, Any],
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.encoder: nn.Module = timm_network(
            encoder_name,
            encoder_weights=encoder_weights,
            in_channels=in_channels,
            arguments={"num_classes": 0, "global_pool": "", "dynamic_img_size": True, **encoder_options},
            module="eva",
        )
        without_final_norm(self.encoder)
        blocks = len(self.encoder.blocks)
        if len(out_indices) != 4 or not all(0 <= index < blocks for index in out_indices):
            raise SeglabError(
                f"model.out_indices: expected four blocks from 0 to {blocks - 1}; came {list(out_indices)} - of 24 "
                "blocks those are [9,14,19,23]"
            )
        self._out_indices = list(out_indices)
        width: int = self.encoder.num_features
        self.pyramid = _Pyramid(width)
        network = library_network(
            "Mask2FormerForUniversalSegmentation",
            config={**config, "backbone_config": _stand_in(width)},
            weights=None,
            classes=classes,
            in_channels=in_channels,
        )
        self.pixel_decoder: nn.Module = network.model.pixel_level_module.decoder
        self.decoder: nn.Module = network.model.transformer_module
        self.class_predictor: nn.Module = network.class_predictor

    def forward(self, image: Tensor) -> Tensor | Queries:
        queries = self.queries(image)
        return queries if self.training else class_scores(queries, size=image.shape[-2:])

    def queries(self, image: Tensor) -> Queries:
        encoder: Any = self.encoder
        maps = encoder.forward_intermediates(image, indices=self._out_indices, stop_early=True, intermediates_only=True)
        pixels = self.pixel_decoder(self.pyramid(maps))
        decoded = self.decoder(pixels.multi_scale_features, pixels.mask_features)
        readings = list(zip(decoded.intermediate_hidden_states, decoded.masks_queries_logits, strict=True))
        used = readings if self.training else readings[-1:]
        *auxiliary, last = ((self.class_predictor(hidden.transpose(0, 1)), masks) for hidden, masks in used)
        return Queries(*last, tuple(auxiliary))


class _Pyramid(nn.Module):
    """Four maps (B, C, h, w) of a vision transformer as (B, C, 4h, 4w), (B, C, 2h, 2w), (B, C, h, w), (B, C, h/2, w/2).

    Each by itself, without ways from one level to another: the simple pyramid of plain vision transformers (Li et al.,
    ViTDet, arXiv 2203.16527, section 3) in the form that BEiT gave it for segmentation.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.finest = nn.Sequential(
            nn.ConvTranspose2d(width, width, 2, stride=2),
            nn.BatchNorm2d(width),
            nn.GELU(),
            nn.ConvTranspose2d(width, width, 2, stride=2),
        )
        self.fine = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.coarse = nn.MaxPool2d(2)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return [self.finest(maps[0]), self.fine(maps[1]), maps[2], self.coarse(maps[3])]


def _stand_in(width: int) -> dict[str, Any]:
    """A small backbone with the channels of the pyramid: the library builds none without, and it is thrown away."""
    return {
        "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [width] * 4, "depths": [1] * 4,
        "layer_type": "bottleneck", "out_features": ["stage1", "stage2", "stage3", "stage4"],
    }  # fmt: skip
