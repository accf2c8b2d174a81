"""Random scale and crop: the window, its labels, mmsegmentation's rule of the largest class, and the seed."""

import albumentations
import cv2
import numpy as np
import pytest
from hydra.utils import instantiate

from seglab import config
from seglab.config.compose import compose
from seglab.data.crop import ScaleAndCrop, _is_mixed
from seglab.data.transforms import Augmentation
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
MASK = np.tile(np.arange(80, dtype=np.uint8) // 20, (40, 1))  # four stripes of one class each
EVERY_PRESET = ("crop", "snow", "rain", "fog", "night")


def cropped(image, mask, seed, *, size=(16, 24), scale=(1.0, 1.0), ratio=1.0):
    return Augmentation([], crop=ScaleAndCrop(size, scale=scale, cat_max_ratio=ratio))(image, mask, seed)


def test_a_window_of_an_unscaled_image_is_a_part_of_it_and_of_its_mask():
    places = np.arange(40 * 80, dtype=np.uint16).reshape(40, 80, 1)
    corners = set()
    for seed in range(30):
        image, mask = cropped(places, MASK, seed)
        row, column = divmod(int(image[0, 0, 0]), 80)
        np.testing.assert_array_equal(image, places[row : row + 16, column : column + 24])
        np.testing.assert_array_equal(mask, MASK[row : row + 16, column : column + 24])
        corners.add((row, column))
    assert len(corners) > 25


@pytest.mark.parametrize("factor", [0.5, 1.3, 2.0])
def test_a_scaled_window_is_that_of_the_scaled_image(factor):
    height, width = round(40 * factor), round(80 * factor)
    image, mask = cropped(IMAGE, MASK, 0, size=(height, width), scale=(factor, factor))
    whole = cv2.resize(IMAGE, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(image.astype(int) - whole).max() <= 8  # OpenCV warps by 1/32 of a pixel
    np.testing.assert_array_equal(mask, cv2.resize(MASK, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def test_what_a_small_image_leaves_empty_is_ignored():
    image, mask = cropped(IMAGE, MASK, 0, size=(64, 96), scale=(0.5, 0.5))
    assert image.shape == (64, 96, 3)
    assert (mask[:20, :40] != IGNORE_INDEX).all()
    assert (mask[20:] == IGNORE_INDEX).all()
    assert (mask[:, 40:] == IGNORE_INDEX).all()
    assert not image[20:].any()


def test_no_class_fills_more_than_its_share_where_ten_windows_have_one():
    most = [np.bincount(cropped(IMAGE, MASK, seed, ratio=0.75)[1].ravel()).max() / (16 * 24) for seed in range(40)]
    free = [np.bincount(cropped(IMAGE, MASK, seed)[1].ravel()).max() / (16 * 24) for seed in range(40)]
    assert max(most) < 0.75 < max(free)
    _, mask = cropped(IMAGE, np.full_like(MASK, 3), 0, ratio=0.75)  # none has: the next is taken
    assert (mask == 3).all()


def test_ignored_pixels_and_a_single_class_do_not_count_as_mixed():
    assert _is_mixed(np.array([[0, 0, 1, 1, 255, 255]], np.uint8), 0.6)
    assert not _is_mixed(np.array([[0, 0, 0, 1, 255, 255]], np.uint8), 0.75)  # 3 of 4 labelled ones
    assert not _is_mixed(np.array([[0, 255]], np.uint8), 0.75)


def test_as_a_transform_of_a_list_and_for_many_channels():
    wide = np.concatenate([IMAGE, IMAGE], axis=2)
    image, mask = Augmentation([ScaleAndCrop([8, 8]), albumentations.HorizontalFlip(p=1)])(wide, MASK, 4)
    assert (image.shape, mask.shape) == ((8, 8, 6), (8, 8))
    assert np.abs(image[..., :3].astype(int) - image[..., 3:]).max() <= 8  # OpenCV warps 3 and 2 channels differently


@pytest.mark.parametrize("name", EVERY_PRESET)
def test_the_seed_decides_every_preset(name):
    node = compose("train", [f"augment={name}", "data.size=[32,48]"]).cfg.augment
    augmentation = instantiate(node, _convert_="all")
    large, mask = cv2.resize(IMAGE, (96, 64)), cv2.resize(MASK, (96, 64), interpolation=cv2.INTER_NEAREST)
    first = [augmentation(large, mask, seed) for seed in range(8)]
    again = [augmentation(large, mask, seed) for seed in reversed(range(8))][::-1]
    for (image, labels), (same_image, same_labels) in zip(first, again, strict=True):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(labels, same_labels)
        assert (image.shape, labels.shape) == ((32, 48, 3), (32, 48))
        assert set(np.unique(labels)) <= {0, 1, 2, 3, IGNORE_INDEX}
    assert len({image.tobytes() for image, _ in first}) == 8


def test_night_is_darker():
    node = compose("train", ["augment=night", "data.size=[40,80]"]).cfg.augment
    night = instantiate(node.transforms[-1], _convert_="all")
    night.p = 1
    for seed in range(5):
        assert Augmentation([night])(IMAGE, MASK, seed)[0].mean() < 0.7 * IMAGE.mean()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("augment.crop.size=[512]", "augment.crop.size is [512]; expected [height, width] of whole numbers >= 1"),
        ("data.size=null", "augment.crop.size is None; expected [height, width]"),
        ("augment.crop.scale=[2,0.5]", "augment.crop.scale is [2, 0.5]; expected [smallest, largest] factor"),
        ("augment.crop.cat_max_ratio=75", "augment.crop.cat_max_ratio is 75; expected a number > 0 and <= 1"),
        ("+augment.crop.cat_max=0.5", "has no argument 'cat_max' - did you mean 'cat_max_ratio'?"),
    ],
)
def test_a_wrong_value_is_told_once(override, told):
    with pytest.raises(SeglabError) as caught:
        config.check(compose("train", ["augment=crop", override]).cfg)
    assert told in str(caught.value)
    assert "mistakes" not in str(caught.value)
