"""Two training samples as one: pixels of a second sample, with their labels, over those of the first.

Which sample is the second, and what of it is taken, follows from the seed of the first alone, see
seglab.data.dataset. Both are augmented before, as published: ClassMix mixes pictures that were cropped and flipped,
CutMix the samples of a batch, and copy-paste objects of an image that was scaled and flipped by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import cv2
import numpy as np

from seglab.data.source import Labels
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX, label_space

_CHOSEN = 0.5  # probability of each thing


class Mixing(ABC):
    """Says which pixels are taken from the second sample.

    Args:
        p: 0..1, the share of the samples that are mixed.
    """

    def __init__(self, *, p: float) -> None:
        self.p = p

    @abstractmethod
    def taken(self, other: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """bool (H, W): the pixels to take from the second sample, whose mask `other` is uint8 (H, W) of train ids."""

    def __call__(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        *,
        other_image: np.ndarray,
        other_mask: np.ndarray,
        generator: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, C) and mask uint8 (H, W) of both; what is given stays as it is. All have one size and depth."""
        taken = self.taken(other_mask, generator)
        return np.where(taken[..., None], other_image, image), np.where(taken, other_mask, mask)


class ClassMix(Mixing):
    """Half of the classes of the second sample, drawn at random; of an odd number the smaller half.

    Olsson et al., arXiv 2007.07936, section 3.2, with the labels in place of predictions. Ignored pixels are of no
    class and stay behind.
    """

    def taken(self, other: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        present = np.flatnonzero(cv2.calcHist([np.ascontiguousarray(other)], [0], None, [256], [0, 256]).ravel())
        classes = present[present != IGNORE_INDEX]
        chosen = np.zeros(256, dtype=np.uint8)
        chosen[generator.permutation(classes)[: len(classes) // 2]] = 1
        return cv2.LUT(np.ascontiguousarray(other), chosen).astype(bool)


class CutMix(Mixing):
    """A box of the second sample, in the same place.

    Yun et al., arXiv 1905.04899, section 3.1: lambda ~ Beta(alpha, alpha), the sides are sqrt(1 - lambda) of the
    image's, the middle is anywhere, and what reaches over the border is cut off. Labels go with their pixels, so that
    none are weighted.

    Args:
        alpha: > 0; 1, as in the paper, makes all areas equally likely.
    """

    def __init__(self, *, p: float, alpha: float) -> None:
        super().__init__(p=p)
        self.alpha = alpha

    def taken(self, other: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        side = (1 - generator.beta(self.alpha, self.alpha)) ** 0.5
        box = []
        for length in other.shape:
            middle, half = generator.uniform(0, length), side * length / 2
            box.append(slice(max(0, round(middle - half)), min(length, round(middle + half))))
        taken = np.zeros(other.shape, dtype=bool)
        taken[tuple(box)] = True
        return taken


class CopyPaste(Mixing):
    """Things of some classes of the second sample, each with a probability of one half, in the same place.

    Ghiasi et al., arXiv 2012.07177, section 3, who paste a random subset of the objects, without blending. Masks of
    classes know no objects: a thing is a connected region of one class, so that people who touch are one.

    Args:
        labels: the label space of the data, as seglab.labels.label_space takes it.
        classes: their names in it.
        min_pixels: smaller regions stay behind.

    Raises:
        SeglabError: the label space has no such class.
    """

    def __init__(self, *, p: float, labels: Labels, classes: Sequence[str], min_pixels: int) -> None:
        super().__init__(p=p)
        space = label_space(labels)
        for name in classes:
            if name not in space.names:
                raise SeglabError(
                    f"mix.classes holds {name!r}; expected names of classes of {space.name} ({', '.join(space.names)})"
                    f"{did_you_mean(name, space.names)}"
                )
        self._ids = tuple(space.names.index(name) for name in classes)
        self._min_pixels = min_pixels

    def taken(self, other: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        taken = np.zeros(other.shape, dtype=bool)
        for train_id in self._ids:
            of_class = (other == train_id).astype(np.uint8)
            if not of_class.any():
                continue
            count, regions, sizes, _ = cv2.connectedComponentsWithStats(of_class, connectivity=8)
            chosen = (generator.random(count) < _CHOSEN) & (sizes[:, cv2.CC_STAT_AREA] >= self._min_pixels)
            chosen[0] = False  # what is not of the class
            taken |= chosen[regions]
        return taken
