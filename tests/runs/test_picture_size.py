"""A small file that says that it holds gigabytes is refused by its header; the files beside it are read."""

import struct
import zlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data.camvid import CamVid
from seglab.data.image_files import read_any_ids, read_ids, read_image
from seglab.diagnostics.dataset import check_split
from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import read_png
from seglab.runs.picture_size import require_room

GREY, RGB, PALETTE = 0, 2, 3


def huge_png(path: Path, *, side: int, color_type: int) -> Path:
    """A PNG of 1 kB: its header tells of `side` x `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, color_type, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(768)) if color_type == PALETTE else b""
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + palette + rows + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [16_000, 60_000])
def test_a_huge_png_is_refused_by_name_before_it_is_decoded(tmp_path, side):
    bands = partial(read_image, channels=1)
    for read, color_type in (
        (read_image, RGB), (bands, GREY), (read_ids, GREY), (read_ids, PALETTE),
        (read_any_ids, GREY), (read_any_ids, PALETTE), (read_png, PALETTE),
    ):  # fmt: skip
        path = huge_png(tmp_path / "huge.png", side=side, color_type=color_type)
        with pytest.raises(SeglabError, match=rf"at most 180 million pixels; '.*huge.png' has {side}x{side}"):
            read(path)


def test_a_huge_jpeg_is_refused_by_its_header(tmp_path):
    data = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    frame = data.index(b"\xff\xc0")  # the frame's header: length, bits, height, width
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 50_000)
    (tmp_path / "huge.jpg").write_bytes(data)
    with pytest.raises(SeglabError, match=r"'.*huge.jpg' has 60000x50000"):
        read_image(tmp_path / "huge.jpg")


def test_ordinary_pictures_and_what_is_none_pass(tmp_path):
    require_room(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes(), tmp_path / "a.png")
    require_room(b"no picture", tmp_path / "a.txt")


def test_checking_a_data_set_names_the_huge_file_and_reads_the_others(tmp_path):
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b", "c"):
        cv2.imwrite(str(tmp_path / "train" / f"{name}.png"), np.full((16, 16, 3), ord(name), np.uint8))
        cv2.imwrite(str(tmp_path / "trainannot" / f"{name}.png"), np.full((16, 16), 3, np.uint8))
    huge_png(tmp_path / "train" / "a.png", side=60_000, color_type=RGB)
    huge_png(tmp_path / "trainannot" / "b.png", side=60_000, color_type=PALETTE)
    report = check_split("train", CamVid(tmp_path, "train", labels="camvid_11"))
    errors = [problem.message for problem in report.problems if problem.level == "error"]
    assert [("a.png" in errors[0], "b.png" in errors[1]), len(errors)] == [(True, True), 2]
    assert report.statistics.images == 1
