"""Videos are written as they can be read back."""

import cv2
import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.inference.video import VideoReader, VideoWriter


def test_round_trip_keeps_count_rate_and_colours_and_makes_odd_sizes_even(tmp_path):
    path = tmp_path / "odd.mp4"
    picture = np.empty((47, 63, 3), np.uint8)
    picture[:] = (200, 100, 50)
    with VideoWriter(path, rate=12.5) as writer:
        for _ in range(3):
            writer.write(picture)
        assert not path.exists()  # until everything is in it
    video = VideoReader(path)
    assert (video.rate, video.frames) == (12.5, 3)
    frames = list(video)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
    np.testing.assert_allclose(frames[2].reshape(-1, 3).mean(0), (200, 100, 50), atol=4)
    assert [file.name for file in tmp_path.iterdir()] == ["odd.mp4"]


def test_bug_or_interrupt_leaves_no_video(tmp_path):
    def interrupted() -> None:
        with VideoWriter(tmp_path / "a.mp4", rate=10) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_file_that_is_no_video_is_named(tmp_path, capfd):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SeglabError, match=r"text\.mp4"):
        VideoReader(tmp_path / "text.mp4")


def test_cut_off_video_is_an_error_after_its_last_readable_frame(tmp_path):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    generator = np.random.default_rng(1)  # noise: frames that are large beside the header of the file
    for _ in range(10):
        writer.write(generator.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    video, count = VideoReader(path), 0

    def read() -> None:
        nonlocal count
        for _ in video:
            count += 1

    with pytest.raises(SeglabError, match="could be read"):
        read()
    assert 0 < count < 10
