"""Shares of a split, by its name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from seglab.data.camvid import CamVid
from seglab.data.shares import Share, overlap, share_of
from seglab.data.source import Sample
from seglab.data.subset import taken
from seglab.errors import SeglabError
from seglab.labels import label_space


class Named:
    """A source of samples that are called 'GROUP_NUMBER'."""

    def __init__(self, groups: Sequence[str]) -> None:
        self.samples = [Sample(Path("-"), Path("-"), name=f"{group}_{number}", group=group)
                        for number, group in enumerate(groups)]  # fmt: skip
        self.labels = label_space("camvid_11")

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((1, 1, 3), index), np.full((1, 1), 0, np.uint8)


def test_a_name_says_which_share_of_which_split() -> None:
    assert share_of("train:10%") == Share("train", 10, rest=False)
    assert share_of("train_80:-25%") == Share("train_80", 25, rest=True)
    assert [share_of(name) for name in ("train", "train_80", "test:x", "10%")] == [None] * 4
    assert (Share("train", 10, rest=False).fraction, Share("train", 10, rest=True).fraction) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("train", "val", False),
        ("train:10%", "val:10%", False),
        ("train:10%", "train:-10%", False),
        ("train", "train", True),
        ("val:50%", "val", True),
        ("train:10%", "train:10%", True),
        ("train:10%", "train:-20%", True),
        ("train:10%", "train:20%", True),
    ],
)
def test_only_a_share_and_its_rest_have_no_image_in_common(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


@pytest.mark.parametrize("name", ["train:0%", "train:100%", "train:-100%"])
def test_a_share_of_nothing_or_of_everything_is_refused(name: str) -> None:
    with pytest.raises(SeglabError, match=f"split '{name}': expected a share from 1 to 99 %; came"):
        share_of(name)


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_and_its_rest_are_the_split(percent: int) -> None:
    source = Named([f"video{number // 3}" for number in range(300)])
    part, rest = (taken(source, Share("train", percent, rest=is_rest)) for is_rest in (False, True))
    names = [{sample.name for sample in side.samples} for side in (part, rest)]
    assert names[0].isdisjoint(names[1])
    assert names[0] | names[1] == {sample.name for sample in source.samples}
    assert len(names[0]) == pytest.approx(3 * percent, abs=3)  # whole videos
    videos = [{sample.group for sample in side.samples} for side in (part, rest)]
    assert videos[0].isdisjoint(videos[1])
    places = [int(part.read(index)[0][0, 0, 0]) for index in range(len(part.samples)) if percent < 50]
    assert [source.samples[place].name for place in places] == [sample.name for sample in part.samples][: len(places)]


@pytest.mark.parametrize("percent", [1, 5, 8, 92, 95, 99])
def test_a_share_smaller_than_every_sequence_is_the_smallest_one(percent: int) -> None:
    """The sizes are those of CamVid's training sequences."""
    source = Named(["a"] * 204 + ["b"] * 101 + ["c"] * 62)
    part, rest = (taken(source, Share("train", percent, rest=is_rest)) for is_rest in (False, True))
    small, large = (part, rest) if percent < 50 else (rest, part)
    assert [sample.name for sample in small.samples] == [f"c_{number}" for number in range(305, 367)]
    assert [sample.name for sample in large.samples] == [sample.name for sample in source.samples[:305]]


def test_of_two_equal_sequences_each_side_has_one() -> None:
    source = Named(["a"] * 50 + ["b"] * 50)
    part, rest = (taken(source, Share("train", 10, rest=is_rest)) for is_rest in (False, True))
    assert sorted({sample.group for sample in (*part.samples, *rest.samples)}) == ["a", "b"]
    assert (len(part.samples), len(rest.samples)) == (50, 50)


def test_of_one_sequence_single_images_are_taken() -> None:
    part, rest = (taken(Named(["a"] * 20), Share("train", 10, rest=is_rest)) for is_rest in (False, True))
    assert (len(part.samples), len(rest.samples)) == (2, 18)
    assert [sample.name for sample in part.samples] != ["a_0", "a_1"]  # drawn from all of it
    with pytest.raises(SeglabError, match="at least 2 groups"):
        taken(Named(["a"]), Share("train", 10, rest=False))


def test_camvids_sequences_stay_whole(standins) -> None:
    whole = CamVid(standins["camvid"].root, "train", labels="camvid_11")
    part, rest = (taken(whole, Share("train", 20, rest=is_rest)) for is_rest in (False, True))
    assert len(part.samples) + len(rest.samples) == len(whole.samples)
