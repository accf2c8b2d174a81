"""Resizing and augmentation: pairs stay aligned, invented pixels are ignored, the seed decides everything."""

import inspect
from collections import Counter
from typing import Any

import albumentations
import cv2
import numpy as np
import pytest
from albumentations.core.transforms_interface import DualTransform

from seglab.data.transforms import Augmentation, resize
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
MASK = np.full((32, 48), 3, dtype=np.uint8)


def test_resize_averages_the_image_and_selects_from_the_mask() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = np.array([0, 100, 100, 200], np.uint8).reshape(2, 2, 1)
    mask = np.arange(16, dtype=np.uint8).reshape(4, 4)
    small_image, small_mask = resize(image, mask, (2, 2))
    assert small_image[0, 0].tolist() == [100, 100, 100]
    assert set(small_mask.ravel()) <= set(mask.ravel())
    big_image, big_mask = resize(image, mask, (8, 8))
    assert big_image.shape == (8, 8, 3)
    np.testing.assert_array_equal(big_mask, np.repeat(np.repeat(mask, 2, 0), 2, 1))


def test_resize_takes_the_mask_pixel_under_the_centre() -> None:
    mask = np.arange(9, dtype=np.uint8).reshape(1, 9)
    _, small = resize(np.zeros((1, 9, 3), np.uint8), mask, (1, 3))
    assert small.tolist() == [[1, 4, 7]]  # the middles of 012, 345, 678; cv2.INTER_NEAREST gives 0, 3, 6


def test_resize_keeps_what_has_the_size() -> None:
    image, mask = resize(IMAGE, MASK, (32, 48))
    assert image is IMAGE
    assert mask is MASK


def dual_transforms() -> list[type[DualTransform]]:
    """All of albumentations' transforms of image and mask that need no further input."""
    special = ("3D", "BBox", "Mosaic", "Overlay", "Mask", "Text", "Template", "Time", "Frequency", "Morph", "Lambda")
    classes = [value for value in vars(albumentations).values() if inspect.isclass(value)]
    return [
        cls
        for cls in classes
        if issubclass(cls, DualTransform) and not any(word in cls.__name__ for word in special)
        and cls.__module__.startswith("albumentations.augmentations")
    ]  # fmt: skip


ARGUMENTS: dict[str, dict[str, Any]] = {
    "Crop": {"x_max": 60, "y_max": 60, "pad_if_needed": True},
    "CenterCrop": {"height": 64, "width": 64, "pad_if_needed": True},
    "CropAndPad": {"px": 5},
    "Pad": {"padding": 7},
    "PadIfNeeded": {"min_height": 64, "min_width": 64},
    "RandomCrop": {"height": 64, "width": 64, "pad_if_needed": True},
    "RandomResizedCrop": {"size": (20, 20)},
    "RandomSizedCrop": {"min_max_height": (10, 20), "size": (20, 20)},
    "Resize": {"height": 20, "width": 20},
    "Rotate": {"border_mode": cv2.BORDER_CONSTANT, "limit": (40, 40)},
    "ShiftScaleRotate": {"border_mode": cv2.BORDER_CONSTANT},
}


@pytest.mark.filterwarnings("ignore")
def test_no_transform_writes_a_class_that_was_not_there() -> None:
    checked, padded = 0, 0
    for cls in dual_transforms():
        try:
            transform = cls(**{"p": 1, **ARGUMENTS.get(cls.__name__, {})})
        except (TypeError, ValueError):
            continue  # needs arguments that are none of our business here
        for seed in range(3):
            try:
                _, mask = Augmentation([transform])(IMAGE, MASK, seed)
            except (KeyError, ValueError):
                continue  # a crop larger than this image, or one around boxes
            assert set(np.unique(mask)) <= {3, IGNORE_INDEX}, cls.__name__
            checked += 1
            padded += bool((mask == IGNORE_INDEX).any())
    assert checked > 60
    assert padded > 15


def test_padding_is_ignored_inside_nested_groups_too() -> None:
    pad = albumentations.PadIfNeeded(min_height=64, min_width=64, fill_mask=0, p=1)
    groups = [albumentations.Sequential([albumentations.OneOf([pad], p=1)], p=1)]
    _, mask = Augmentation(groups)(IMAGE, MASK, 0)
    assert mask.shape == (64, 64)
    assert Counter(mask.ravel().tolist()) == {3: 32 * 48, IGNORE_INDEX: 64 * 64 - 32 * 48}


def test_dropout_that_keeps_labels_still_keeps_them() -> None:
    _, mask = Augmentation([albumentations.CoarseDropout(p=1)])(IMAGE, MASK, 0)
    assert (mask == 3).all()


def test_the_seed_decides_everything_even_in_nested_groups() -> None:
    nested = albumentations.OneOf([albumentations.GaussNoise(p=1), albumentations.ColorJitter(p=1)], p=0.9)
    augmentation = Augmentation([albumentations.HorizontalFlip(p=0.5), albumentations.Affine(rotate=(-20, 20)), nested])
    first = [augmentation(IMAGE, MASK, seed) for seed in range(20)]
    again = [augmentation(IMAGE, MASK, seed) for seed in reversed(range(20))][::-1]
    for (image, mask), (same_image, same_mask) in zip(first, again, strict=True):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(mask, same_mask)
    assert len({image.tobytes() for image, _ in first}) > 15


def test_transforms_draw_independent_numbers() -> None:
    # albumentations' own set_random_seed lets flips of p=0.5 always happen together: two outcomes instead of four
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = 255
    flips = Augmentation([albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5)])
    outcomes = Counter(int(flips(image, MASK[:2, :2], seed)[0][..., 0].argmax()) for seed in range(400))
    assert sorted(outcomes) == [0, 1, 2, 3]
    assert min(outcomes.values()) > 60


def test_random_scale_takes_the_mask_pixel_under_the_centre() -> None:
    mask = np.tile(np.arange(90, dtype=np.uint8), (90, 1))
    scale = Augmentation([albumentations.RandomScale(scale_limit=(-2 / 3, -2 / 3), p=1)])
    _, small = scale(np.zeros((90, 90, 3), np.uint8), mask, 0)
    np.testing.assert_array_equal(small[0], np.arange(1, 90, 3))


@pytest.mark.filterwarnings("ignore:Argument")
def test_a_misspelt_argument_is_an_error() -> None:
    flip = albumentations.OneOf([albumentations.HorizontalFlip(P=1)])
    with pytest.raises(SeglabError, match=r"albumentations.HorizontalFlip \(p\); got 'P' .*augment.transforms"):
        Augmentation([flip])


@pytest.mark.parametrize(
    ("transform", "key"),
    [
        (albumentations.Mosaic(), "mosaic_metadata"),
        (albumentations.OneOf([albumentations.OverlayElements()]), "overlay_metadata"),
    ],
)
def test_transforms_of_several_images_are_refused(transform: Any, key: str) -> None:
    with pytest.raises(SeglabError, match=f"albumentations.* needs '{key}' as well - take it"):
        Augmentation([transform])


def test_float_output_is_refused() -> None:
    with pytest.raises(SeglabError, match="got float32 image and uint8 mask - take Normalize"):
        Augmentation([albumentations.Normalize()])(IMAGE, MASK, 0)


def test_no_transforms_change_nothing() -> None:
    image, mask = Augmentation([])(IMAGE, MASK, 0)
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(mask, MASK)
