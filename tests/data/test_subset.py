"""Splits: torch's own, grouped ones, and parts of a source."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seglab.data.source import Sample
from seglab.data.subset import Subset, grouped_split, limited, random_split_indices
from seglab.errors import SeglabError
from seglab.labels import label_space


class Frames:
    def __init__(self, count: int) -> None:
        self.labels = label_space("camvid_11")
        self.samples = [Sample(Path(f"{k}.png"), None, name=f"frame{k}", group="video") for k in range(count)]

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((2, 2, 3), index, np.uint8), np.zeros((2, 2), np.uint8)


def names(source) -> list[str]:
    return [sample.name for sample in source.samples]


def test_a_subset_reads_what_it_lists() -> None:
    subset = Subset(Frames(9), [7, 2])
    assert names(subset) == ["frame7", "frame2"]
    assert subset.read(1)[0][0, 0, 0] == 2


def test_the_split_of_cityscapes_is_the_published_one() -> None:
    train, val = random_split_indices(2975, fractions=(0.8, 0.2), seed=2147483647)
    assert val[:10] == [1505, 351, 2510, 1690, 2824, 2858, 58, 1142, 1189, 2723]
    assert train[:10] == [1356, 2933, 1728, 555, 1733, 2255, 1301, 2863, 2246, 2816]
    assert (len(train), len(val)) == (2380, 595)
    assert sorted(train + val) == list(range(2975))


def test_random_split_is_torchs_own() -> None:
    generator = torch.Generator().manual_seed(5)
    expected = torch.utils.data.random_split(range(11), [0.5, 0.3, 0.2], generator)
    assert random_split_indices(11, fractions=(0.5, 0.3, 0.2), seed=5) == [list(part.indices) for part in expected]


def test_grouped_split_tears_no_group_apart_and_meets_the_fractions() -> None:
    groups = [f"video{index // 3}" for index in range(300)]
    parts = grouped_split(groups, fractions=(0.7, 0.15, 0.15), seed=1)
    held = [{groups[index] for index in part} for part in parts]
    assert sum(len(videos) for videos in held) == len(set.union(*held)) == 100
    assert sorted(index for part in parts for index in part) == list(range(300))
    assert [len(part) for part in parts] == [210, 45, 45]
    assert parts == grouped_split(groups, fractions=(0.7, 0.15, 0.15), seed=1)
    assert parts != grouped_split(groups, fractions=(0.7, 0.15, 0.15), seed=2)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(SeglabError, match=r"at least 3 groups .* got 1 in 4 samples"):
        grouped_split(["one"] * 4, fractions=(0.7, 0.15, 0.15), seed=1)


def test_too_few_samples_for_a_random_split_are_refused() -> None:
    with pytest.raises(SeglabError, match=r"at least 5 samples for a random split of 80:20; got 4 - complete"):
        random_split_indices(4, fractions=(0.8, 0.2), seed=1)


def test_limited_draws_from_the_whole_split_and_grows_with_the_limit() -> None:
    source = Frames(100)
    few, more = (set(names(limited(source, limit=limit, fraction=None, seed=3))) for limit in (10, 30))
    assert len(few) == 10
    assert few < more
    assert few != {f"frame{k}" for k in range(10)}
    assert few != set(names(limited(source, limit=10, fraction=None, seed=4)))
    ordered = [int(name[5:]) for name in names(limited(source, limit=10, fraction=None, seed=3))]
    assert ordered == sorted(ordered)


def test_fraction_and_limit_together_take_the_smaller_part() -> None:
    source = Frames(100)
    assert len(limited(source, limit=30, fraction=0.2, seed=1).samples) == 20
    assert len(limited(source, limit=5, fraction=0.2, seed=1).samples) == 5
    assert len(limited(source, limit=None, fraction=0.001, seed=1).samples) == 1
    assert limited(source, limit=500, fraction=1.0, seed=1) is source
    assert limited(source, limit=None, fraction=None, seed=1) is source


def test_senseless_limits_are_refused() -> None:
    with pytest.raises(SeglabError, match=r"data.limit as a whole number >= 1 or null; got 0"):
        limited(Frames(3), limit=0, fraction=None, seed=1)
    with pytest.raises(SeglabError, match=r"data.fraction as a number > 0 and <= 1, or null; got 1.5"):
        limited(Frames(3), limit=None, fraction=1.5, seed=1)
