"""Mixing: which pixels are taken, their labels, and that the seed of a sample decides all of it."""

from collections import deque
from pathlib import Path

import albumentations
import numpy as np
import pytest

from seglab import config
from seglab.config.compose import compose
from seglab.data.dataset import SegmentationDataset
from seglab.data.mixing import ClassMix, CopyPaste, CutMix
from seglab.data.source import Sample
from seglab.data.transforms import Augmentation
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX, label_space

LABELS = label_space("camvid_11")
OTHER = np.zeros((20, 40), np.uint8)
OTHER[:, 10:20], OTHER[:, 20:30], OTHER[:, 30:] = 2, 5, IGNORE_INDEX


class Plain:
    """Six pictures, each of its own colour, whose label is its number; the fourth has another size where asked."""

    def __init__(self, *, odd: bool = False) -> None:
        self.samples = [Sample(Path("-"), Path("-"), name=f"s_{index}", group="a") for index in range(6)]
        self.labels, self.odd = LABELS, odd

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size = (16, 16) if self.odd and index == 3 else (16, 24)
        return np.full((*size, 3), 10 * index, np.uint8), np.full(size, index, np.uint8)


def pasting(*classes, p=1.0, min_pixels=1):
    return CopyPaste(p=p, labels="camvid_11", classes=classes, min_pixels=min_pixels)


@pytest.mark.parametrize("mixing", [ClassMix(p=1), CutMix(p=1, alpha=1), pasting("sky", "pole")])
def test_pixels_come_with_their_labels_and_nothing_given_is_changed(mixing):
    image, mask = np.full((20, 40, 3), 7, np.uint16), np.ones((20, 40), np.uint8)
    other = np.repeat(OTHER[..., None], 3, axis=2).astype(np.uint16)
    mixed, labels = mixing(image, mask, other_image=other, other_mask=OTHER, generator=np.random.default_rng(2))
    taken = mixed[..., 0] != 7
    assert 0 < taken.sum() < taken.size
    np.testing.assert_array_equal(labels, np.where(taken, OTHER, 1))
    np.testing.assert_array_equal(mixed, np.where(taken[..., None], other, image))
    assert mixed.dtype == np.uint16
    assert (image == 7).all()


def test_classmix_takes_half_of_the_classes_and_no_ignored_pixel():
    seen = set()
    for seed in range(20):
        taken = ClassMix(p=1).taken(OTHER, np.random.default_rng(seed))
        (train_id,) = np.unique(OTHER[taken])  # the smaller half of three
        assert (taken == (train_id == OTHER)).all()
        seen.add(int(train_id))
    assert seen == {0, 2, 5}
    assert not ClassMix(p=1).taken(np.zeros((4, 4), np.uint8), np.random.default_rng(0)).any()


def test_cutmix_takes_boxes_of_every_area():
    areas = []
    for seed in range(300):
        taken = CutMix(p=1, alpha=1).taken(OTHER, np.random.default_rng(seed))
        rows, columns = np.flatnonzero(taken.any(1)), np.flatnonzero(taken.any(0))
        assert taken.sum() == len(rows) * len(columns)
        areas.append(taken.mean())
    assert 0.25 < np.mean(areas) < 0.45  # 0.5, less what is cut off at the border
    assert max(areas) > 0.9


def test_copy_paste_takes_whole_things_each_half_of_the_time():
    other = np.full((20, 40), 3, np.uint8)
    things = [(slice(0, 4), slice(0, 4)), (slice(10, 15), slice(10, 20)), (slice(18, 19), slice(0, 2))]
    for thing in things:
        other[thing] = 8  # car
    taken = [pasting("car", min_pixels=4).taken(other, np.random.default_rng(seed)) for seed in range(200)]
    for each in taken:
        assert (other[each] == 8).all()
        assert all(each[thing].all() or not each[thing].any() for thing in things)
    assert 70 < sum(each[things[0]].all() for each in taken) < 130
    assert len({(bool(each[0, 0]), bool(each[10, 10])) for each in taken}) == 4
    assert not any(each[things[2]].any() for each in taken)  # too small
    assert not pasting("pole").taken(other, np.random.default_rng(0)).any()


def test_the_second_sample_follows_from_the_seed_of_the_first_alone():
    flips = Augmentation([albumentations.HorizontalFlip(p=0.5)])
    dataset = SegmentationDataset(Plain(), size=None, augmentation=flips, mixing=CutMix(p=0.5, alpha=1))
    keys = [(index, seed) for index in range(6) for seed in range(20)]
    batch = dataset.__getitems__(keys)
    alone = [dataset.sample(key) for key in reversed(keys)][::-1]
    for place, (image, mask) in enumerate(alone):
        np.testing.assert_array_equal(batch["image"][place].permute(1, 2, 0).numpy(), image)
        np.testing.assert_array_equal(image[..., 0], 10 * mask)
    mixed = [set(np.unique(mask)) - {key[0]} for key, (_, mask) in zip(keys, alone, strict=True)]
    assert 30 < sum(map(bool, mixed)) < 75  # half of them, fewer where the second is the same
    assert len(set().union(*mixed)) == 6


def test_unmixed_samples_are_those_of_a_training_without_mixing():
    flips = Augmentation([albumentations.ColorJitter(p=1), albumentations.RandomCrop(8, 8)])
    plain, rarely = (
        SegmentationDataset(Plain(), size=None, augmentation=flips, mixing=mixing) for mixing in (None, ClassMix(p=0.0))
    )
    for seed in range(5):
        np.testing.assert_array_equal(plain.sample((4, seed))[0], rarely.sample((4, seed))[0])


def test_samples_of_two_sizes_are_named():
    dataset = SegmentationDataset(Plain(odd=True), size=None, augmentation=None, mixing=ClassMix(p=1))
    with pytest.raises(SeglabError, match=r"'s_0' is 16x24x3 uint8 and 's_3' 16x16x3 uint8 .* - set data.size"):
        deque((dataset.sample((0, seed)) for seed in range(40)), maxlen=0)


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(SeglabError, match=r"mix.classes holds 'poles'; expected names of .* mean 'pole'\?"):
        pasting("poles")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["mix=copy_paste"], "mix.classes is []; expected names of classes of cityscapes_19 (road, "),
        (["mix=copy_paste", "mix.classes=[car,trian]"], "mix.classes holds 'trian'; expected names of classes"),
        (["mix=classmix", "mix.p=2"], "mix.p is 2; expected a number from 0 to 1"),
        (["mix=cutmix", "mix.alpha=0"], "mix.alpha is 0; expected a number > 0"),
        (["mix=classmix", "+mix.alpha=1"], "mix: seglab.data.mixing.ClassMix has no argument 'alpha'"),
        (["sampling=rare_classes", "sampling.temperature=0"], "sampling.temperature is 0; expected a number > 0"),
        (["sampling=rare_classes", "sampling.min_share=3000"], "sampling.min_share is 3000; expected a number from 0"),
        (["mix=cutmix", "+trainer.overfit_batches=1"], "mix has no effect with trainer.overfit_batches"),
        (["+mix.p=1"], "mix names no class; expected mix=none, classmix or copy_paste, came {'p': 1}"),
    ],
)
def test_each_mistake_is_told_once(overrides, told):
    with pytest.raises(SeglabError) as caught:
        config.check(compose("train", overrides).cfg)
    assert told in str(caught.value)
    assert "mistakes" not in str(caught.value)
