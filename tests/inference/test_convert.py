"""Masks of label ids become train ids or foreground; what cannot be read is named, and nothing is replaced unasked."""

import logging
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.data.image_files import read_ids
from seglab.errors import SeglabError
from seglab.inference.convert import convert, converted, find_masks, output_name
from seglab.inference.inputs import Input
from seglab.labels import CITYSCAPES_LABELS

EVERY_ID = np.arange(34, dtype=np.uint8).reshape(2, 17)


def write(path: Path, ids: np.ndarray = EVERY_ID) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), ids)
    return path


def names(masks: list[Input]) -> list[str]:
    return [mask.name for mask in masks]


@pytest.mark.parametrize("to", ["train_ids", "foreground"])
def test_every_label_id_becomes_what_the_official_table_says(tmp_path, to):
    path = write(tmp_path / "a.png")
    mask, ids = converted(path, to=to), read_ids(path)
    expected = np.full(ids.shape, 255 if to == "train_ids" else 0, np.uint8)
    for label in CITYSCAPES_LABELS:
        if not label.ignore_in_eval:
            expected[ids == label.id] = label.train_id if to == "train_ids" else 255
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, expected)


def test_a_mask_of_another_data_set_is_named_with_its_values(tmp_path):
    path = write(tmp_path / "b.png", np.array([[7, 99, 33, 99]], np.uint8))
    message = f"mask '{path}' holds 99 (2 pixels); expected 0..33, 255 (raw values of cityscapes_19) - is it another"
    with pytest.raises(SeglabError, match=re.escape(message)):
        converted(path, to="foreground")


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("bonn/bonn_000000_000019_gtFine_labelIds", "train_ids", "bonn/bonn_000000_000019_gtFine_labelTrainIds.png"),
        ("bonn/bonn_000000_000019_gtFine_labelIds", "foreground", "bonn/bonn_000000_000019_gtFine_foreground.png"),
        ("7", "train_ids", "7_labelTrainIds.png"),
        ("a_labelIds_b", "foreground", "a_labelIds_b_foreground.png"),
    ],
)
def test_names_follow_the_official_ones(name, to, expected):
    assert output_name(Input(Path(f"{name}.png"), name), to=to) == expected


def test_of_gtfine_only_the_label_ids_are_masks(tmp_path):
    folder, output = tmp_path / "gtFine", tmp_path / "out"
    for ending in ("labelIds", "instanceIds", "color"):
        write(folder / "bonn" / f"bonn_0_gtFine_{ending}.png")
    assert names(find_masks(str(folder), output=output)) == ["bonn/bonn_0_gtFine_labelIds"]


def test_of_another_folder_every_png_is_a_mask_but_those_written_before(tmp_path):
    for name in ("a.png", "deep/b.png", "out/a_foreground.png"):
        write(tmp_path / name)
    (tmp_path / "c.jpg").touch()
    assert names(find_masks(str(tmp_path), output=tmp_path / "out")) == ["a", "deep/b"]
    (tmp_path / "none").mkdir()
    with pytest.raises(SeglabError, match=r"expected files \(\.png\) in the folder '.*none' or below it; none is"):
        find_masks(str(tmp_path / "none"), output=tmp_path / "out")


def test_what_cannot_be_read_is_told_and_the_others_are_written(tmp_path, caplog):
    for name, ids in {"a": [[7, 0, 33]], "b": [[7, 99, 33]], "deep/c": [[8]]}.items():
        write(tmp_path / "gt" / f"{name}.png", np.array(ids, np.uint8))
    (tmp_path / "gt" / "d.png").write_bytes(write(tmp_path / "whole.png").read_bytes()[:-20])
    output = tmp_path / "out"
    with caplog.at_level(logging.INFO, logger="seglab"):
        problems = convert(find_masks(str(tmp_path / "gt"), output=output), folder=output, to="train_ids",
                           overwrite=False)  # fmt: skip
    assert ["b.png' holds 99" in problems[0], "d.png' (" in problems[1], "cut off" in problems[1]] == [True] * 3
    assert len(problems) == 2
    written = {path.relative_to(output).as_posix(): read_ids(path).tolist() for path in output.rglob("*.*")}
    assert written == {"a_labelTrainIds.png": [[0, 255, 18]], "deep/c_labelTrainIds.png": [[1]]}
    assert "2 of 4 masks converted, in " in caplog.text


def test_existing_masks_are_replaced_only_when_asked_for(tmp_path):
    masks = [Input(write(tmp_path / f"{name}.png"), name) for name in "ab"]
    target = tmp_path / "out" / "b_foreground.png"
    target.parent.mkdir()
    target.write_bytes(b"precious")
    message = re.escape(f"1 of 2 exist, the first is '{target}' - choose another output, or set overwrite=true")
    with pytest.raises(SeglabError, match=message):
        convert(masks, folder=target.parent, to="foreground", overwrite=False)
    assert [path.name for path in target.parent.iterdir()] == [target.name]  # it stops before it begins
    assert target.read_bytes() == b"precious"
    assert convert(masks, folder=target.parent, to="foreground", overwrite=True) == []
    np.testing.assert_array_equal(read_ids(target), converted(masks[1].path, to="foreground"))
