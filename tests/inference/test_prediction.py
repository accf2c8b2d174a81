"""Files through a predictor whose answer is known: batches, broken files among whole ones, an interruption."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.data.image_files import read_ids
from seglab.errors import SeglabError
from seglab.inference import prediction, submission
from seglab.inference.inputs import IMAGES, VIDEOS, Input, find
from seglab.inference.opened import Opened
from seglab.inference.outputs import Results
from seglab.labels import label_space

SETTINGS = {
    "run": "run", "output": "out", "write": ["masks"], "ids": "train_ids", "opacity": 0.5, "legend": False,
    "overwrite": False, "batch_size": 3, "checkpoint": "best", "reject": None, "reject_score": "median_probability",
}  # fmt: skip


class RedChannel:
    """A predictor by which the class is the red value. It notes how many images come at once."""

    channels = 3
    size = None
    device = "cpu"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def label_map_batch(self, images):
        self.batches.append(len(images))
        return [image[..., 0].copy() for image in images]


@pytest.fixture
def predictor(monkeypatch, tmp_path) -> RedChannel:
    """What the run of SETTINGS predicts with; the current folder is an empty one."""
    red = RedChannel()
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "best.ckpt"
    file.touch()
    run = Opened(lambda: red, label_space("cityscapes_19"), {}, file, tmp_path, {})
    monkeypatch.setattr(prediction, "open_run", lambda settings: run)
    return red


def write_image(path: Path, class_id: int, size: tuple[int, int] = (4, 6)) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), (0, 0, class_id), np.uint8))  # BGR


def photos(count: int) -> list[Input]:
    """Image number n is of class n; the second and the fifth are broken."""
    for number in range(count):
        write_image(Path(f"photos/{number}.png"), number, size=(4 + number, 6))
    for number in (1, 4):
        Path(f"photos/{number}.png").write_text("no picture")
    return found()


def found() -> list[Input]:
    return find("photos", suffixes=(*IMAGES, *VIDEOS), output=Path("out"))


def masks() -> dict[str, int]:
    """{file: its only class}"""
    values = {}
    for path in sorted(Path("out/masks").rglob("*.png")):
        (values[path.relative_to("out/masks").as_posix()],) = np.unique(read_ids(path)).tolist()
    return values


@pytest.mark.parametrize(("batch_size", "batches"), [(1, [1, 0, 1, 1, 0, 1, 1, 1]), (3, [2, 2, 2]), (100, [6])])
def test_broken_files_within_a_batch_leave_the_others_in_their_places(predictor, batch_size, batches):
    problems = prediction.predict_files({**SETTINGS, "batch_size": batch_size}, photos(8))
    assert masks() == {f"{number}.png": number for number in (0, 2, 3, 5, 6, 7)}
    assert ["1.png" in problems[0], "4.png" in problems[1], len(problems)] == [True, True, 2]
    assert predictor.batches == batches


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_an_image_that_the_network_does_not_take_leaves_the_others(predictor, monkeypatch, batch_size):
    def some_only(images):
        if any(image.dtype != np.uint8 for image in images):
            raise SeglabError("takes images of 8 bits")
        return [image[..., 0].copy() for image in images]

    monkeypatch.setattr(predictor, "label_map_batch", some_only)
    for number in range(5):
        write_image(Path(f"photos/{number}.png"), number)
    cv2.imwrite("photos/1.png", np.full((4, 6, 3), 500, np.uint16))
    assert prediction.predict_files({**SETTINGS, "batch_size": batch_size}, found()) == [
        "'photos/1.png': takes images of 8 bits"
    ]
    assert masks() == {f"{number}.png": number for number in (0, 2, 3, 4)}


def test_an_image_that_viewers_turn_is_told_of(predictor, caplog):
    write_image(Path("photos/0.png"), 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter
    Image.open("photos/0.png").save("photos/1.png", exif=exif)
    assert prediction.predict_files(SETTINGS, found()) == []
    assert "saw 1 images as they are stored" in caplog.text
    assert "the first is 'photos/1.png'" in caplog.text


def test_images_around_a_video_are_one_batch_and_its_frames_are_others(predictor):
    photos(4)
    writer = cv2.VideoWriter("photos/2video.avi", cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 16))
    for number in range(7):
        writer.write(np.full((16, 32, 3), 20 * number, np.uint8))
    writer.release()
    assert len(prediction.predict_files(SETTINGS, found())) == 2
    assert predictor.batches == [2, 3, 3, 1, 1]
    assert {name: value for name, value in masks().items() if "/" not in name} == {"0.png": 0, "2.png": 2, "3.png": 3}
    frames = [value for name, value in masks().items() if "/" in name]
    assert frames == pytest.approx([20 * number for number in range(7)], abs=5)  # JPEG


def test_readable_frames_before_a_cut_are_written(predictor, monkeypatch):
    class Cut(prediction.VideoReader):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.frames = 9  # as the file says

    monkeypatch.setattr(prediction, "VideoReader", Cut)
    Path("photos").mkdir()
    writer = cv2.VideoWriter("photos/cut.avi", cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 16))
    for _ in range(4):
        writer.write(np.zeros((16, 32, 3), np.uint8))
    writer.release()
    (problem,) = prediction.predict_files(SETTINGS, found())
    assert "4 could be read" in problem
    assert list(masks()) == [f"cut/{number:06d}.png" for number in range(4)]


def test_an_interruption_leaves_the_first_files_whole_and_no_others(predictor, monkeypatch):
    write = Results.write

    def interrupted(self, one: Input, image: np.ndarray, mask: np.ndarray) -> None:
        if one.name == "3":
            raise KeyboardInterrupt
        write(self, one, image, mask)

    monkeypatch.setattr(Results, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prediction.predict_files(SETTINGS, photos(50))
    assert masks() == {"0.png": 0, **{f"{number}.png": number for number in range(10, 30)}, "2.png": 2}
    assert [path.name for path in Path("out").rglob(".*")] == [".unfinished"]
    monkeypatch.setattr(Results, "write", write)
    before = {path: path.stat().st_mtime_ns for path in Path("out/masks").iterdir()}
    with pytest.raises(SeglabError, match="22 of 50 exist"):
        prediction.predict_files({**SETTINGS, "flip": True}, found())
    predictor.batches.clear()
    prediction.predict_files(SETTINGS, found())  # the same again
    assert sum(predictor.batches) == 26
    assert len(masks()) == 48
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert not list(Path("out").rglob(".*"))
    with pytest.raises(SeglabError, match="48 of 50 exist"):
        prediction.predict_files(SETTINGS, found())


def test_submission_names_images_of_another_size_and_goes_on(predictor, monkeypatch, caplog):
    monkeypatch.setattr(submission, "SIZE", (4, 6))
    for number, width in enumerate((6, 8, 6, 6)):
        write_image(Path(f"photos/bonn_000000_00000{number}_leftImg8bit.png"), number, size=(4, width))
    with caplog.at_level(logging.INFO, logger="seglab"):
        (problem,) = prediction.predict_submission(SETTINGS, found())
    assert "has 8x4" in problem
    assert "no zip" in caplog.text
    assert predictor.batches == [2, 1]
    written = sorted(Path("out/submission").iterdir())
    assert [path.name[12:18] for path in written] == ["000000", "000002", "000003"]
    assert [read_ids(path)[0, 0] for path in written] == [7, 11, 12]  # road, building, wall


def test_submission_is_zipped_when_every_image_is_there(predictor, monkeypatch):
    monkeypatch.setattr(submission, "SIZE", (4, 6))
    for number in range(4):
        write_image(Path(f"photos/bonn_000000_00000{number}_leftImg8bit.png"), number)
    assert prediction.predict_submission(SETTINGS, found()) == []
    assert Path("out/submission.zip").is_file()
