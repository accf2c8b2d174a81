"""Counting a split against numbers worked by hand, and the file in which the counts are kept."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data.camvid import CamVid
from seglab.data.statistics import class_statistics, count_labels
from seglab.errors import SeglabError
from seglab.labels import label_space

LABELS = label_space("camvid_11")


def write(root: Path, name: str, mask: np.ndarray) -> None:
    for folder, array in (("train", np.zeros((*mask.shape, 3), np.uint8)), ("trainannot", mask)):
        (root / folder).mkdir(exist_ok=True)
        cv2.imwrite(str(root / folder / f"{name}.png"), array)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mask = np.zeros((4, 8), np.uint8)  # sky
    mask[0] = 3  # road
    mask[1, :2] = 11  # void
    write(tmp_path, "s_1", mask)
    write(tmp_path, "s_2", np.full((2, 2), 3, np.uint8))
    return tmp_path


def counted(root: Path, folder: Path):
    return class_statistics(CamVid(root, "train", labels="camvid_11"), folder=folder, title="train")


def test_the_counts(root, tmp_path):
    statistics = counted(root, tmp_path / "kept")
    assert (statistics.labels, statistics.images, statistics.void) == ("camvid_11", 2, 2)
    assert statistics.pixels == (22, 0, 0, 12, *[0] * 7)
    assert statistics.images_with == (1, 0, 0, 2, *[0] * 7)
    assert statistics.pixels_of_images_with == (32, 0, 0, 36, *[0] * 7)
    assert statistics.total == 36
    assert statistics.void_share == 2 / 36
    assert statistics.classes_per_image == 1.5
    assert "building" in statistics.absent
    assert "road" not in statistics.absent


def test_the_second_time_no_file_is_read(root, tmp_path, monkeypatch):
    first = counted(root, tmp_path / "kept")
    monkeypatch.setattr(CamVid, "read", lambda self, index: pytest.fail("read again"))
    assert counted(root, tmp_path / "kept") == first


def test_changed_labels_are_counted_again(root, tmp_path):
    first = counted(root, tmp_path / "kept")
    write(root, "s_2", np.full((3, 2), 5, np.uint8))
    second = counted(root, tmp_path / "kept")
    assert second.pixels[5] == 6
    assert second.content != first.content


def test_a_damaged_file_is_counted_again(root, tmp_path):
    first = counted(root, tmp_path / "kept")
    (path,) = (tmp_path / "kept").glob("*.json")
    path.write_text(path.read_text()[:50])
    assert counted(root, tmp_path / "kept") == first


def test_several_processes_count_the_same(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    for index in range(40):
        write(tmp_path, f"s_{index:02}", random.integers(0, 12, (8, 8), dtype=np.uint8))
    monkeypatch.setattr("seglab.data.parallel.available_cpus", lambda: 1)
    alone = counted(tmp_path, tmp_path / "alone")
    monkeypatch.setattr("seglab.data.parallel.available_cpus", lambda: 2)
    assert counted(tmp_path, tmp_path / "two") == alone


def test_an_error_in_another_process_names_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("seglab.data.parallel.available_cpus", lambda: 2)
    for index in range(40):
        write(tmp_path, f"s_{index:02}", np.full((4, 4), 77 if index == 9 else 0, np.uint8))
    with pytest.raises(SeglabError, match=r"s_09.png' holds 77 \(16 pixels\)"):
        counted(tmp_path, tmp_path / "kept")


def test_a_reader_that_does_not_map_its_values_is_found_out():
    with pytest.raises(SeglabError, match=r"expected train ids 0..10 and 255 \(void\); got \[40\]"):
        count_labels(np.full((2, 2), 40, np.uint8), LABELS, name="x")


def test_more_pixels_than_a_float_can_count():
    mask = np.zeros((4097, 4096), np.uint8)
    assert count_labels(mask, LABELS, name="x").pixels[0] == 4097 * 4096
