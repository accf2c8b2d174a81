"""What the Cityscapes server would refuse is refused before it is sent."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.inference import submission
from seglab.inference.inputs import Input
from seglab.labels import label_space

LABELS = label_space("cityscapes_19")


def test_submission_check_lists_every_mistake(tmp_path):
    def put(name: str, mask: np.ndarray) -> None:
        cv2.imwrite(str(tmp_path / name), mask)

    good = np.full(submission.SIZE, 7, np.uint8)
    put("a.png", good)
    submission.check(tmp_path, ["a.png"])
    put("b.png", good[:5])
    put("c.png", np.full(submission.SIZE, 255, np.uint8))
    put("d.png", np.zeros((*submission.SIZE, 3), np.uint8))
    put("old.png", good)
    with pytest.raises(SeglabError) as caught:
        submission.check(tmp_path, ["a.png", "b.png", "c.png", "d.png", "e.png"])
    for words in (
        "5 mistakes",
        "b.png has 2048x5",
        "c.png holds [255]",
        "8-bit RGB",
        "e.png is missing",
        "old.png is not",
    ):
        assert words in str(caught.value)


def test_label_ids_go_by_name():
    table = submission.label_ids(LABELS)
    assert table[[0, 18, 255]].tolist() == [7, 33, 0]
    with pytest.raises(SeglabError, match="camvid_11 has 'pavement'"):
        submission.label_ids(label_space("camvid_11"))


def test_submission_takes_each_image_once_and_no_other_name():
    first, copy = (Input(Path(folder) / "bonn_000003_000019_leftImg8bit.png", "any") for folder in "ab")
    assert submission.file_names([first]) == {first.path: "bonn_000003_000019_pred_labelIds.png"}
    with pytest.raises(SeglabError, match="are both bonn_000003_000019"):
        submission.file_names([first, copy])
    with pytest.raises(SeglabError, match=r"_leftImg8bit\.png for format=cityscapes"):
        submission.file_names([Input(Path("street.png"), "street")])
