"""Detectors of the features from which the last layer makes its logits: how far they lie from those of the training."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import seglab.lean_imports  # noqa: F401

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seglab.errors import SeglabError
from seglab.inference.ood.contract import Detector, Labelled, require_images
from seglab.labels import IGNORE_INDEX
from seglab.training.module import SegmentationModule

_AT_ONCE = 1 << 24  # distances that are held at a time: 64 MB


class Pixels(NamedTuple):
    """Features that were drawn of a training image."""

    features: Tensor  # (N, C)
    labels: Tensor  # int64 (N,), train ids


class OfFeatures(Detector):
    """Scores at the size of the features, brought to that of the result bilinearly."""

    def check(self, network: SegmentationModule) -> None:
        """Raises SeglabError for a network without a convolution that gives an output for each class."""
        _last_layers(network)

    def scores(self, network: SegmentationModule, image: Tensor, size: Sequence[int]) -> Tensor:
        features = features_of(network, image)  # (C, h, w)
        channels, height, width = features.shape
        scores = self.of_features(features.reshape(channels, -1).T).reshape(1, 1, height, width)
        rows, columns = image.shape[-2:]
        padded = _padded(network, (rows, columns))
        scores = F.interpolate(scores, size=padded, mode="bilinear", align_corners=False)[..., :rows, :columns]
        return F.interpolate(scores, size=tuple(size), mode="bilinear", align_corners=False)[0, 0]

    @abstractmethod
    def of_features(self, features: Tensor) -> Tensor:
        """float32 (N,) of features (N, C)."""


class Mahalanobis(OfFeatures):
    """min_k (f - mean_k)^T S^-1 (f - mean_k), of class means and one covariance (Lee et al., arXiv 1807.03888).

    Classes are those of the masks. A class that no drawn pixel has is left out. S gets 1e-6 of its mean diagonal, so
    that channels which say nothing can be inverted.

    Args:
        images: of the training split.
        pixels: of each of them, drawn by the seed.

    Raises:
        SeglabError: there are none of one of these.
    """

    def __init__(self, *, images: int, pixels: int, seed: int) -> None:
        self.images = require_images(images, of="means and covariance of features")
        self._pixels, self._seed = _require_pixels(pixels, key="pixels"), seed
        self._centre = self._means = self._whitening = torch.zeros(0)  # (C,), (K', C) and (C, C)

    def fit(self, network: SegmentationModule, samples: Iterable[Labelled]) -> None:
        count = total = second = torch.zeros(())
        for drawn in _drawn(network, samples, pixels=self._pixels, seed=self._seed):
            features = drawn.features.double().cpu()
            if total.ndim == 0:
                count = torch.zeros(len(network.class_names), dtype=torch.float64)
                total = torch.zeros(len(count), features.shape[1], dtype=torch.float64)
                second = torch.zeros(features.shape[1], features.shape[1], dtype=torch.float64)
            count += torch.bincount(drawn.labels.cpu(), minlength=len(count))
            total.index_add_(0, drawn.labels.cpu(), features)
            second += features.T @ features
        seen = count > 0
        means = total[seen] / count[seen, None]
        covariance = (second - means.T @ (means * count[seen, None])) / count.sum()
        covariance += 1e-6 * covariance.diagonal().mean().clamp(min=1e-12) * torch.eye(len(covariance))
        whitening = torch.linalg.inv(torch.linalg.cholesky(covariance))  # |W (f - mean)|^2 is the distance
        # a channel of small variance far from 0 would cost float32 its digits; distances are the same around any centre
        centre = means.mean(0).float()
        self._centre, self._whitening = centre, whitening.float()
        self._means = ((means - centre) @ whitening.T).float()

    def of_features(self, features: Tensor) -> Tensor:
        centre, means, whitening = (part.to(features.device) for part in (self._centre, self._means, self._whitening))
        parts = (features.float() - centre).split(max(1, _AT_ONCE // max(*means.shape, 1)))
        return torch.cat([_distances(part @ whitening.T, means).min(1).values.square() for part in parts])


def _distances(features: Tensor, others: Tensor) -> Tensor:
    """(N, M), of differences: a matrix product of large numbers would lose small distances."""
    return torch.cdist(features, others, compute_mode="donot_use_mm_for_euclid_dist")


class Knn(OfFeatures):
    """Distance to the k-th nearest of the training's features, all of length 1 (Sun et al., arXiv 2204.06507).

    Args:
        images: of the training split.
        bank: how many features are kept, of each image as many, drawn by the seed. The time grows with it.
        k: the paper takes 1000 of 1.3 million, and 1 of a hundredth of them.

    Raises:
        SeglabError: there are none of these, or fewer than k.
    """

    def __init__(self, *, images: int, bank: int, k: int, seed: int) -> None:
        self.images = require_images(images, of="a bank of features")
        if not 1 <= k <= bank:
            raise SeglabError(f"ood.k: expected a whole number from 1 to ood.bank={bank}; got {k}")
        self._size, self._k, self._seed = bank, k, seed
        self._bank = torch.zeros(0)  # (M, C)

    def fit(self, network: SegmentationModule, samples: Iterable[Labelled]) -> None:
        pixels = -(-self._size // self.images)
        drawn = _drawn(network, samples, pixels=pixels, seed=self._seed)
        kept = torch.cat([F.normalize(part.features.float(), dim=1).cpu() for part in drawn])
        if len(kept) < self._k:
            raise SeglabError(f"ood.k: expected no more than the {len(kept)} features that were found; got {self._k}")
        self._bank = kept[: self._size]

    def of_features(self, features: Tensor) -> Tensor:
        bank = self._bank.to(features.device)
        parts = F.normalize(features.float(), dim=1).split(max(1, _AT_ONCE // len(bank)))
        return torch.cat([torch.cdist(part, bank).kthvalue(self._k, dim=1).values for part in parts])


def features_of(network: SegmentationModule, image: Tensor) -> Tensor:
    """(C, h, w), the input of the last convolution that gives an output for each class, of an image (1, C, H, W)."""
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for layer in _last_layers(network)
    ]
    try:
        network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return seen[-1][0]


def _last_layers(network: SegmentationModule) -> list[nn.Module]:
    layers: list[nn.Module] = [
        layer
        for layer in network.network.modules()
        if isinstance(layer, nn.Conv2d) and layer.out_channels == network.num_outputs
    ]
    if not layers:
        raise SeglabError(
            "ood: expected a network whose last layer is a convolution with an output for each class, as its input is "
            f"what a detector is made of; {type(network.network).__name__} has none - choose one of logits, such as "
            "ood=max_logit"
        )
    return layers


def _drawn(network: SegmentationModule, samples: Iterable[Labelled], *, pixels: int, seed: int) -> Iterator[Pixels]:
    """At most so many labelled features of each image."""
    for index, sample in enumerate(samples):
        features = features_of(network, sample.image)
        height, width = features.shape[1:]
        (rows, columns), (below, right) = sample.mask.shape, _padded(network, sample.mask.shape)
        padded = F.pad(sample.mask[None].float(), (0, right - columns, 0, below - rows), value=IGNORE_INDEX)
        labels = F.interpolate(padded[None], size=(height, width), mode="nearest-exact")[0, 0].long().flatten()
        places = (labels != IGNORE_INDEX).nonzero()[:, 0]
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed + index))[:pixels]
        chosen = places[order.to(places.device)]
        yield Pixels(features.flatten(1)[:, chosen].T, labels[chosen])


def _padded(network: SegmentationModule, size: Sequence[int]) -> tuple[int, int]:
    """(H, W) of an image of `size` as the network gets it: padded below and to the right."""
    height, width = size
    return height + -height % network.size_divisor, width + -width % network.size_divisor


def _require_pixels(count: int, *, key: str) -> int:
    if count < 1:
        raise SeglabError(f"ood.{key}: expected a whole number >= 1; got {count}")
    return count
