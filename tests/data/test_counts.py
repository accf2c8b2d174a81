"""How many images a configuration has, before they are here."""

import pytest

from seglab import config, runs
from seglab.data.counts import images
from seglab.data.subset import random_split_indices
from tests.composed import compose

# a folder of one's own, and data sets of which as much is read as was downloaded: roads, parts
UNKNOWN = ("apolloscape", "folder", "idd")
SETS = sorted(path.stem for path in (config.FOLDER / "data").glob("*.yaml"))


def data_of(*overrides: str) -> dict:
    config.register()
    return runs.plain(compose("train", overrides=list(overrides)))["data"]


@pytest.mark.parametrize("name", SETS)
def test_the_splits_of_every_data_set_are_counted(name: str) -> None:
    data = data_of(f"data={name}")
    counts = [images(data, part) for part in ("train", "val")]
    assert counts == [None, None] if name in UNKNOWN else all(counts)


def test_parts_of_random_splits_are_those_of_torch() -> None:
    data = data_of("data=cityscapes", "data.train_split=train_80", "data.val_split=train_20")
    train, val = random_split_indices(2975, fractions=(0.8, 0.2), seed=0)
    assert (images(data, "train"), images(data, "val")) == (len(train), len(val))
    data = data_of("data=gta5")
    train, val = random_split_indices(24966, fractions=(0.8, 0.2), seed=0)
    assert (images(data, "train"), images(data, "val")) == (len(train), len(val))


def test_limit_and_fraction_are_heeded() -> None:
    data = data_of("data=cityscapes", "data.fraction=0.1", "data.limit=100")
    assert (images(data, "train"), images(data, "val")) == (100, 100)
    assert images({**data, "limit": None}, "train") == round(297.5)


def test_a_share_of_a_split_is_counted() -> None:
    data = data_of("data=cityscapes", "data.train_split=train:-10%", "data.val_split=train:10%")
    assert (images(data, "train"), images(data, "val")) == (2678, 298)  # 2975 is odd: each to its nearest
    assert images({**data, "fraction": 0.5}, "train") == 1339
