"""Batches of bytes: their layout, their sizes, and the names of what does not fit."""

from pathlib import Path

import albumentations
import numpy as np
import pytest
import torch

from seglab.data.dataset import SegmentationDataset
from seglab.data.source import Sample
from seglab.data.transforms import Augmentation
from seglab.errors import SeglabError
from seglab.labels import label_space


class Pictures:
    """A source of random pictures of 8x12, the last one of 8x14."""

    def __init__(self) -> None:
        self.samples = [Sample(Path("-"), Path("-"), name=f"picture_{index}", group="a") for index in range(5)]
        self.labels = label_space("camvid_11")

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(index)
        width = 14 if index == 4 else 12
        image = generator.integers(0, 256, (8, width, 3), dtype=np.uint8)
        return image, generator.integers(0, 11, (8, width), dtype=np.uint8)


def test_a_batch_holds_the_samples_as_contiguous_bytes() -> None:
    dataset = SegmentationDataset(Pictures(), size=None, augmentation=None)
    batch = dataset.__getitems__([(2, 0), (0, 0)])
    assert batch["image"].dtype == batch["mask"].dtype == torch.uint8
    assert batch["image"].shape == (2, 3, 8, 12)
    assert batch["mask"].shape == (2, 8, 12)
    assert batch["image"].is_contiguous()
    assert batch["mask"].is_contiguous()
    assert batch["name"] == ["picture_2", "picture_0"]
    for position, index in enumerate((2, 0)):
        image, mask = Pictures().read(index)
        np.testing.assert_array_equal(batch["image"][position].permute(1, 2, 0).numpy(), image)
        np.testing.assert_array_equal(batch["mask"][position].numpy(), mask)
    assert len(dataset) == 5


def test_size_makes_different_pictures_fit() -> None:
    dataset = SegmentationDataset(Pictures(), size=(4, 6), augmentation=None)
    batch = dataset.__getitems__([(3, 0), (4, 0)])
    assert batch["image"].shape == (2, 3, 4, 6)
    assert batch["mask"].shape == (2, 4, 6)


def test_pictures_of_different_sizes_are_named() -> None:
    dataset = SegmentationDataset(Pictures(), size=None, augmentation=None)
    with pytest.raises(SeglabError, match=r"'picture_3' is 8x12 and 'picture_4' 8x14 after .* - set data.size"):
        dataset.__getitems__([(3, 0), (4, 0)])


def test_each_sample_is_augmented_with_its_own_seed() -> None:
    augmentation = Augmentation([albumentations.RandomCrop(height=4, width=4)])
    dataset = SegmentationDataset(Pictures(), size=None, augmentation=augmentation)
    batch = dataset.__getitems__([(0, 7), (0, 8), (0, 7)])
    assert torch.equal(batch["image"][0], batch["image"][2])
    assert torch.equal(batch["mask"][0], batch["mask"][2])
    assert not torch.equal(batch["image"][0], batch["image"][1])
