"""An exported network is compared with its run, and refused where it is another."""

import math
from dataclasses import replace

import pytest

from seglab.deployment.parity import Parity, parity_sheet, require

SAME = Parity(
    images=3, largest_difference=0.01, equal_pixels=0.9999, run=0.5, exported=0.499,
    classes={"road": (0.6, 0.598), "sky": (0.4, 0.3999)}, confusion=[[8, 2], [1, 9]],
)  # fmt: skip
BOUNDS = {"logits": 0.1, "equal_pixels": 0.999, "miou": 0.002}


def test_within_the_bounds_nothing_is_said():
    require(SAME, BOUNDS, what="onnx fp32")
    require(replace(SAME, exported=0.9), BOUNDS, what="better is no loss")
    require(replace(SAME, largest_difference=9.0), {**BOUNDS, "logits": None}, what="no bound")
    require(replace(SAME, run=math.nan, exported=math.nan), BOUNDS, what="nothing is labelled")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"largest_difference": 0.2}, r"logits differ by 0\.2 \(bounds\.logits=0\.1\)"),
        ({"largest_difference": math.nan}, r"logits differ by nan"),
        ({"equal_pixels": 0.5}, r"50\.000 % of the pixels are equal \(bounds\.equal_pixels=0\.999\)"),
        ({"exported": 0.49}, r"1\.00 points of mIoU are lost \(bounds\.miou=0\.002\)"),
        ({"exported": math.nan}, r"nan points of mIoU"),
    ],
)
def test_beyond_a_bound_it_is_refused(changes, said):
    with pytest.raises(ValueError, match=rf"onnx int8 is not what the run is: {said}.* - no file was left"):
        require(replace(SAME, **changes), BOUNDS, what="onnx int8")


def test_the_sheet_has_what_was_lost_class_by_class():
    sheet = parity_sheet(SAME, caption="both")
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        ["road", "60.0", "59.8", "-0.2"],
        ["sky", "40.0", "40.0", "0.0"],
    ]
    assert "99.990 % of the pixels have the same label; logits differ by at most 0.01" in sheet.notes[0]
