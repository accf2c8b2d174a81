"""The cache: equal to the files it was read from, whatever happened while it was built or since."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data.cache import CachedSource, cached
from seglab.data.camvid import CamVid
from seglab.data.source import Source
from seglab.data.transforms import resize
from seglab.errors import SeglabError
from tests.waiting import PATIENCE, wait_for

SIZE = (8, 12)
COUNT = 6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A CamVid of 6 training pictures of 16x24."""
    generator = np.random.default_rng(0)
    for folder in ("train", "trainannot"):
        (tmp_path / "camvid" / folder).mkdir(parents=True)
    for index in range(COUNT):
        write(tmp_path / f"camvid/train/a_{index}.png", generator.integers(0, 256, (16, 24, 3), dtype=np.uint8))
        write(tmp_path / f"camvid/trainannot/a_{index}.png", generator.integers(0, 11, (16, 24), dtype=np.uint8))
    return tmp_path / "camvid"


def write(path: Path, pixels: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def open_cache(root: Path, size: tuple[int, int] = SIZE, recipe: str = "camvid") -> CachedSource:
    source = CamVid(root, "train", labels="camvid_11")
    return cached(source, folder=root.parent / "cache", size=size, title="camvid-train", recipe=recipe)


def assert_equals_files(cache: Source, root: Path) -> None:
    source = CamVid(root, "train", labels="camvid_11")
    assert [sample.name for sample in cache.samples] == [sample.name for sample in source.samples]
    for index in range(COUNT):
        for got, expected in zip(cache.read(index), resize(*source.read(index), SIZE), strict=True):
            assert got.dtype == np.uint8
            np.testing.assert_array_equal(got, expected)


def folders(root: Path) -> list[Path]:
    return [path for path in (root.parent / "cache").iterdir() if not path.name.endswith(".lock")]


def in_process(root: Path, *, first: str = "", **environment: str) -> subprocess.Popen[str]:
    """`open_cache` in a process of its own, which runs the statements `first` before."""
    code = f"""
import pathlib, seglab.data.cache as cache, seglab.data.cache_build as building
from seglab.data.camvid import CamVid
{first}
print("ready", flush=True)
source = CamVid({str(root)!r}, "train", labels="camvid_11")
try:
    folder = pathlib.Path({str(root.parent / "cache")!r})
    cache.cached(source, folder=folder, size={SIZE}, title="camvid-train", recipe="camvid")
except cache.SeglabError as error:
    print(error)
"""
    path = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_samples_are_those_of_the_files_and_are_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_equals_files(open_cache(root), root)
    monkeypatch.setattr("seglab.data.cache.build", None)  # a second building would fail
    assert_equals_files(open_cache(root), root)


def test_the_size_is_told_before_the_cache_is_built(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="seglab"):
        open_cache(root, size=(480, 640))
    assert caplog.messages[0].startswith("building a cache of 6 samples, 7.4 MB, in ")


def test_views_cannot_be_written_and_a_copy_in_another_process_maps_the_files_again(root: Path) -> None:
    cache = open_cache(root)
    image, _ = cache.read(0)
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 0
    data = pickle.dumps(cache)
    assert image.tobytes() not in data
    assert_equals_files(pickle.loads(data), root)


def test_a_changed_file_replaces_the_cache(root: Path) -> None:
    open_cache(root)
    (before,) = folders(root)
    write(root / "train/a_3.png", np.zeros((16, 24, 3), np.uint8))
    assert_equals_files(open_cache(root), root)
    (after,) = folders(root)
    assert after != before


def test_every_size_and_recipe_has_a_cache_of_its_own(root: Path) -> None:
    open_cache(root)
    open_cache(root, size=(4, 6))
    open_cache(root, recipe="camvid with another palette")
    assert len(folders(root)) == 3
    assert_equals_files(open_cache(root), root)


def test_a_data_set_that_was_moved_keeps_its_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_cache(root)
    monkeypatch.setattr("seglab.data.cache.build", None)
    assert_equals_files(open_cache(root.rename(root.with_name("moved"))), root.with_name("moved"))


@pytest.mark.parametrize(("name", "offset"), [("images.u8", 8 * 12 * 3 * 2 + 5), ("masks.u8", 8 * 12 * 2 + 1)])
def test_a_flipped_byte_is_found_mended_and_built_anew(
    root: Path, name: str, offset: int, caplog: pytest.LogCaptureFixture
) -> None:
    open_cache(root)
    path = folders(root)[0] / name
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    cache = open_cache(root)
    assert_equals_files(cache, root)
    assert_equals_files(cache, root)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "does not hold what was written there for 'a_2'" in warning
    assert_equals_files(open_cache(root), root)
    assert path.read_bytes() != bytes(data)


def test_a_shortened_cache_is_built_anew(root: Path) -> None:
    open_cache(root)
    for name in ("images.u8", "masks.u8", "index.json"):
        path = folders(root)[0] / name
        path.write_bytes(path.read_bytes()[:-1])
        assert_equals_files(open_cache(root), root)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1, "checksums": 2}', '{"files": "x", "checksums": [1]}'])
def test_a_damaged_index_is_no_cache(root: Path, text: str) -> None:
    cache = open_cache(root)
    (cache.folder / "index.json").write_text(text)
    other = cache.folder.with_name("another")  # a stranger's: looked at when stale ones are removed
    other.mkdir()
    (other / "index.json").write_text(text)
    assert_equals_files(open_cache(root), root)
    assert len((cache.folder / "index.json").read_text()) > 100


def test_a_truncated_image_is_named_and_nothing_is_left(root: Path) -> None:
    path = root / "train/a_4.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SeglabError, match=r"expected a whole file; '.*a_4.png' .* is cut off"):
        open_cache(root)
    assert folders(root) == []


def test_too_little_room_is_told_before_anything_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(SeglabError, match=r"64.0 MB of free disk .*; 1.0 MB are free - set data.cache to a folder"):
        open_cache(root)
    assert folders(root) == []


def test_a_folder_that_cannot_be_made_is_named(root: Path) -> None:
    (root.parent / "cache").write_text("a file")
    with pytest.raises(SeglabError, match=r"cache of 0.0 MB in data.cache='.*cache'; "):
        open_cache(root)


def test_a_full_disk_leaves_nothing_and_the_next_call_builds(root: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    output = in_process(root, first=limit).communicate(timeout=PATIENCE)[0]
    assert "set data.cache to a folder with enough room" in output
    assert folders(root) == []
    assert_equals_files(open_cache(root), root)


def test_a_killed_builder_leaves_nothing_that_is_read(root: Path) -> None:
    slow = "import time; resize = building.resize; building.resize = lambda *a: (time.sleep(900), resize(*a))[1]"
    process = in_process(root, first=slow)
    try:
        wait_for(lambda: list((root.parent / "cache").glob(".*.draft-*/images.u8")), process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert [path.name[0] for path in folders(root)] == ["."]
    assert_equals_files(open_cache(root), root)
    assert [path.name[0] for path in folders(root)] == ["c"]  # what the killed one left is gone


def test_of_two_processes_one_builds_and_the_other_waits(root: Path) -> None:
    slow = (
        "import logging, sys; logging.basicConfig(level=logging.INFO, stream=sys.stdout); import time; "
        "resize = building.resize; building.resize = lambda *a: (time.sleep(0.6), resize(*a))[1]"
    )
    processes = [in_process(root, first=slow) for _ in range(2)]
    output = "".join(process.communicate(timeout=PATIENCE)[0] for process in processes)
    assert output.count("built the cache in") == 1, output
    assert "expected" not in output
    assert_equals_files(open_cache(root), root)


@pytest.mark.parametrize("level", [0, 1], ids=["of the cache", "above it"])
def test_a_folder_of_another_user_into_which_everyone_may_write_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    cache = open_cache(root)
    folder = (cache.folder, cache.folder.parent)[level]
    folder.chmod(0o777)
    open_cache(root)  # one's own
    owner = os.stat(folder).st_uid
    if owner == 0:
        os.chown(folder, 4712, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(SeglabError, match=rf"'{folder}' belongs to user \d+ and everyone may write there - set "):
        open_cache(root)
    folder.chmod(0o755)
    assert_equals_files(open_cache(root), root)  # of a colleague
