"""A split as batches of bytes: read, resized, augmented, mixed."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from seglab.batch import Batch
from seglab.data.mixing import Mixing
from seglab.data.source import Source
from seglab.data.transforms import Augmentation, resize
from seglab.errors import SeglabError

Key = tuple[int, int]  # (index of the sample, seed of its augmentation)

_MIXING = 1  # beside a sample's seed: random numbers of their own, and those of its augmentation stay as they were


class SegmentationDataset(Dataset[Batch]):
    """Batches of a source. Whole lists of keys are asked for at once, so that a batch is written where it stays.

    Args:
        source: one split of a data set.
        size: (H, W) to which images and masks are resized before augmentation; None keeps the size of the files.
        augmentation: called with image, mask and the seed of the sample; None for evaluation.
        mixing: takes pixels of a second sample into some of them, after the augmentation of both; None for none.
    """

    def __init__(
        self,
        source: Source,
        *,
        size: tuple[int, int] | None,
        augmentation: Augmentation | None,
        mixing: Mixing | None = None,
    ) -> None:
        self.source = source
        self.size = size
        self.augmentation = augmentation
        self.mixing = mixing

    def __len__(self) -> int:
        return len(self.source.samples)

    def sample(self, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, C) and mask uint8 (H, W) of one sample, resized, augmented and mixed with another.

        Which other one, its augmentation, and what is taken of it follow from the seed: no other sample of the batch
        has a part in it. Raises SeglabError where the two differ in size or depth.
        """
        image, mask = self._augmented(key)
        if self.mixing is None:
            return image, mask
        index, seed = key
        generator = np.random.default_rng((seed, _MIXING))
        if generator.random() >= self.mixing.p:
            return image, mask
        other = int(generator.integers(len(self)))
        other_image, other_mask = self._augmented((other, int(generator.integers(2**32))))
        if other_image.shape != image.shape or other_image.dtype != image.dtype:
            names = [self.source.samples[place].name for place in (index, other)]
            raise SeglabError(
                f"expected two samples of one size and depth to mix; '{names[0]}' is {_described(image)} and "
                f"'{names[1]}' {_described(other_image)} after augmentation - set data.size, let augment.transforms "
                "end with a crop to a fixed size, or leave mix out"
            )
        return self.mixing(image, mask, other_image=other_image, other_mask=other_mask, generator=generator)

    def _augmented(self, key: Key) -> tuple[np.ndarray, np.ndarray]:
        index, seed = key
        image, mask = self.source.read(index)
        if self.size is not None:
            image, mask = resize(image, mask, self.size)
        if self.augmentation is not None:
            image, mask = self.augmentation(image, mask, seed)
        return image, mask

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The batch of `keys`. Raises SeglabError when its samples differ in size."""
        names = [self.source.samples[index].name for index, _ in keys]
        image, mask = self.sample(keys[0])
        height, width = mask.shape
        images = np.empty((len(keys), image.shape[2], height, width), dtype=image.dtype)
        masks = np.empty((len(keys), height, width), dtype=np.uint8)
        for position, key in enumerate(keys):
            if position > 0:
                image, mask = self.sample(key)
            if mask.shape != (height, width):
                raise SeglabError(
                    f"expected one size in a batch; '{names[0]}' is {height}x{width} and '{names[position]}' "
                    f"{mask.shape[0]}x{mask.shape[1]} after augmentation - set data.size, and let augment.transforms "
                    "end with a crop to a fixed size"
                )
            if image.dtype != images.dtype:
                raise SeglabError(
                    f"expected images of one depth in a split; '{names[0]}' is {images.dtype} and '{names[position]}' "
                    f"{image.dtype} - convert one of them"
                )
            cv2.split(image, list(images[position]))  # into its place, three times faster than a transposed copy
            masks[position] = mask
        return Batch(image=torch.from_numpy(images), mask=torch.from_numpy(masks), name=names)


def _described(image: np.ndarray) -> str:
    """'32x64x3 uint8'."""
    return f"{'x'.join(map(str, image.shape))} {image.dtype}"
