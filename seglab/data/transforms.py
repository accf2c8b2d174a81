"""Resizing to the working size, and augmentation that is a pure function of (sample, seed)."""

import os
import random
from collections.abc import Iterator, Sequence
from typing import TypeAlias

# albumentations asks the package index for its newest version when it is imported
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations
import cv2
import numpy as np
from albumentations.core.composition import BaseCompose
from albumentations.core.transforms_interface import BasicTransform

from seglab.data.crop import ScaleAndCrop
from seglab.data.image_files import RGB
from seglab.errors import SeglabError, did_you_mean
from seglab.labels import IGNORE_INDEX

Transform: TypeAlias = BasicTransform | BaseCompose

RESIZE_RULE = "area-linear-nearest_exact"  # of `resize`; a cache of other pixels is another cache

_AT_ONCE = 4  # channels that OpenCV averages at once

# Those that call cv2.resize on the mask. The others warp, and OpenCV's warps know no INTER_NEAREST_EXACT.
_RESIZING = (
    albumentations.CropAndPad,
    albumentations.LongestMaxSize,
    albumentations.RandomResizedCrop,
    albumentations.RandomScale,
    albumentations.RandomSizedCrop,
    albumentations.Resize,
    albumentations.SmallestMaxSize,
)


def resize(image: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Both at `size` (H, W): the image by area (linearly when it grows), the mask by its nearest pixel.

    INTER_NEAREST_EXACT takes the pixel under the centre of the new one. INTER_NEAREST takes the one under its upper
    left corner and so moves the mask against the image, by two pixels when 1024 rows become 256.
    """
    height, width = size
    if image.shape[:2] != (height, width):
        shrinks = height * width < image.shape[0] * image.shape[1]
        rule = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        bands = [image[..., first : first + _AT_ONCE] for first in range(0, image.shape[2], _AT_ONCE)]
        parts = [cv2.resize(band, (width, height), interpolation=rule) for band in bands]
        image = parts[0] if len(parts) == 1 and parts[0].ndim == 3 else np.dstack(parts)  # a single channel is dropped
    if mask.shape != (height, width):
        mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return image, mask


class Augmentation:
    """Albumentations transforms in a row, called with the seed of the sample: equal seeds give equal pictures.

    Pixels that a transform invents (padding, corners after a rotation) become IGNORE_INDEX in the mask, whatever
    `fill_mask` says; albumentations' own default is 0, which is the first class. `fill_mask=None` of the dropouts
    stays: it hides a part of the image and keeps its labels.

    Args:
        transforms: in their order.
        crop: applied before them; beside the list, where its keys can be overridden.
    """

    def __init__(self, transforms: Sequence[Transform], *, crop: ScaleAndCrop | None = None) -> None:
        transforms = [*transforms] if crop is None else [crop, *transforms]
        for transform in _flatten(transforms):
            _refuse_unknown_arguments(transform)
            _refuse_more_than_one_sample(transform)
            if getattr(transform, "fill_mask", None) is not None:
                transform.fill_mask = IGNORE_INDEX
            if isinstance(transform, _RESIZING):
                transform.mask_interpolation = cv2.INTER_NEAREST_EXACT
        self._compose = albumentations.Compose(list(transforms))

    def __call__(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Augmented image (H', W', C) and mask uint8 (H', W') of an image (H, W, C) and its mask (H, W)."""
        if not self._compose.transforms:
            return image, mask
        if not image.flags.writeable:  # a view of a cache, and a transform may write into what it is given
            image, mask = image.copy(), mask.copy()
        # Not set_random_seed(seed): it gives each transform a generator of its own with the same seed, so that all
        # draw the same numbers and two transforms of p=0.5 always happen together. One shared generator draws on,
        # and costs a fifth.
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        given = image
        try:
            result = self._compose(image=image, mask=mask)
        except Exception as error:  # of whatever kind: most transforms are written for RGB of 8 bits
            if given.dtype == np.uint8 and given.shape[2] == RGB:
                raise
            raise SeglabError(
                f"expected transforms that take images of {given.dtype} with {given.shape[2]} channels; one of "
                f"augment.transforms does not: {error} - take it out, or choose augment=flip or augment=none"
            ) from error
        image, mask = result["image"], result["mask"]
        if not (isinstance(image, np.ndarray) and image.dtype == given.dtype and mask.dtype == np.uint8):
            raise SeglabError(
                f"expected {given.dtype} arrays from the augmentation; got {_kind(image)} image and {_kind(mask)} mask "
                "- take Normalize, ToFloat and ToTensorV2 out of augment.transforms, the model does their work"
            )
        if image.ndim == 2:
            image = image[..., None]
        if image.shape[2] != given.shape[2]:
            raise SeglabError(
                f"expected {given.shape[2]} channels from the augmentation; got {image.shape[2]} - take the transform "
                "that changes their number out of augment.transforms"
            )
        return image, mask


def _flatten(transforms: Sequence[Transform]) -> Iterator[BasicTransform]:
    """The transforms themselves, from inside OneOf, Sequential and the like."""
    for transform in transforms:
        if isinstance(transform, BaseCompose):
            yield from _flatten(transform.transforms)
        else:
            yield transform


def _refuse_unknown_arguments(transform: BasicTransform) -> None:
    # albumentations only warns of a misspelt argument and takes the default instead
    for argument in transform.invalid_args:
        name = type(transform).__name__
        arguments = sorted({*transform.get_transform_init_args_names(), "p"})
        raise SeglabError(
            f"expected the arguments of albumentations.{name} ({', '.join(arguments)}); got {argument!r}"
            f"{did_you_mean(argument, arguments)} - correct it in augment.transforms"
        )


def _refuse_more_than_one_sample(transform: BasicTransform) -> None:
    # Mosaic, MixUp-like and domain adaptation take other images from a key of the call, which is not there
    needed = [key for key in transform.targets_as_params if key not in ("image", "mask")]
    if needed:
        raise SeglabError(
            f"expected transforms of one image and its mask; albumentations.{type(transform).__name__} needs "
            f"{', '.join(map(repr, needed))} as well - take it out of augment.transforms"
        )


def _kind(array: object) -> str:
    return str(array.dtype) if isinstance(array, np.ndarray) else type(array).__name__
