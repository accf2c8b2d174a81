"""A comparison as one HTML page: safe, whole, and with the origin of every number."""

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Published
from seglab.tables.render.page import write_page
from tests.pages.html import Page
from tests.tables.render.html import written
from tests.waiting import PATIENCE


def test_page_asks_nothing_of_the_network(comparison, tmp_path):
    text = written(comparison, tmp_path)
    page = Page(text)
    assert re.findall(r"https?://|//[a-z]+\.", text) == []
    assert "url(" not in text
    assert "@import" not in text
    assert [one["href"] for one in page.find("link")] == ["data:,"]
    assert [one for one in page.elements if one.get("src")] == []
    assert [one for one in page.elements if "style" in one or any(key.startswith("on") for key in one)] == []


def test_policy_allows_this_style_and_this_script_alone(comparison, tmp_path):
    page = Page(written(comparison, tmp_path))
    (policy,) = [one["content"] for one in page.find("meta") if "http-equiv" in one]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    (style,) = page.find("style")
    _, script = page.find("script")

    def source(element):
        return f"'sha256-{base64.b64encode(hashlib.sha256(element['text'].encode()).digest()).decode()}'"

    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"] == source(style)
    assert rules["script-src"] == source(script)


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", '"><img src=x onerror=a>'])
def test_text_of_a_table_stays_text(compared, tmp_path, hostile):
    rows = {"ce": 0.4, hostile: 0.5}
    published = Published(label=hostile, values={"miou": 0.6}, source=hostile)
    text = written(compared(rows, title=hostile, published=[published]), tmp_path)
    page = Page(text)
    assert len(page.find("script")) == 2
    assert page.find("img") == []
    assert page.find("title")[0]["text"] == page.find("h1")[0]["text"] == hostile
    assert [one["text"] for one in page.find("button", class_="open")] == ["ce", hostile, hostile]
    data = json.loads(page.find("script", id="data")[0]["text"])
    assert data["b0-r1"]["label"] == hostile


def test_page_of_twelve_rows_is_small(compared, tmp_path):
    rows = {f"loss {index}": 0.4 + index / 100 for index in range(12)}
    classes = [f"class {index}" for index in range(19)]
    text = written(compared(rows, classes=classes, columns=["miou", "iou/class 3", "parameters"]), tmp_path)
    assert len(Page(text).find("tr")) == 2 * (1 + 12)
    assert len(text.encode()) < 300_000


def test_what_is_missing_is_said(comparison, tmp_path):
    (warnings,) = Page(written(comparison, tmp_path)).find("section", class_="warnings")
    assert "planned and not measured: row 10 seed 3" in warnings["text"]
    for warning in comparison.warnings:
        assert warning in warnings["text"]


def test_table_without_measurements_is_a_page_as_well(comparison, tmp_path):
    published = (Published(label="others", values={"miou": 0.5}, source="a paper"),)
    plan = replace(comparison.plan, published=published, unsaid=("the learning rate",))
    page = Page(written(compare(plan, []), tmp_path))
    assert any("Nothing is measured yet" in one["text"] for one in page.find("p"))
    (body,) = page.find("tbody")
    assert [one["text"] for one in page.find("th", scope="row")] == [*(row.label for row in plan.rows),
                                                                     "others published [1]"]  # fmt: skip
    assert body["text"].startswith("ce––––0dice––––0")
    assert any("Left unsaid by the source" in one["text"] for one in page.find("h2"))
    assert any(one["text"] == "the learning rate" for one in page.find("li"))
    assert page.find("svg") == []


def test_rows_of_another_protocol_stand_in_a_block_of_their_own(compared, tmp_path):
    split = compared({"ce": 0.4, "dice": 0.5, "focal": 0.45}, other_size=["focal"])
    page = Page(written(split, tmp_path))
    titles = [one["text"] for one in page.find("h2")]
    assert titles[1:3] == ["Block 1: size seen by the network 64x128", "Block 2: size seen by the network 128x256"]
    (reason,) = split.split_because
    assert any(one["text"] == reason for one in page.find("li"))
    assert len(page.find("table", class_="heat")) == 1  # nothing to compare in the second block
    assert len(page.find("span", class_="change significant") + page.find("span", class_="change uncertain")) == 3


def test_one_training_on_several_splits_has_its_curve_once(comparison, tmp_path):
    runs = [run for row in comparison.blocks[0].rows for run in row.measurements]
    other = [replace(run, protocol={**run.protocol, "split": "train"}) for run in runs]
    plan = replace(comparison.plan, evaluation={"split": ["train", "test"]})
    page = Page(written(compare(plan, [*runs, *other]), tmp_path))
    assert [one["text"] for one in page.find("h2")][1:3] == ["Block 1: split train", "Block 2: split test"]
    assert len(page.find("figure", class_="curves")) == 1
    assert len(page.find("table", class_="heat")) == 2


def test_pictures_are_embedded_side_by_side_and_reduced(comparison, tmp_path):
    files = {"ce": tmp_path / "ce.png", "dice & more": tmp_path / "dice.png"}
    Image.new("RGB", (2400, 600), (200, 30, 30)).save(files["ce"])
    Image.new("P", (64, 64)).save(files["dice & more"])
    page = Page(written(comparison, tmp_path, pictures=files))
    first, second = page.find("img")
    kind, _, encoded = first["src"].partition(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        assert picture.size == (1200, 300)
    assert (second["width"], second["alt"]) == ("64", "sample predictions of dice & more")
    assert [one.get("class") for one in page.find("figure")[-2:]] == ["broad", None]


def test_picture_that_cannot_be_read(comparison, tmp_path):
    with pytest.raises(SeglabError, match=r"absent\.png is no picture that can be read .* sample predictions of 'ce'"):
        write_page(comparison, tmp_path / "page.html", pictures={"ce": tmp_path / "absent.png"})
    assert not (tmp_path / "page.html").exists()


def test_rendering_imports_no_torch():
    code = "import sys, seglab.tables.render.page; assert not {'torch', 'lightning', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
