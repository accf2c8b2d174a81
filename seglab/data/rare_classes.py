"""Rare-class sampling: images are drawn by their classes, rare ones more often."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """What an epoch of drawn images is made of: first a class, then one of its images, all alike likely."""

    probabilities: np.ndarray  # float64 (K,), 0 for classes that no image holds
    images: tuple[np.ndarray, ...]  # of each class, indices of samples

    def indices(self, uniform: np.ndarray) -> list[int]:
        """One index of a sample for each row of `uniform`, float64 (N, 2) in 0..1: of its class, and within that."""
        present = np.flatnonzero(self.probabilities)
        edges = np.cumsum(self.probabilities[present])
        classes = present[np.minimum(np.searchsorted(edges, uniform[:, 0] * edges[-1], side="right"), len(present) - 1)]
        drawn = zip(classes, uniform[:, 1], strict=True)
        return [int(self.images[of][int(place * len(self.images[of]))]) for of, place in drawn]

    @property
    def digest(self) -> int:
        """Equal for equal draws: a position inside an epoch counts in no other order."""
        parts = [self.probabilities.tobytes(), *(images.astype(np.int64).tobytes() for images in self.images)]
        return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "little")


class RareClasses:
    """Hoyer et al., DAFormer, arXiv 2111.14887, equation 2: P(c) = exp((1 - f_c) / T) / sum_i exp((1 - f_i) / T).

    f_c is the share of class c in the labelled pixels of the training split. A class is drawn, then one of the images
    that hold it. Their code counts an image from 3000 of its 2048x1024 pixels on, and tries crops until the class is
    in one; here the share is what is asked for, at the size of the files, and the crop is as it comes.

    Args:
        temperature: T > 0; the smaller, the more of the rarest. 0.01 in the paper.
        min_share: 0..1, of an image's pixels that a class fills where the image counts as one of it. A class that
            fills so much of none is drawn from all images that hold it.
    """

    def __init__(self, *, temperature: float, min_share: float) -> None:
        self.temperature = temperature
        self.min_share = min_share

    def draws(self, counts: np.ndarray) -> Draws:
        """Of pixels of each class in each image, int64 (N, K + 1), the last column those of none."""
        pixels = counts[:, :-1].astype(np.float64)  # (N, K)
        held = pixels.sum(0)  # (K,)
        exponents = (1 - held / max(1.0, held.sum())) / self.temperature
        weights = np.exp(exponents - exponents.max()) * (held > 0)
        enough = pixels >= self.min_share * counts.sum(1, keepdims=True)
        images = [np.flatnonzero(enough[:, of] & (pixels[:, of] > 0)) for of in range(pixels.shape[1])]
        images = [some if len(some) else np.flatnonzero(pixels[:, of]) for of, some in enumerate(images)]
        return Draws(weights / max(weights.sum(), np.finfo(float).tiny), tuple(images))


def shares(draws: Draws, names: Sequence[str]) -> list[str]:
    """'train 31.2 %' for the classes that are drawn, the most frequent first."""
    ranked = sorted(zip(draws.probabilities, names, strict=True), key=lambda pair: -pair[0])
    return [f"{name} {100 * share:.3g} %" for share, name in ranked if share > 0]
