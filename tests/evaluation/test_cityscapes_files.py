"""Files of label ids: found in pairs, read as they are, named where they are wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.evaluation.cityscapes_files import evaluate_pairs, find_pairs, read_png

HEIGHT, WIDTH = 32, 64
NAMES = ["aachen_000000_000019", "aachen_000001_000019"]
MAP = np.full((2, 2), 7, dtype=np.uint8)  # road


def test_missing_and_doubled_files_are_named(city) -> None:
    predictions, truth = city
    doubled = predictions / f"{NAMES[0]}_again.png"
    Image.fromarray(MAP).save(doubled)
    with pytest.raises(SeglabError, match=rf"exactly one prediction {NAMES[0]}.*{NAMES[0]}_again.png"):
        find_pairs(predictions, truth)
    doubled.unlink()
    (predictions / "0" / f"{NAMES[0]}_pred.png").unlink()
    with pytest.raises(SeglabError, match=rf"exactly one prediction {NAMES[0]}.* found none"):
        find_pairs(predictions, truth)
    with pytest.raises(SeglabError, match="give the folder gtFine/val"):
        find_pairs(predictions, predictions)


def test_an_error_names_the_file(city) -> None:
    predictions, truth = city
    path = predictions / "1" / f"{NAMES[1]}_pred.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)).save(path)
    with pytest.raises(SeglabError, match=rf"{NAMES[1]}_pred.png: the prediction of an image hold 255"):
        evaluate_pairs(find_pairs(predictions, truth))


def test_files_of_colours_and_broken_files_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "colours.png")
    with pytest.raises(SeglabError, match=r"one channel of ids in .*colours.png"):
        read_png(tmp_path / "colours.png")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(SeglabError, match=r"cannot read .*broken.png"):
        read_png(tmp_path / "broken.png")
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    with pytest.raises(SeglabError, match=r"cannot read .*cut.png"):
        read_png(tmp_path / "cut.png")
    with pytest.raises(SeglabError, match=r"cannot read .*absent.png"):
        read_png(tmp_path / "absent.png")


def test_sixteen_bits_are_read_unchanged(tmp_path: Path) -> None:
    values = np.array([[33012, 7]], dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "ids.png"), values)
    assert np.array_equal(read_png(tmp_path / "ids.png"), values)
