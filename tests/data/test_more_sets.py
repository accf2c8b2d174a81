"""Data sets of many classes and of many places: what their files become, and that each trains, goes on and scores."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import seglab
from seglab import config, runs
from seglab.config.instantiate import instantiate
from seglab.data.source import Source
from seglab.diagnostics.dataset import check_split
from seglab.errors import Interrupted, SeglabError
from seglab.labels import IGNORE_INDEX, label_space
from tests.callbacks.test_exact import SignalAt, fit, state
from tests.composed import compose
from tests.data.test_archives import pack, same_pixels
from tests.more_standins import MARKS, stripes

NAMES = sorted(MARKS)
STREETS = [(name, labels) for name in NAMES for labels in MARKS[name].to_19]
# {data set: {an archive in which it is downloaded: (folder of the stand-in, what it is called there)}}
ARCHIVES = {
    "acdc": {"rgb_anon_trainvaltest.zip": ("rgb_anon", "rgb_anon"), "gt_trainval.zip": ("gt", "gt")},
    "mapillary": {"mapillary-vistas-dataset_public_v2.0.zip": ("", "")},
    "ade20k": {"ADEChallengeData2016.zip": ("", "ADEChallengeData2016")},
    "cocostuff": {
        "train2017.zip": ("images/train2017", "train2017"),
        "stuffthingmaps_trainval2017.zip": ("annotations", ""),
    },
    "wilddash": {"wd_public_v2p0.zip": ("", "")},
}
SCORED = {"acdc": "val_night", "wilddash": "all"}  # {data set: split}
TINY = ("model.base=2", "model.depth=1", "model.size_divisor=2", "trainer.accelerator=cpu", "trainer.max_epochs=1",
        "trainer.log_every_n_steps=1", "trainer.limit_val_batches=1", "callbacks.pictures=null", "data.limit=4",
        "data.cache=null", "data.size=[32,64]", "data.batch_size=2", "data.num_workers=0")  # fmt: skip


@cache
def settings(name: str) -> dict:
    """The checked configuration of a tiny run on it, in plain values."""
    config.register()
    cfg = compose("train", overrides=[f"data={name}", *TINY])
    config.check(cfg)
    return runs.plain(cfg)


@cache
def kind(name: str) -> Callable[..., Source]:
    return instantiate(settings(name)["data"]["source"])


def reader(name: str, root: Path | None, part: str = "train", labels: str | None = None) -> Source:
    data = settings(name)["data"]
    return kind(name)(root, data[f"{part}_split"], labels=labels or data["labels"])


@pytest.mark.parametrize("name", NAMES)
def test_values_become_train_ids_and_void_is_ignored(standins, name):
    source, marks = reader(name, standins[name].root), MARKS[name]
    image, mask = source.read(0)
    assert image.shape == (*mask.shape, 3)
    assert (mask == stripes(marks.ids, void=IGNORE_INDEX)).all()
    assert len(reader(name, standins[name].root, "val").samples) == 4


@pytest.mark.parametrize(("name", "labels"), STREETS)
def test_values_become_the_19_classes_of_cityscapes(standins, name, labels):
    source = reader(name, standins[name].root, labels=labels)
    assert source.labels.names == label_space("cityscapes_19").names
    assert set(source.labels.to_train.values()) <= {*range(19), IGNORE_INDEX}
    assert (source.read(0)[1] == stripes(MARKS[name].to_19[labels], void=IGNORE_INDEX)).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_place_or_an_empty_one_is_one_clear_error(name, tmp_path):
    with pytest.raises(SeglabError, match=r"(?s)data.root; it is not set. Expected layout.*<data.root>/.* data.root="):
        reader(name, None)
    with pytest.raises(SeglabError, match=r"(?s)expected .*layout:.*<data.root>/"):
        reader(name, tmp_path)
    with pytest.raises(SeglabError, match=r"data.labels=camvid_11: .*one of other masks"):
        reader(name, tmp_path, labels="camvid_11")


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_archives_are_read_as_the_folder(standins, tmp_path, name):
    for archive, (folder, inside) in ARCHIVES[name].items():
        pack(tmp_path / archive, standins[name].root / folder, below="", inside=inside)
    assert same_pixels(reader(name, tmp_path), reader(name, standins[name].root))


@pytest.mark.parametrize("name", NAMES)
def test_a_check_finds_nothing_wrong(standins, name, monkeypatch):
    monkeypatch.setenv("SEGLAB_DATA", "nowhere")
    report = check_split("val", reader(name, standins[name].root, "val"))
    assert not [problem for problem in report.problems if problem.level == "error"]
    assert report.statistics.images == 4
    assert report.statistics.void > 0


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_and_a_continued_run_equals_a_straight_one(standins, tmp_path, name):
    data = {**settings(name)["data"], "root": str(standins[name].root)}
    tiny = {**settings(name), "data": data, "output": str(tmp_path)}
    fit(tiny, tmp_path / "straight")
    with pytest.raises(Interrupted):
        fit(tiny, tmp_path / "stopped", SignalAt(1))
    fit(tiny, tmp_path / "stopped")
    assert state(tmp_path / "stopped") == state(tmp_path / "straight")
    metrics = (tmp_path / "straight" / "metrics.csv").read_text()
    assert (tmp_path / "stopped" / "metrics.csv").read_text() == metrics


def test_a_run_of_cityscapes_is_scored_on_them(standins, tmp_path):
    made = seglab.fit([*standins["cityscapes"].overrides, *TINY, f"output={tmp_path}"])
    for name, split in SCORED.items():
        labels, root = next(iter(MARKS[name].to_19)), standins[name].root
        place = [f"data={name}", f"data.root={root}", f"data.labels={labels}"]
        scores = seglab.score(made["folder"], split=split, overrides=[*place, "device=cpu", "panels=0"])
        assert (scores["protocol"]["labels"], scores["protocol"]["split"]) == (labels, split)
        assert scores["protocol"]["images"] == len(kind(name)(root, split, labels=labels).samples)
        assert list(scores["original"]["classes"]) == list(label_space("cityscapes_19").names)


def test_conditions_of_acdc_are_splits(standins):
    root = standins["acdc"].root
    source = kind("acdc")
    night = source(root, "val_night", labels="cityscapes_19")
    assert [sample.name for sample in night.samples] == ["night_GOPR0001_frame_000019"]
    assert len(source(root, "test", labels="cityscapes_19").samples) == 4
    assert (source(root, "test_snow", labels="cityscapes_19").read(0)[1] == IGNORE_INDEX).all()
    with pytest.raises(SeglabError, match=r"a split of ACDC \(train, .*\); got 'val_fogg' - did you mean 'val_fog'"):
        source(root, "val_fogg", labels="cityscapes_19")


def test_mapillary_of_version_1_2_alone_has_no_folders_of_versions(standin):
    root = standin("mapillary")
    for split in ("training", "validation"):
        (root / split / "v1.2" / "labels").rename(root / split / "labels")
    assert (reader("mapillary", root).read(0)[1] == stripes(MARKS["mapillary"].ids, void=IGNORE_INDEX)).all()
    source = kind("mapillary")
    assert (source(root, "testing", labels="mapillary_65").read(0)[1] == IGNORE_INDEX).all()
    with pytest.raises(SeglabError, match=r"data.source.version as '1.2' or '2.0'; got '3'"):
        source(root, "training", labels="mapillary_65", version="3")


def test_voc_is_listed(standin):
    root = standin("voc")
    source = kind("voc")
    assert [sample.name for sample in source(root, "train", labels="voc_21").samples] == ["2007_000002", "2007_000003"]
    (lists := root / "ImageSets" / "SegmentationAug").mkdir()
    lines = [f"/JPEGImages/2007_00000{n}.jpg /SegmentationClassAug/2007_00000{n}.png\n" for n in (3, 0)]
    (root / "ImageSets" / "Segmentation" / "trainaug.txt").rename(lists / "train_aug.txt").write_text("".join(lines))
    (root / "SegmentationClassAug" / "2007_000003.png").unlink()  # of the official ones, some leave it out
    samples = source(root, "train_aug", labels="voc_21").samples
    assert [sample.mask.parent.name for sample in samples] == ["SegmentationClass", "SegmentationClassAug"]
    (root / "JPEGImages" / "2007_000000.jpg").unlink()
    with pytest.raises(
        SeglabError, match=r"(?s)'2007_000000', which the list names; '.*JPEGImages/2007_000000.jpg' is"
    ):
        source(root, "train_aug", labels="voc_21")
    with pytest.raises(SeglabError, match=r"a split of VOC 2012 .*; got 'trainaug' - did you mean 'train_aug'"):
        source(root, "trainaug", labels="voc_21")
    with pytest.raises(SeglabError, match=r"(?s)list of the split trainval, '.*trainval.txt'; it is missing"):
        source(root, "trainval", labels="voc_21")


def test_things_of_coco_that_were_never_annotated_are_no_classes(standin):
    root = standin("cocostuff")
    Image.fromarray(np.full((32, 64), 11, np.uint8)).save(root / "annotations" / "train2017" / "000000000000.png")
    with pytest.raises(SeglabError, match=r"holds 11 \(2048 pixels\); expected 0..10, 12..24, 26..27, "):
        reader("cocostuff", root).read(0)


def test_masks_of_idd_have_to_be_made(standin):
    root = standin("idd")
    for path in root.rglob("*csTrainIds.png"):
        path.unlink()
    with pytest.raises(SeglabError, match=r"(?s)files .*labelcsTrainIds.*createLabels.py .* --id-type csTrainId"):
        reader("idd", root, labels="idd_19")
    source = kind("idd")(root, "test", labels="idd_26")
    assert [sample.name for sample in source.samples] == [f"{drive}_frame0029" for drive in range(4)]
    assert (source.read(0)[1] == IGNORE_INDEX).all()


def test_roads_of_apolloscape_that_are_there_are_read(standin):
    root = standin("apolloscape")
    source = kind("apolloscape")
    test = source(root, "test", labels="apolloscape_22")
    assert [sample.group for sample in test.samples] == [f"road01_ins_Record00{number}" for number in range(4)]
    assert (test.read(0)[1] == IGNORE_INDEX).all()
    (gone := root / "road01_ins" / "Label" / "Record002" / "Camera 5" / "170902_061502403_Camera_5_bin.png").unlink()
    with pytest.raises(SeglabError, match=rf"(?s)an image and its label, which are there; '{gone}' is not"):
        source(root, "val", labels="apolloscape_22")
    (root / "road01_ins").rename(root / "road09_ins")
    with pytest.raises(SeglabError, match=r"(?s)folders of their roads; there are 2, but of roads that are not there"):
        source(root, "val", labels="apolloscape_22")


def test_segments_of_wilddash_are_part_of_what_a_run_was_trained_on(standin):
    root = standin("wilddash")
    source = reader("wilddash", root)
    assert root / "panoptic.json" in source.samples[0].files
    content = json.loads((root / "panoptic.json").read_text())
    for of_image in content["annotations"]:
        of_image["segments_info"] = of_image["segments_info"][1:]  # pixels of no segment are unlabeled
    (root / "panoptic.json").write_text(json.dumps(content))
    changed = reader("wilddash", root)
    assert (changed.read(0)[1] == np.where(source.read(0)[1] == 2, IGNORE_INDEX, source.read(0)[1])).all()
    content["annotations"].pop()
    (root / "panoptic.json").write_text(json.dumps(content))
    with pytest.raises(SeglabError, match=r"segments of every image in '.*'; 1 of 20 have none, the first is 'wd0019'"):
        reader("wilddash", root)
    (root / "panoptic.json").write_text("{}")
    with pytest.raises(SeglabError, match=r"(?s)segments in '.*panoptic.json'; KeyError: 'annotations' - expected"):
        reader("wilddash", root)
    with pytest.raises(SeglabError, match="the split all, all_80 or all_20 of WildDash 2; got 'val'"):
        kind("wilddash")(root, "val", labels="wilddash_76")
