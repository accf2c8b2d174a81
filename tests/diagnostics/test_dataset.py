"""Every fault that a data set can have is found, each under its own name, and all of them at once."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.data.camvid import CamVid
from seglab.data.folder import Folder
from seglab.diagnostics.dataset import check_split, compare_splits


def picture(seed: int) -> np.ndarray:
    """uint8 (64, 64, 3): smooth blobs that no other seed gives."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)


def write(root: Path, split: str, name: str, *, seed: int, mask: np.ndarray | None = None, ending: str = "png") -> Path:
    for folder in (split, f"{split}annot"):
        (root / folder).mkdir(exist_ok=True)
    mask = np.full((64, 64), 3, np.uint8) if mask is None else mask
    cv2.imwrite(str(root / f"{split}annot" / f"{name}.png"), mask)
    cv2.imwrite(str(root / split / f"{name}.{ending}"), picture(seed))
    return root / split / f"{name}.{ending}"


def checked(root: Path, split: str = "train"):
    return check_split(split, CamVid(root, split, labels="camvid_11"))


def messages(report, level: str) -> list[str]:
    return [problem.message for problem in report.problems if problem.level == level]


def test_a_sound_split_has_no_errors(tmp_path):
    mask = np.repeat(np.arange(12, dtype=np.uint8), 64).reshape(12, 64).repeat(6, axis=0)[:64]
    for index in range(3):
        write(tmp_path, "train", f"s_{index}", seed=index, mask=mask)
    report = checked(tmp_path)
    assert report.problems == []
    assert report.sizes == {"64x64": 3}
    assert (report.image_modes, report.mask_modes) == ({"RGB": 3}, {"L": 3})
    assert report.statistics.images_with == (3,) * 11


def test_all_faults_are_listed_not_only_the_first(tmp_path):
    cut = write(tmp_path, "train", "s_0", seed=0, ending="jpg")
    cut.write_bytes(cut.read_bytes()[:-600])
    write(tmp_path, "train", "s_1", seed=1, mask=np.full((64, 64), 300, np.uint16))
    write(tmp_path, "train", "s_2", seed=2, mask=np.zeros((64, 64, 3), np.uint8))
    write(tmp_path, "train", "s_3", seed=3, mask=np.zeros((32, 64), np.uint8))
    empty = write(tmp_path, "train", "s_4", seed=4)
    empty.write_bytes(b"")
    Image.new("RGBA", (64, 64)).save(tmp_path / "trainannot" / "s_4.png")
    write(tmp_path, "train", "s_5", seed=5)
    report = checked(tmp_path)
    errors = messages(report, "error")
    assert len(errors) == 5, errors
    for said, name in (
        ("is cut off", "s_0.jpg"),
        ("16-bit grey", "s_1.png"),
        ("8-bit RGB", "s_2.png"),
        ("of one size", "s_3.png"),
        ("neither", "s_4.png"),
    ):
        assert any(said in error and name in error for error in errors), (said, errors)
    assert report.statistics.images == 1
    assert report.image_modes == {"RGB": 5}
    assert set(report.mask_modes) == {"L", "I;16", "RGB", "RGBA"}


def test_a_mask_is_checked_though_its_image_cannot_be_read(tmp_path):
    write(tmp_path, "train", "s_0", seed=0, mask=np.full((64, 64), 77, np.uint8)).write_bytes(b"no image")
    write(tmp_path, "train", "s_1", seed=1).write_bytes(b"no image")
    mask = tmp_path / "trainannot" / "s_1.png"
    mask.write_bytes(mask.read_bytes()[:-4])
    errors = messages(checked(tmp_path), "error")
    assert sum("neither" in error for error in errors) == 2
    assert sum("value 77" in error for error in errors) == 1
    assert sum("trainannot/s_1.png' " in error and "is cut off" in error for error in errors) == 1


def test_a_palette_mask_is_read_by_its_indices(tmp_path):
    write(tmp_path, "train", "s_0", seed=0)
    palette = Image.fromarray(np.full((64, 64), 5, np.uint8)).convert("P")
    palette.putpalette([200, 10, 10] * 256)
    palette.putdata([5] * 64 * 64)
    palette.save(tmp_path / "trainannot" / "s_0.png")
    report = checked(tmp_path)
    assert messages(report, "error") == []
    assert report.mask_modes == {"P": 1}
    assert report.statistics.pixels[5] == 64 * 64


def test_unknown_values_are_listed_once_with_their_count_and_an_example(tmp_path):
    for index, pixels in enumerate((3, 9, 0)):
        mask = np.zeros((64, 64), np.uint8)
        mask.ravel()[:pixels] = 40
        write(tmp_path, "train", f"s_{index}", seed=index, mask=mask)
    (error,) = messages(checked(tmp_path), "error")
    assert error.startswith("value 40 in 12 pixels of 2 masks")
    assert "trainannot/s_1.png" in error


def test_suspicions(tmp_path):
    write(tmp_path, "train", "s_0", seed=0, mask=np.full((64, 64), 11, np.uint8))
    write(tmp_path, "train", "s_1", seed=1)
    write(tmp_path, "train", "s_2", seed=1)
    found = messages(checked(tmp_path), "suspicion")
    assert any("1 masks hold nothing but void, the first is of 's_0'" in message for message in found)
    assert any(message.startswith("no pixel of sky, building") for message in found)
    assert any("1 images occur more than once" in message and "s_2.png" in message for message in found)


def test_copies_in_two_splits_are_found_by_content_and_by_look(tmp_path):
    for index in range(4):
        write(tmp_path, "train", f"a_{index}", seed=index)
    write(tmp_path, "val", "b_0", seed=2)  # the same file
    write(tmp_path, "val", "b_1", seed=10)
    brighter = cv2.convertScaleAbs(picture(3), alpha=0.9, beta=8)  # the same picture in another file
    cv2.imwrite(str(tmp_path / "val" / "b_1.png"), brighter)
    write(tmp_path, "val", "a_2", seed=11)  # another frame of sequence a
    problems = compare_splits(checked(tmp_path), checked(tmp_path, "val"))
    assert [(problem.level, problem.split) for problem in problems] == [
        ("error", "train and val"),
        ("suspicion", "train and val"),
        ("note", "train and val"),
    ]
    assert problems[0].message.startswith("1 equal image files")
    assert "train/a_2.png" in problems[0].message
    assert "val/b_0.png" in problems[0].message
    assert problems[1].message.startswith("1 pairs look the same")
    assert "val/b_1.png" in problems[1].message
    assert problems[2].message.startswith("1 shared sequences (a)")


def test_different_splits_share_nothing(tmp_path):
    for index in range(4):
        write(tmp_path, "train", f"a_{index}", seed=index)
        write(tmp_path, "val", f"b_{index}", seed=50 + index)
    assert compare_splits(checked(tmp_path), checked(tmp_path, "val")) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_the_report_does_not_depend_on_the_number_of_processes(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("seglab.data.parallel.available_cpus", lambda: processes)
    for index in range(36):
        mask = np.full((64, 64), 99 if index == 20 else index % 11, np.uint8)
        write(tmp_path, "train", f"s_{index:02}", seed=index, mask=mask)
    report = checked(tmp_path)
    assert report.statistics.images == 35
    (error,) = messages(report, "error")
    assert "s_20.png" in error


def test_samples_with_names_of_their_own_are_no_sequences(tmp_path):
    """Files named alike in two splits are other images."""
    for split, seed in (("train", 0), ("val", 50)):
        for part, pixels in (("images", picture(seed)), ("masks", np.eye(64, dtype=np.uint8))):
            (tmp_path / split / part).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / split / part / "0001.png"), pixels)
    labels = {"name": "mine", "names": ["a", "b"], "colors": None, "ignore_values": [], "mapping": None}
    places = {"images": "{split}/images", "masks": "{split}/masks"}
    reports = [check_split(split, Folder(tmp_path, split, labels=labels, **places)) for split in ("train", "val")]
    assert compare_splits(*reports) == []


def test_masks_of_black_and_white_read_as_void_are_an_error(tmp_path):
    for part, pixels in (("images", picture(0)), ("masks", np.eye(64, dtype=np.uint8) * 255)):
        (tmp_path / "train" / part).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "train" / part / "a.png"), pixels)
    labels = {"name": "mine", "names": ["a", "b"], "colors": None, "ignore_values": [255], "mapping": None}
    places = {"images": "{split}/images", "masks": "{split}/masks"}
    (error,) = messages(check_split("train", Folder(tmp_path, "train", labels=labels, **places)), "error")
    assert "write 'data.labels.mapping={0: a, 255: b}' data.labels.ignore_values=[]" in error
