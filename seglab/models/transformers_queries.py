"""Networks of transformers that classify masks: Mask2Former, MaskFormer and EoMT, made of the library's parts."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.models.mask_annealing import mask_probabilities
from seglab.models.queries import Queries, class_scores
from seglab.models.scheduled import Scheduled
from seglab.models.transformers_library import library_network


class Mask2Former(nn.Module):
    """Queries of an image (B, C, H, W) in training, class_scores (B, K, H, W) in evaluation (arXiv 2112.01527).

    Masks are (B, Q, H/4, W/4). Before the first layer of the decoder and after each one the queries are read; all but
    the last reading are `auxiliary`.

    Args:
        config, weights: see seglab.models.transformers_library.library_network.
    """

    def __init__(self, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        network = library_network(
            "Mask2FormerForUniversalSegmentation",
            config=config, weights=weights, classes=classes, in_channels=in_channels,
        )  # fmt: skip
        self.backbone: nn.Module = network.model.pixel_level_module.encoder
        self.pixel_decoder: nn.Module = network.model.pixel_level_module.decoder
        self.decoder: nn.Module = network.model.transformer_module
        self.class_predictor: nn.Module = network.class_predictor

    def forward(self, image: Tensor) -> Tensor | Queries:
        queries = self.queries(image)
        return queries if self.training else class_scores(queries, size=image.shape[-2:])

    def queries(self, image: Tensor) -> Queries:
        pixels = self.pixel_decoder(self.backbone(image).feature_maps)
        decoded = self.decoder(pixels.multi_scale_features, pixels.mask_features)
        readings = list(zip(decoded.intermediate_hidden_states, decoded.masks_queries_logits, strict=True))
        used = readings if self.training else readings[-1:]
        *auxiliary, last = ((self.class_predictor(hidden.transpose(0, 1)), masks) for hidden, masks in used)
        return Queries(*last, tuple(auxiliary))


class MaskFormer(nn.Module):
    """Queries of an image (B, C, H, W) in training, class_scores (B, K, H, W) in evaluation (arXiv 2107.06278).

    Masks are (B, Q, H/4, W/4). The readings after the earlier layers of the decoder are `auxiliary`.

    Args:
        config, weights: see seglab.models.transformers_library.library_network.
    """

    def __init__(self, *, config: Mapping[str, Any], weights: str | None, classes: int, in_channels: int = 3) -> None:
        super().__init__()
        network = library_network(
            "MaskFormerForInstanceSegmentation",
            config=config, weights=weights, classes=classes, in_channels=in_channels,
        )  # fmt: skip
        self.backbone: nn.Module = network.model.pixel_level_module.encoder
        self.pixel_decoder: nn.Module = network.model.pixel_level_module.decoder
        self.decoder: nn.Module = network.model.transformer_module
        self.class_predictor: nn.Module = network.class_predictor
        self.mask_embedder: nn.Module = network.mask_embedder

    def forward(self, image: Tensor) -> Tensor | Queries:
        queries = self.queries(image)
        return queries if self.training else class_scores(queries, size=image.shape[-2:])

    def queries(self, image: Tensor) -> Queries:
        features = self.backbone(image).feature_maps
        pixels = self.pixel_decoder(features).last_hidden_state  # (B, C, H/4, W/4)
        decoded = self.decoder(features[-1], output_hidden_states=self.training)
        *auxiliary, last = (self._reading(tokens, pixels) for tokens in self._layers(decoded))
        return Queries(*last, tuple(auxiliary))

    def _layers(self, decoded: Any) -> list[Tensor]:
        """(B, Q, C) after each layer, normalised; in evaluation the last one's alone."""
        if not self.training:
            return [decoded.last_hidden_state]
        norm: nn.Module = self.decoder.decoder.layernorm  # type: ignore[union-attr,assignment]
        return [*map(norm, decoded.hidden_states[1:-1]), decoded.last_hidden_state]  # the first is the input

    def _reading(self, tokens: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        masks = torch.einsum("bqc,bchw->bqhw", self.mask_embedder(tokens), pixels)
        return self.class_predictor(tokens), masks


class Eomt(nn.Module, Scheduled):
    """Queries of an image (B, C, H, W) in training, class_scores (B, K, H, W) in evaluation (arXiv 2503.19108).

    A vision transformer whose last config.num_blocks blocks take the queries along with the patches; masks are
    (B, Q, H/4, W/4) for patches of 16. The readings before each of these blocks are `auxiliary`. Unlike the library's,
    it takes images of any multiple of a patch: its positions are resized, bilinear. The library's layers are called one
    by one for that and for the auxiliary readings, which it keeps to itself.

    Args:
        masked_attention: a query looks only at the patches within its mask so far. True: in training and evaluation
            alike. "annealed", the paper's: in training, abandoned block by block in its course, query by query at
            random, see seglab.models.mask_annealing; in evaluation never, whenever it is. False: never, which published
            weights want.
        config, weights: see seglab.models.transformers_library.library_network.
    """

    mask_probability: Tensor

    def __init__(
        self,
        *,
        masked_attention: bool | Literal["annealed"],
        config: Mapping[str, Any],
        weights: str | None,
        classes: int,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        network = library_network(
            "EomtForUniversalSegmentation", config=config, weights=weights, classes=classes, in_channels=in_channels
        )
        self.encoder = _VisionTransformer(network)
        self.query: nn.Embedding = network.query
        self.upscale: nn.Module = network.upscale_block
        self.mask_head: nn.Module = network.mask_head
        self.class_predictor: nn.Module = network.class_predictor
        self._blocks: int = network.config.num_blocks
        self._masked_attention = masked_attention
        # follows from the step: a part of no checkpoint
        self.register_buffer("mask_probability", torch.ones(self._blocks), persistent=False)

    def set_progress(self, progress: float) -> None:
        values = mask_probabilities(progress, blocks=self._blocks)
        self.mask_probability.copy_(torch.tensor(values), non_blocking=True)

    def forward(self, image: Tensor) -> Tensor | Queries:
        queries = self.queries(image)
        return queries if self.training else class_scores(queries, size=image.shape[-2:])

    def queries(self, image: Tensor) -> Queries:
        tokens, grid = self.encoder.embedded(image)
        readings: list[tuple[Tensor, Tensor]] = []
        for layer in self.encoder.layers[: -self._blocks]:
            tokens = layer(tokens)
        tokens = torch.cat([self.query.weight.expand(image.shape[0], -1, -1), tokens], 1)  # (B, Q + 1 + R + hw, C)
        is_masked = self._masked_attention is True or (self._masked_attention == "annealed" and self.training)
        for index, layer in enumerate(self.encoder.layers[-self._blocks :]):
            mask = None
            if self.training or is_masked:
                readings.append(self._reading(tokens, grid))
            if is_masked:
                outside = self._outside(readings[-1][1], grid)
                if self._masked_attention == "annealed":
                    keeps = torch.rand(outside.shape[:2], device=outside.device) < self.mask_probability[index]
                    outside = outside & keeps.unsqueeze(2)
                mask = self._attention_mask(outside, tokens)
            tokens = layer(tokens, mask)
        return Queries(*self._reading(tokens, grid), tuple(readings) if self.training else ())

    def _reading(self, tokens: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        tokens = self.encoder.layernorm(tokens)
        queries = tokens[:, : self.query.num_embeddings]
        patches = tokens[:, self._first_patch :].transpose(1, 2).unflatten(2, grid)
        masks = torch.einsum("bqc,bchw->bqhw", self.mask_head(queries), self.upscale(patches))
        return self.class_predictor(queries), masks

    def _outside(self, mask_logits: Tensor, grid: tuple[int, int]) -> Tensor:
        """bool (B, Q, hw): the patches that do not lie in the mask of a query."""
        return F.interpolate(mask_logits.float(), size=grid, mode="bilinear").flatten(2) <= 0

    def _attention_mask(self, outside: Tensor, tokens: Tensor) -> Tensor:
        """(B, 1, N, N) to be added to the attention of all heads: nearly minus infinity where none is wanted."""
        outside = F.pad(outside, (self._first_patch, 0, 0, tokens.shape[1] - self.query.num_embeddings))
        mask = torch.zeros_like(outside, dtype=tokens.dtype)
        return mask.masked_fill(outside, torch.finfo(tokens.dtype).min).unsqueeze(1)

    @property
    def _first_patch(self) -> int:
        return self.query.num_embeddings + self.encoder.num_prefix


class _VisionTransformer(nn.Module):
    """The parts of a network of EoMT that a vision transformer has."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.embeddings: nn.Module = network.embeddings
        self.layers: nn.ModuleList = network.layers
        self.layernorm: nn.Module = network.layernorm
        self.num_prefix: int = network.embeddings.num_prefix_tokens
        self._grid: tuple[int, int] = network.grid_size

    def embedded(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """(B, 1 + R + hw, C): a class token, registers and the patches; and how many of these, (h, w)."""
        parts: Any = self.embeddings
        patches = parts.patch_embeddings.projection(image)  # (B, C, h, w)
        grid = (patches.shape[2], patches.shape[3])
        learned = parts.position_embeddings.weight.T.unflatten(1, self._grid).unsqueeze(0)
        patches = patches + F.interpolate(learned, size=grid, mode="bilinear", align_corners=False)
        first = torch.cat([parts.cls_token, parts.register_tokens], 1).expand(image.shape[0], -1, -1)
        return parts.dropout(torch.cat([first, patches.flatten(2).transpose(1, 2)], 1)), grid
