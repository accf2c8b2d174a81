"""A JPEG of which a part is lost is refused, however it came to be so; what is usual in cameras is not."""

import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data import libjpeg
from seglab.data.folder import Folder
from seglab.data.image_files import read_image
from seglab.diagnostics.dataset import inspect
from seglab.errors import SeglabError

KINDS = {
    "baseline": [],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restart markers": [cv2.IMWRITE_JPEG_RST_INTERVAL, 8],
}
END = b"\xff\xd9"


def jpeg(options=()) -> bytes:
    picture = np.random.default_rng(0).integers(0, 256, (128, 192, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(picture, (5, 5), 0), options)[1].tobytes()


def damaged(data: bytes, how: str) -> bytes:
    middle = len(data) // 2
    return {
        "a hole": data[:middle] + bytes(2000) + data[middle + 2000 :],
        "zeros to the end": data[:middle] + bytes(len(data) - middle - 2) + END,
        "an end glued on": data[:middle] + END,
    }[how]


@pytest.mark.parametrize("how", ["a hole", "zeros to the end", "an end glued on"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
def test_a_damaged_jpeg_is_refused_with_its_name(tmp_path: Path, options, how, capfd) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(damaged(jpeg(options), how))
    with pytest.raises(SeglabError, match=r"expected a whole JPEG; '.*a\.jpg' is damaged \(Corrupt JPEG data: "):
        read_image(path)
    assert capfd.readouterr().err == ""  # it stands in the message


def test_a_damaged_grey_jpeg_is_refused_as_well(tmp_path: Path) -> None:
    grey = cv2.imdecode(np.frombuffer(jpeg(), np.uint8), cv2.IMREAD_GRAYSCALE)
    path = tmp_path / "grey.jpg"
    path.write_bytes(damaged(cv2.imencode(".jpg", grey)[1].tobytes(), "a hole"))
    with pytest.raises(SeglabError, match=r"expected a whole JPEG; '.*grey\.jpg' is damaged"):
        read_image(path, channels=1)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
def test_a_whole_one_and_one_with_padding_are_read(tmp_path: Path, options) -> None:
    data = jpeg(options)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    for content in (data, data[:-2] + bytes(3) + END, data + bytes(100)):
        (tmp_path / "a.jpg").write_bytes(content)
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), expected)


def test_what_others_write_meanwhile_reaches_standard_error(capfd) -> None:
    def decode() -> int:
        os.write(2, b"from another thread\n")
        os.write(2, b"Corrupt JPEG data: premature end of data segment\n")
        return 3

    assert libjpeg.decoded(decode) == (3, "Corrupt JPEG data: premature end of data segment")
    assert capfd.readouterr().err == "from another thread\n"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_threads_and_forks_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "whole.jpg").write_bytes(jpeg())
    (tmp_path / "broken.jpg").write_bytes(damaged(jpeg(), "a hole"))
    refused = []

    def read(name: str) -> None:
        for _ in range(20):
            try:
                read_image(tmp_path / f"{name}.jpg")
            except SeglabError:
                refused.append(name)

    threads = [threading.Thread(target=read, args=(name,)) for name in ("whole", "broken", "whole")]
    for thread in threads:
        thread.start()
    for _ in range(5):
        if (child := os.fork()) == 0:
            read_image(tmp_path / "whole.jpg")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    for thread in threads:
        thread.join()
    assert refused == ["broken"] * 20


def test_check_data_finds_it(tmp_path: Path) -> None:
    for folder in ("train/images", "train/masks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "train/images/a.jpg").write_bytes(damaged(jpeg(), "an end glued on"))
    cv2.imwrite(str(tmp_path / "train/masks/a.png"), np.zeros((128, 192), np.uint8))
    labels = {"name": "mine", "names": ["other", "road"], "colors": None, "ignore_values": [255], "mapping": None}
    source = Folder(tmp_path, "train", labels=labels, images="{split}/images", masks="{split}/masks")
    (error,) = inspect(source, 0).errors
    assert "a.jpg' is damaged" in error
