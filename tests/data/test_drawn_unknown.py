"""Things drawn into photographs: the same ones at every reading, ignored as classes, and nothing else is touched."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.config.instantiate import instantiate
from seglab.data.anomalies import ANOMALY, KNOWN, UNSAID, AnomalySource
from seglab.data.camvid import CamVid
from seglab.data.drawn_unknown import DrawnUnknown
from seglab.errors import SeglabError
from seglab.labels import IGNORE_INDEX
from seglab.runs import plain
from tests.composed import compose

VOID = 11


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three frames of grey, a road with void in its upper rows."""
    for folder in ("test", "testannot"):
        (tmp_path / folder).mkdir()
    mask = np.full((90, 120), 3, np.uint8)
    mask[:20] = VOID
    for number in range(3):
        cv2.imwrite(str(tmp_path / "test" / f"seq_{number}.png"), np.full((90, 120, 3), 100 + number, np.uint8))
        cv2.imwrite(str(tmp_path / "testannot" / f"seq_{number}.png"), mask)
    return tmp_path


def source_of(root: Path, seed: int = 1) -> DrawnUnknown:
    return DrawnUnknown(root, "test", labels="camvid_11", source=CamVid, seed=seed)


def test_what_is_drawn_is_an_anomaly_and_no_class(root: Path) -> None:
    drawn, bare = source_of(root), CamVid(root, "test", labels="camvid_11")
    assert isinstance(drawn, AnomalySource)
    things = [drawn.anomalies(index) == ANOMALY for index in range(3)]
    assert sum(map(np.count_nonzero, things)) > 20
    for index, here in enumerate(things):
        image, mask = drawn.read(index)
        clean, labels = bare.read(index)
        assert np.array_equal(image[~here], clean[~here])
        assert np.array_equal(mask[~here], labels[~here])
        assert (mask[here] == IGNORE_INDEX).all()
        marks = drawn.anomalies(index)[~here]
        assert np.array_equal(marks, np.where(labels[~here] == IGNORE_INDEX, UNSAID, KNOWN))


def test_it_follows_from_the_seed_and_the_name_alone(root: Path) -> None:
    first, again, other = (source_of(root, seed) for seed in (1, 1, 2))
    marks = [first.anomalies(index) for index in range(3)]
    assert not np.array_equal(marks[0], marks[1])
    assert all(np.array_equal(again.anomalies(index), marks[index]) for index in (2, 0, 1))
    assert any(not np.array_equal(other.anomalies(index), marks[index]) for index in range(3))
    (root / "test" / "seq_0.png").unlink()
    (root / "testannot" / "seq_0.png").unlink()
    assert np.array_equal(source_of(root).anomalies(0), marks[1]), "whatever else there is"


def test_other_images_are_refused(root: Path) -> None:
    class Deep(CamVid):
        def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            image, mask = super().read(index)
            return image.astype(np.uint16), mask

    source = DrawnUnknown(root, "test", labels="camvid_11", source=Deep, seed=1)
    with pytest.raises(SeglabError, match=r"8-bit images of 3 channels.*uint16"):
        source.read(0)


def test_the_data_set_of_conf_is_it(root: Path) -> None:
    data = plain(compose("train", ["data=camvid_unknown", f"data.root={root}"]))["data"]
    source = instantiate({**data, "augmentation": None}).source("test")
    assert np.array_equal(source.read(1)[0], source_of(root).read(1)[0])
