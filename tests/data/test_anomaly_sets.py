"""Data sets made to be scored by anomalies: their files, as downloaded, become images and masks of what is known."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab import config, runs
from seglab.config.instantiate import instantiate
from seglab.data.anomalies import AnomalySource
from seglab.data.anomaly_sets import SPLITS, AnomalySet, StreetHazards
from seglab.data.subset import limited
from seglab.errors import SeglabError
from tests.composed import compose
from tests.more_standins import save

SETS = ("fishyscapes_lost_and_found", "fishyscapes_static", "lost_and_found", "road_anomaly", "smiyc_anomaly",
        "smiyc_obstacle")  # fmt: skip
# {split: (image, mask) of the frame number 2, the values of known, anomaly and what is not said}
FILES = {
    "fishyscapes_lost_and_found": ("leftImg8bit/test/04_Weg/04_Weg_8_000002_000030_leftImg8bit.png",
                                   "fishyscapes_lostandfound/0002_04_Weg_8_000002_000030_labels.png", (0, 1, 255)),
    "fishyscapes_static": ("Static/original/2.png", "Static/labels/2.png", (0, 1, 255)),
    "lost_and_found_train": ("leftImg8bit/train/01_Hof/01_Hof_000002_000030_leftImg8bit.png",
                             "gtCoarse/train/01_Hof/01_Hof_000002_000030_gtCoarse_labelTrainIds.png", (1, 2, 255)),
    "lost_and_found_test": ("leftImg8bit/test/04_Weg/04_Weg_8_000002_000030_leftImg8bit.png",
                            "gtCoarse/test/04_Weg/04_Weg_8_000002_000030_gtCoarse_labelTrainIds.png", (1, 2, 255)),
    "road_anomaly": ("frames/animals2_cow.jpg", "frames/animals2_cow.labels/labels_semantic.png", (1, 2, 255)),
    "anomaly_track": ("dataset_AnomalyTrack/images/validation0002.jpg",
                      "dataset_AnomalyTrack/labels_masks/validation0002_labels_semantic.png", (0, 1, 255)),
    "obstacle_track": ("dataset_ObstacleTrack/images/validation_2.webp",
                       "dataset_ObstacleTrack/labels_masks/validation_2_labels_semantic.png", (0, 1, 255)),
}  # fmt: skip


def numbered(name: str, number: int) -> str:
    """The file of another frame: its number stands after a slash, an underscore or zeros, or before the cow."""
    return re.sub(r"(?<=000)2|(?<=/)2(?=\.png)|(?<=_)2(?=[._](?:webp|labels))|2(?=_cow)", str(number), name)


def stand_in(root: Path, split: str) -> np.ndarray:
    """Writes three frames; what their masks become. Of one image more there is no mask."""
    image, mask, values = FILES[split]
    marks = np.tile(np.array([0, 1, 255], np.uint8), (6, 4))  # (6, 12)
    ids = np.choose(np.minimum(marks, 2), values).astype(np.uint8)
    for number in range(4):
        save(root / numbered(image, number), np.full((6, 12, 3), 40 * number, np.uint8))
        if number < 3:
            save(root / numbered(mask, number), ids)
    return marks


@pytest.mark.parametrize("split", SPLITS)
def test_files_become_images_and_marks(split, tmp_path):
    marks = stand_in(tmp_path, split)
    source = AnomalySet(tmp_path, split, labels="cityscapes_19")
    assert isinstance(source, AnomalySource)
    assert len(source.samples) == 3
    for index in range(3):
        image, mask = source.read(index)
        assert (image.shape, image.dtype) == ((6, 12, 3), np.uint8)
        assert abs(int(image.mean()) - 40 * index) <= 1  # the image that its mask is of
        assert (mask == 255).all()
        assert (source.anomalies(index) == marks).all()
    assert (limited(source, limit=2, fraction=None, seed=1).anomalies(1) == marks).all()


@pytest.mark.parametrize("name", SETS)
def test_every_yaml_reads_a_split_of_its_own(name, tmp_path):
    config.register()
    data = runs.plain(compose("train", overrides=[f"data={name}", f"data.root={tmp_path}"]))["data"]
    assert data["val_split"] in SPLITS
    stand_in(tmp_path, data["val_split"])
    assert len(instantiate({**data, "augmentation": None}).source("val").samples) == 3
    with pytest.raises(SeglabError, match=r"(?s)layout:\n  <data.root>/.*(Get|Lost)"):
        instantiate({**data, "root": str(tmp_path / "frames" / "nowhere"), "augmentation": None}).source("val")


def test_street_hazards(tmp_path):
    ids = np.tile(np.arange(1, 15, dtype=np.uint8), (4, 1))
    for part, split in (("train", "training"), ("train", "validation"), ("test", "test")):
        for town in ("t1", "t2"):
            save(tmp_path / part / "images" / split / town / "12.png", np.zeros((4, 14, 3), np.uint8))
            save(tmp_path / part / "annotations" / split / town / "12.png", ids)
    source = StreetHazards(tmp_path, "test", labels="streethazards_13")
    assert [sample.name for sample in source.samples] == ["t1__12", "t2__12"]
    assert (source.read(1)[1][0] == [*range(13), 255]).all()
    assert (source.anomalies(0)[0] == [0] * 13 + [1]).all()
    assert source.labels.names[:2] == ("unlabeled", "building")
    assert source.labels.names[-1] == "traffic sign"
    with pytest.raises(SeglabError, match=r"a split of StreetHazards \(training, validation, test\); got 'val'"):
        StreetHazards(tmp_path, "val", labels="streethazards_13")
    with pytest.raises(SeglabError, match="one of other masks"):
        StreetHazards(tmp_path, "test", labels="cityscapes_19")


def test_mistakes(tmp_path):
    with pytest.raises(SeglabError, match=r"a split, one of fishyscapes_static, .*; got 'road'"):
        AnomalySet(tmp_path, "road", labels="cityscapes_19")
    stand_in(tmp_path, "obstacle_track")
    cut = tmp_path / "dataset_ObstacleTrack/images/validation_0.webp"
    cut.write_bytes(cut.read_bytes()[:-8])
    source = AnomalySet(tmp_path, "obstacle_track", labels="cityscapes_19")
    with pytest.raises(SeglabError, match=r"validation_0.webp' .* is cut off"):
        source.read(0)
    Image.open(tmp_path / "dataset_ObstacleTrack/images/validation_1.webp").verify()
