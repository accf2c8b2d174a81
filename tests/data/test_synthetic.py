"""The generated data set on disk: the layout of Cityscapes, written once, whole or not at all."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

import seglab
from seglab.data.cityscapes import Cityscapes
from seglab.data.synthetic import CITIES, VERSION, scene_at, write_scenes
from seglab.errors import SeglabError
from seglab.labels import CITYSCAPES_LABELS
from tests.waiting import PATIENCE, wait_for

SIZE = {"height": 64, "width": 128}
COUNTS = {"train": 6, "val": 3, "test": 2}
NAME = re.compile(r"(?P<city>[a-z]+)_\d{6}_\d{6}_(leftImg8bit|gtFine_(labelIds|instanceIds|color))\.png")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def hidden(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.name.startswith(".")] if root.is_dir() else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"), seed=1, **COUNTS, **SIZE)


def test_layout_is_that_of_cityscapes(folder):
    assert folder.name == f"64x128-seed1-6-3-2-v{VERSION}"
    assert sorted(path.name for path in folder.iterdir()) == ["gtFine", "leftImg8bit", "scenes.json"]
    for kind, endings in (("leftImg8bit", 1), ("gtFine", 3)):
        for split, count in COUNTS.items():
            files = sorted((folder / kind / split).glob("*/*"))
            assert len(files) == count * endings
            for path in files:
                match = NAME.fullmatch(path.name)
                assert match, path.name
                assert match["city"] == path.parent.name
                assert match["city"] in CITIES[split]


def test_no_city_is_in_two_splits():
    cities = [city for split in CITIES.values() for city in split]
    assert len(set(cities)) == len(cities)


def test_our_reader_finds_every_scene_as_it_was_drawn(folder):
    for split, count in COUNTS.items():
        source = Cityscapes(folder, split, labels="cityscapes_19")
        assert len(source.samples) == count
    image, mask = source.read(0)  # test/nordwalden_000000 is scene 0 of its split
    scene = scene_at(seed=1, split="test", index=0, **SIZE)
    np.testing.assert_array_equal(image, scene.image)
    np.testing.assert_array_equal(mask, source.labels.lookup[scene.label_ids])


def test_masks_have_the_official_formats(folder):
    scene = scene_at(seed=1, split="val", index=0, **SIZE)
    stem = str(folder / "gtFine" / "val" / CITIES["val"][0] / f"{CITIES['val'][0]}_000000_000019_gtFine_")
    labels, instances, color = (
        cv2.imread(f"{stem}{kind}.png", cv2.IMREAD_UNCHANGED) for kind in ("labelIds", "instanceIds", "color")
    )
    assert (labels.dtype, instances.dtype, color.dtype) == (np.uint8, np.uint16, np.uint8)
    np.testing.assert_array_equal(labels, scene.label_ids)
    np.testing.assert_array_equal(instances, scene.instance_ids)
    palette = {label.id: (*label.color, 255) for label in CITYSCAPES_LABELS}
    expected = np.array([palette[int(value)] for value in labels.ravel()], np.uint8).reshape(*labels.shape, 4)
    np.testing.assert_array_equal(cv2.cvtColor(color, cv2.COLOR_BGRA2RGBA), expected)


def test_parameters_lie_beside_the_scenes(folder):
    parameters = json.loads((folder / "scenes.json").read_text())
    assert parameters == {"version": VERSION, "seed": 1, **COUNTS, **SIZE}


def test_the_same_call_elsewhere_writes_the_same_bytes(folder, tmp_path):
    again = write_scenes(tmp_path, seed=1, **COUNTS, **SIZE)
    assert contents(again) == contents(folder)


def test_a_larger_set_begins_with_the_smaller_one(folder, tmp_path):
    larger = contents(write_scenes(tmp_path, seed=1, train=9, val=3, test=2, **SIZE))
    smaller = contents(folder)
    del smaller["scenes.json"]
    assert smaller.items() <= larger.items()


def test_seed_and_split_and_number_change_the_scene():
    scenes = [
        scene_at(seed=seed, split=split, index=index, **SIZE).image
        for seed, split, index in ((1, "train", 0), (2, "train", 0), (1, "val", 0), (1, "train", 1))
    ]
    assert len({scene.tobytes() for scene in scenes}) == 4


def test_processes_write_what_one_process_writes(tmp_path):
    """48 scenes are enough for several processes."""
    shared = write_scenes(tmp_path, seed=5, train=48, val=0, test=0, height=32, width=64)
    alone = write_scenes(tmp_path, seed=5, train=9, val=0, test=0, height=32, width=64)
    smaller = contents(alone)
    del smaller["scenes.json"]
    assert smaller.items() <= contents(shared).items()


def test_second_call_leaves_the_files_alone(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_scenes(folder.parent, seed=1, **COUNTS, **SIZE) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_one_line_tells_what_was_written(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="seglab"):
        written = write_scenes(tmp_path, seed=1, train=1, val=0, test=0, **SIZE)
        write_scenes(tmp_path, seed=1, train=1, val=0, test=0, **SIZE)
    assert len(caplog.messages) == 1
    assert re.fullmatch(rf"drew 1 street scenes in {re.escape(str(written))}: \d+ MB, [\d.]+ s", caplog.messages[0])


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("count", [40, 400], ids=["alone", "processes"])  # large: seconds are left after the first
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_writer_leaves_no_data_set(tmp_path, number, count):
    call = f"from seglab.data.synthetic import write_scenes; write_scenes({str(tmp_path)!r}, seed=1, "
    call += f"train={count}, val=0, test=0, height=512, width=1024)"
    root = Path(seglab.__file__).parents[1]
    arguments = {"cwd": root, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", call], **arguments) as writer:
        wait_for(lambda: list(tmp_path.rglob("*.png")), writer)
        writer.send_signal(number)
        assert writer.wait(timeout=PATIENCE) != 0
        if number == signal.SIGKILL:  # its processes would go on drawing for a while
            with suppress(ProcessLookupError):
                os.killpg(writer.pid, signal.SIGKILL)
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    assert len(hidden(tmp_path)) == (1 if number == signal.SIGKILL else 0)


def test_a_stale_draft_does_no_harm(folder, tmp_path):
    stale = tmp_path / f".{folder.name}.0123456789abcdef"
    (stale / "leftImg8bit").mkdir(parents=True)
    assert contents(write_scenes(tmp_path, seed=1, **COUNTS, **SIZE)) == contents(folder)


def test_writers_at_the_same_time_agree(folder, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: write_scenes(tmp_path, seed=1, **COUNTS, **SIZE), range(3)))
    assert len(set(results)) == 1
    assert contents(results[0]) == contents(folder)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "data.prepare.seed: expected an integer of at least 0; came -1"),
        ({"val": -2}, "data.prepare.val: expected an integer of at least 0; came -2"),
        ({"height": 16}, "data.prepare.height: expected an integer of at least 32; came 16"),
    ],
)
def test_a_number_out_of_range_is_named(tmp_path, change, words):
    with pytest.raises(SeglabError, match=re.escape(words)):
        write_scenes(tmp_path, **{"seed": 1, **COUNTS, **SIZE, **change})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("weather", ["rain", "night"])
def test_another_weather_is_the_same_street_with_the_same_labels(weather, tmp_path):
    for index in range(4):
        day, other = (scene_at(seed=1, split="val", index=index, weather=each, **SIZE) for each in (None, weather))
        assert np.array_equal(day.label_ids, other.label_ids)
        assert np.array_equal(day.instance_ids, other.instance_ids)
        assert other.image.mean() < 0.95 * day.image.mean()
        assert np.array_equal(other.image, scene_at(seed=1, split="val", index=index, weather=weather, **SIZE).image)
    folder = write_scenes(tmp_path, seed=1, train=1, val=1, test=0, weather=weather, **SIZE)
    assert folder.name == f"64x128-seed1-1-1-0-v{VERSION}-{weather}"
    assert json.loads((folder / "scenes.json").read_text())["weather"] == weather
    (image,) = (folder / "leftImg8bit" / "val").glob("*/*.png")
    expected = scene_at(seed=1, split="val", index=0, weather=weather, **SIZE).image
    assert np.array_equal(cv2.imread(str(image))[..., ::-1], expected)


def test_other_weather_is_refused(tmp_path):
    with pytest.raises(SeglabError, match="expected rain or night, or null; came 'rian' - did you mean 'rain'"):
        write_scenes(tmp_path, seed=1, train=1, val=1, test=1, weather="rian", **SIZE)
