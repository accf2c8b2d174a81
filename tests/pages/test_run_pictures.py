"""The sheets of the epochs and the images of an evaluation."""

import pytest
from PIL import Image

from seglab.pages.run_pictures import chosen_epochs, extremes, panels
from tests.pages.html import Page


@pytest.fixture
def sheets(tmp_path):
    paths = {epoch: tmp_path / f"{epoch}.png" for epoch in (5, 10, 15)}
    for path in paths.values():
        Image.new("RGB", (300, 100)).save(path)
    return paths


@pytest.mark.parametrize(
    ("count", "most", "best", "chosen"),
    [(3, 12, 2, [1, 2, 3]), (100, 5, 50, [1, 26, 50, 75, 100]), (100, 5, 33, [1, 33, 51, 75, 100]),
     (100, 3, 7, [1, 7, 100]), (9, 1, 4, [4]), (9, 0, None, [9]), (0, 12, None, [])],
)  # fmt: skip
def test_of_many_epochs_the_ends_and_the_best_are_shown(count, most, best, chosen):
    assert chosen_epochs(list(range(1, count + 1)), most=most, best=best) == chosen


def test_each_epoch_is_told_with_its_score(sheets):
    page = Page(panels(sheets, key="r", most=12, scores={5: 0.1, 10: 0.4321, 15: float("nan")}, best=10))
    assert [one["data-told"] for one in page.find("img")] == [
        "epoch 5, mIoU 10.0 %",
        "epoch 10, mIoU 43.2 %, the best",
        "epoch 15",
    ]
    assert all("ground truth" in one["alt"] for one in page.find("img"))
    (slider,) = page.find("input")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "2")
    assert page.find("label", for_=slider["id"]) or page.find("label")[0]["for"] == slider["id"]


def test_one_epoch_needs_no_slider_and_none_no_section(sheets):
    assert Page(panels({5: sheets[5]}, key="r", most=12, scores={}, best=None)).find("input") == []
    assert panels({}, key="r", most=12, scores={}, best=None) == ""


def test_a_picture_that_cannot_be_read_is_left_out_with_a_warning(sheets, caplog):
    sheets[10].write_bytes(b"damaged")
    page = Page(panels(sheets, key="r", most=12, scores={}, best=None))
    assert [one["data-told"] for one in page.find("img")] == ["epoch 5", "epoch 15"]
    assert "2 of 3 sheets" in page.find("p")[0]["text"]
    assert "10.png is left out of the page" in caplog.text


def test_best_and_worst_images(sheets):
    page = Page(extremes({"best": sheets[5], "worst": sheets[10]}, of="val & more"))
    assert [one["text"] for one in page.find("figcaption")] == [
        f"{name} images, by their own mIoU" for name in ("best", "worst")
    ]
    assert page.find("img")[0]["alt"].startswith("best images of val & more")
