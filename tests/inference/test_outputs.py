"""What is written of a prediction: where each kind goes, its pixels, and that a video keeps its size."""

from pathlib import Path

import numpy as np
import pytest

from seglab.data.image_files import read_ids, read_image
from seglab.display import draw
from seglab.inference.inputs import Input
from seglab.inference.outputs import KINDS, Results
from seglab.inference.video import VideoReader
from seglab.labels import label_space
from tests.inference.networks import noise

LABELS = label_space("camvid_11")
IDS = np.arange(255, -1, -1, dtype=np.uint8)  # the value of train id k in an id mask is 255 - k
IMAGE = Input(Path("photos/bonn/a.png"), "bonn/a")
VIDEO = Input(Path("photos/bonn/drive.MP4"), "bonn/drive")
GAP = 6  # columns of paper between an image and its colours


@pytest.fixture
def mask() -> np.ndarray:
    """Sky on the left, road on the right, and a row that is not counted."""
    ids = np.zeros((32, 64), np.uint8)
    ids[:, 32:] = 3
    ids[0] = 255
    return ids


def results(folder: Path, *kinds: str, legend: bool = False) -> Results:
    return Results(folder=folder, labels=LABELS, kinds=kinds, ids=IDS, opacity=0.25, legend=legend)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_kind_has_a_folder_and_keeps_the_name_of_the_input(tmp_path):
    everything = results(tmp_path, *KINDS)
    assert everything.paths(IMAGE) == [tmp_path / kind / "bonn" / "a.png" for kind in KINDS]
    assert (
        everything.paths(VIDEO)
        == [
            tmp_path / "masks" / "bonn" / "drive",  # a folder of pictures: a video would blur ids
            *(tmp_path / kind / "bonn" / "drive.mp4" for kind in KINDS[1:]),
        ]
    )
    assert results(tmp_path, "colors").paths(IMAGE) == [tmp_path / "colors" / "bonn" / "a.png"]


def test_without_a_legend_the_pictures_are_what_was_drawn(tmp_path, mask):
    image = noise(32, 64)
    results(tmp_path, *KINDS).write(IMAGE, image, mask)
    assert files(tmp_path) == sorted(f"{kind}/bonn/a.png" for kind in KINDS)
    np.testing.assert_array_equal(read_ids(tmp_path / "masks/bonn/a.png"), 255 - mask)
    np.testing.assert_array_equal(read_image(tmp_path / "colors/bonn/a.png"), draw.colourise(mask, LABELS))
    overlay = draw.overlay(image, mask, LABELS, opacity=0.25)
    np.testing.assert_array_equal(read_image(tmp_path / "overlays/bonn/a.png"), overlay)
    both = read_image(tmp_path / "side_by_side/bonn/a.png")
    np.testing.assert_array_equal(both[:, :64], image)
    np.testing.assert_array_equal(both[:, 64 + GAP :], draw.colourise(mask, LABELS))


def test_only_the_kinds_that_are_asked_for_are_written(tmp_path, mask):
    results(tmp_path, "colors").write(IMAGE, noise(32, 64), mask)
    assert files(tmp_path) == ["colors/bonn/a.png"]


def test_a_legend_names_the_classes_of_the_picture_below_it(tmp_path, mask):
    image = noise(32, 64)
    results(tmp_path, *KINDS, legend=True).write(IMAGE, image, mask)
    assert read_ids(tmp_path / "masks/bonn/a.png").shape == (32, 64)
    assert read_image(tmp_path / "colors/bonn/a.png").shape == (32, 64, 3)
    overlay = draw.overlay(image, mask, LABELS, opacity=0.25)
    side_by_side = draw.side_by_side(image, mask, LABELS)
    for kind, picture in (("overlays", overlay), ("side_by_side", side_by_side)):
        expected = draw.with_legend(picture, LABELS, present={0, 3, 255})
        assert expected.shape[0] > 32
        np.testing.assert_array_equal(read_image(tmp_path / kind / "bonn" / "a.png"), expected)


def test_a_video_is_ids_frame_by_frame_and_a_video_of_each_other_kind(tmp_path, mask):
    with results(tmp_path, *KINDS).video(VIDEO, rate=12.5) as append:
        for number in range(3):
            append(noise(32, 64, seed=number), mask + np.uint8(number))
    numbers = [f"masks/bonn/drive/{number:06d}.png" for number in range(3)]
    assert files(tmp_path) == sorted([*numbers, *(f"{kind}/bonn/drive.mp4" for kind in KINDS[1:])])
    for number, name in enumerate(numbers):
        np.testing.assert_array_equal(read_ids(tmp_path / name), 255 - (mask + np.uint8(number)))
    for kind, width in (("colors", 64), ("overlays", 64), ("side_by_side", 128 + GAP)):
        video = VideoReader(tmp_path / kind / "bonn" / "drive.mp4")
        assert (video.rate, video.frames) == (12.5, 3)
        assert {frame.shape for frame in video} == {(32, width, 3)}


def test_the_legend_of_a_video_names_all_classes_so_that_frames_keep_one_size(tmp_path, mask):
    image = noise(32, 64)
    with results(tmp_path, "overlays", legend=True).video(VIDEO, rate=10) as append:
        append(image, mask)
        append(image, np.zeros_like(mask))
    first, second = VideoReader(tmp_path / "overlays" / "bonn" / "drive.mp4")
    expected = draw.with_legend(image, LABELS, present=range(LABELS.num_classes))
    assert first.shape == second.shape
    assert first.shape[0] in (len(expected), len(expected) + 1)  # a video's sides are even
    np.testing.assert_allclose(first[40 : len(expected)].mean(), expected[40:].mean(), atol=8)


def test_an_interruption_leaves_no_half_of_a_video(tmp_path, mask):
    def interrupted() -> None:
        with results(tmp_path, "masks", "colors").video(VIDEO, rate=10) as append:
            append(noise(32, 64), mask)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(tmp_path) == ["masks/bonn/drive/000000.png"]
