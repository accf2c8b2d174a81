"""What is odd about the data is said or refused before, or in, the first epoch: with a cache and without."""

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab import config, runs
from seglab.data import presence
from seglab.errors import SeglabError
from seglab.labels import label_space
from seglab.training.build import build
from tests.composed import compose

SMALL = (
    "data=folder", "data.size=[32,32]", "data.batch_size=2", "data.num_workers=0", "model.base=4", "model.depth=2",
    "model.size_divisor=4", "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.log_every_n_steps=1",
    "callbacks.pictures=null", "callbacks.best=null", "callbacks.last=null", "augment=none",
)  # fmt: skip
WITHOUT_CACHE = ("data.cache=null",)
caches = pytest.mark.parametrize("cache", [(), WITHOUT_CACHE], ids=["cache", "no cache"])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """`write(train=[0, 255])`: two images a split with masks of stripes of these values; elsewhere 0 and 1."""

    def save(**values: list[int]) -> None:
        for split in ("train", "val"):
            for index in range(2):
                mask = np.resize(np.array(values.get(split, [0, 1]), np.uint8), (32, 32)).copy()
                image = np.random.default_rng(index).integers(0, 255, (32, 32, 3)).astype(np.uint8)
                for part, pixels in (("images", image), ("masks", mask)):
                    path = tmp_path / "mine" / split / part / f"{index}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(path)

    return save


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("SEGLAB_DATA", str(tmp_path / "data"))
    config.register()

    def fit(*overrides: str) -> None:
        given = [*SMALL, f"data.root={tmp_path / 'mine'}", f"output={tmp_path}", *overrides]
        cfg = compose("train", overrides=given)
        run = build(runs.plain(cfg), tmp_path / "run")
        run.trainer.fit(run.module, datamodule=run.data)

    return fit


@caches
def test_masks_of_0_and_255_are_named_with_the_line_that_reads_them(train, write, cache) -> None:
    write(train=[0, 255], val=[0, 255])
    with pytest.raises(SeglabError, match=r"the masks hold no values but 0 \(background\) and 255 \(void\)") as error:
        train(*cache)
    line = str(error.value).partition(" write ")[2]
    train(*cache, *shlex.split(line))


def test_beside_other_classes_they_are_a_hint(train, write, caplog) -> None:
    write(train=[0, 255])
    train("data.labels.names=[ground,leaf,stem]")
    said = (
        "the training split 'train' holds, at the working size, a pixel of leaf, stem; the masks hold no values but 0"
    )
    assert said in caplog.text


@caches
def test_a_class_that_no_training_mask_holds_is_named(train, write, caplog, cache) -> None:
    write()
    for _ in range(2):  # of the second run, the cache is there
        caplog.clear()
        train("data.labels.names=[ground,leaf,stem]", *cache)
        (said,) = [message for message in caplog.messages if "no mask of the training split" in message]
        assert said.endswith("a pixel of stem")


def test_a_cache_of_before_tells_the_same(train, write, caplog, tmp_path) -> None:
    write()
    train("data.labels.names=[ground,leaf,stem]")
    for note in (tmp_path / "data").rglob(presence.FILE):
        note.unlink()
    caplog.clear()
    train("data.labels.names=[ground,leaf,stem]")
    assert "a pixel of stem" in caplog.text


@caches
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_of_nothing_but_void_is_refused(train, write, cache, split) -> None:
    write(**{split: [255]})
    with pytest.raises(SeglabError, match=rf"in the split '{split}'; its 2 masks hold nothing but void - take a split"):
        train(*cache)


@caches
def test_sound_data_are_not_spoken_of(train, write, caplog, cache) -> None:
    write(train=[0, 1, 255])
    train(*cache)
    assert [record for record in caplog.records if record.levelname == "WARNING" and record.name == "seglab"] == []


def test_validation_images_that_are_trained_on_are_named(train, write, caplog) -> None:
    write()
    train("data.train_split=val")
    assert "2 of the 2 validation images are trained on as well (training split 'val', validation split 'val')" in (
        caplog.text
    )


def test_values_of_which_a_class_is_no_0_are_no_black_and_white() -> None:
    space = label_space({"name": "m", "names": ["a", "b: c"], "colors": None, "ignore_values": [255], "mapping": None})
    assert presence.foreground_as_void(frozenset({1, 255}), space) is None
    assert presence.foreground_as_void(frozenset({0}), space) is None
    line = presence.foreground_as_void(frozenset({0, 255}), space)
    assert 'mapping={0: a, 255: "b: c"}' in line
    assert presence.foreground_as_void(frozenset({0, 255}), label_space("camvid_11")) is None  # its void is 11
