import base64
import hashlib
import io
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from seglab.errors import SeglabError
from seglab.evaluation.columns import title
from seglab.tables.comparison.comparison import compare
from seglab.tables.comparison.differences import Difference, Interval
from seglab.tables.plan.model import Published
from seglab.tables.render.page import write_page
from seglab.tables.render.page_curves import learning_curves
from seglab.tables.render.page_scores import heat_map
from seglab.tables.render.words import estimate, interval, number, points, probability, sentence

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """The elements of a page with their attributes and own text; fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", **dict(attrs)})

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def find(self, tag, **attributes):
        return [
            one
            for one in self.elements
            if one["tag"] == tag and all(one.get(key.rstrip("_")) == value for key, value in attributes.items())
        ]


def written(comparison, folder, **options):
    path = folder / "page.html"
    write_page(comparison, path, **options)
    assert list(folder.glob(".*")) == []
    return path.read_text(encoding="utf-8")


def difference(mean, low, high, **changes):
    known = {"p": 0.01, "p_holm": 0.03, "p_wilcoxon": None, "effect": None, "n": 3, "over": "seeds",
             "test": "paired t over 3 seeds", "significant": True, **changes}  # fmt: skip
    return Difference(mean=mean, interval=None if low is None else Interval(low, high), **known)


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


def test_scores_stand_with_their_difference_to_the_baseline(comparison, tmp_path):
    page = Page(written(comparison, tmp_path))
    ce, dice = comparison.blocks[0].rows[:2]
    cells = page.find("td", **{"data-column": "miou"})
    assert cells[0]["text"] == estimate("miou", ce.columns["miou"])
    delta = dice.differences["miou"]
    shown = f"{points(delta.mean)} [{interval(delta.interval)}]{probability(delta.p_holm)}"
    assert cells[1]["text"] == estimate("miou", dice.columns["miou"]) + shown
    assert float(cells[1]["data-value"]) == dice.columns["miou"].mean
    heads = [one["text"] for one in page.find("th", **{"aria-sort": "none"})]
    assert heads == ["row", "mIoU %", "mean Dice %", "IoU pole %", "M params", "seeds"]


def test_best_of_a_column_is_bold(comparison, tmp_path):
    page = Page(written(comparison, tmp_path))
    best = max(comparison.blocks[0].rows, key=lambda row: row.columns["miou"].mean)
    assert page.find("strong")[0]["text"] == estimate("miou", best.columns["miou"])


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


def test_published_rows_are_set_off_and_say_what_they_are(compared, tmp_path):
    beside = Published(label="A", values={"miou": 0.7}, source="paper, Table 2", split="test", pretraining="ImageNet")
    apart = Published(label="B", values={"miou": 0.8}, source="blog", split="val", verified=True)
    page = Page(written(compared({"ce": 0.4, "dice": 0.5}, published=[beside, apart]), tmp_path))
    first, second = page.find("tr", class_="published")
    assert first["text"].startswith("A published [1]70.0")
    assert second["text"].startswith("B published [1]80.0")
    notes = [one["text"] for one in page.find("p", class_="note small")]
    assert notes[0].startswith(
        "[1] paper, Table 2; split test; resolution not stated; pre-training ImageNet; not verified"
    )
    assert notes[1].startswith("[1] blog; split val; ")
    assert "not comparable: split: val, here test" in notes[1]
    assert (first["data-key"], second["data-key"]) == ("b0-p0", "apart-p0")


def test_origin_of_every_run_is_in_the_data(comparison, tmp_path):
    data = json.loads(Page(written(comparison, tmp_path)).find("script", id="data")[0]["text"])
    details = data["b0-r1"]
    assert [run["title"] for run in details["runs"]] == ["Seed 1", "Seed 2", "Seed 3", "Protocol"]
    facts = dict(details["runs"][1]["facts"])
    run = comparison.blocks[0].rows[1].measurements[1]
    assert facts["folder"] == run.folder
    assert facts["commit"] == run.commit
    assert facts["command"] == run.command
    assert facts["fingerprint"] == run.fingerprint
    assert facts["device"] == "cpu, 1 thread"
    assert facts["training took"] == "11 min 40 s"
    assert facts["protocol: epoch"] == "12"
    assert dict(details["runs"][-1]["facts"])["size seen by the network"] == "64x128"


def test_columns_are_lines_where_the_plan_says_so(comparison, tmp_path):
    values = {"miou": 0.7, "iou/pole": math.nan}
    published = (Published(label="others", values=values, source="a paper"),)
    measured = [run for row in comparison.blocks[0].rows for run in row.measurements if row.label != "row 10"]
    plan = replace(comparison.plan, transposed=True, published=published)
    page = Page(written(compare(plan, measured), tmp_path))
    assert len(page.find("table", class_="scores transposed")) == 1
    titles = [one["text"] for one in page.find("th", scope="row")]
    assert titles[:5] == ["mIoU %", "mean Dice %", "IoU pole %", "M params", "seeds"]
    heads = [one["text"] for one in page.find("th", scope="col")]
    assert heads[:4] == ["score", "ce baseline ", "dice ", "focal "]
    assert heads[5:] == ["row 10", "others published [1] ", *heads[7:]]
    cells = page.find("td", **{"data-column": "iou/pole"})
    assert [one["data-key"] for one in cells] == ["b0-r0", "b0-r1", "b0-r2", "b0-r3"]
    assert all("data-value" not in one for one in page.find("td", **{"data-column": "parameters"}))  # no score
    theirs = page.find("td", class_="published", **{"data-key": "b0-p0"})
    assert [(one["text"], one.get("data-value")) for one in theirs] == [
        ("70.0", "0.7"), ("–", None), ("NaN", None), ("–", None),
    ]  # fmt: skip
    data = json.loads(page.find("script", id="data")[0]["text"])
    assert data["b0-p0"]["scores"][1]["lines"] == ["NaN"]


def test_one_training_on_several_splits_has_its_curve_once(comparison, tmp_path):
    runs = [run for row in comparison.blocks[0].rows for run in row.measurements]
    other = [replace(run, protocol={**run.protocol, "split": "train"}) for run in runs]
    plan = replace(comparison.plan, evaluation={"split": ["train", "test"]})
    page = Page(written(compare(plan, [*runs, *other]), tmp_path))
    assert [one["text"] for one in page.find("h2")][1:3] == ["Block 1: split train", "Block 2: split test"]
    assert len(page.find("figure", class_="curves")) == 1
    assert len(page.find("table", class_="heat")) == 2


def test_what_was_not_trained_has_no_costs(comparison, tmp_path):
    run = replace(comparison.blocks[0].rows[0].measurements[0], curve=(), parameters=0, flops=None, seconds=0.0,
                  threads=0, device="no network", command="")  # fmt: skip
    page = Page(written(compare(comparison.plan, [run]), tmp_path))
    facts = json.loads(page.find("script", id="data")[0]["text"])["b0-r0"]["runs"][0]
    assert facts["title"] == "Origin"
    assert not {"training took", "parameters", "FLOPs of one image", "command"} & set(dict(facts["facts"]))
    assert dict(facts["facts"])["device"] == "no network"
    assert page.find("td", **{"data-column": "parameters"})[0]["text"] == "–"
    assert page.find("figure") == []


def test_heat_map_shades_by_size_mutes_the_uncertain_and_marks_the_absent(comparison):
    block = comparison.blocks[0]
    deltas = {
        "road": difference(0.04, 0.03, 0.05),  # the largest: the scale ends at 4 points
        "pole": difference(-0.009, -0.012, -0.006),  # 2 of 5 shades
        "small <b>things</b>": difference(0.02, -0.01, 0.05),  # the interval contains 0
        "tram": difference(None, None, None, over=None, test="none: no pair is known", significant=False),
    }
    row = replace(block.rows[1], class_deltas=deltas)
    page = Page(heat_map(replace(block, rows=(block.rows[0], row))))
    road, pole, things, tram = page.find("td", tabindex="-1")
    assert (road["class"], road["text"]) == ("plus level5", "+4.0+3.0 to +5.0")
    assert (pole["class"], pole["text"]) == ("minus level2", "−0.9−1.2 to −0.6")
    assert things["class"] == "plus level3 unsure"
    assert (tram["class"], tram["text"]) == ("absent", "–")
    assert road["title"].startswith("dice, road: +4.0 points, 95 % +3.0 to +5.0, Holm p = 0.030")
    assert things["title"].endswith("uncertain")
    assert page.find("span", class_="swatch plus level5")[0]["text"] == "+4"


def test_heat_map_of_a_difference_that_was_never_tested_is_uncertain(comparison):
    block = comparison.blocks[0]
    row = replace(block.rows[1], class_deltas={"road": difference(0.04, None, None, over=None, test="none: one seed")})
    cells = Page(heat_map(replace(block, rows=(row,), class_names=("road",)))).find("td")
    assert [one["class"] for one in cells] == ["plus level5 unsure"]


def test_curves_are_drawn_to_scale_with_a_gap_where_nothing_was_validated(comparison):
    block = comparison.blocks[0]
    runs = [replace(block.rows[0].measurements[0], curve=(0.0, 0.25, math.nan, 1.0, 0.5))]
    page = Page(learning_curves(replace(block, rows=(replace(block.rows[0], measurements=runs),)), colours={"ce": 3}))
    (path,) = page.find("path")
    assert path["d"] == "M0.0000 1.0000h0L0.2500 0.7500M0.7500 0.0000h0L1.0000 0.5000"
    assert path["text"] == "ce, seed 1: best 100.0 %"
    assert [one["text"] for one in page.find("text", class_="tick")][:6] == ["0", "20", "40", "60", "80", "100"]
    assert page.find("g", **{"data-line": "3"})[0]["class"] == "line3"


@pytest.mark.parametrize("curve", [(), (math.nan, math.nan)])
def test_no_drawing_without_a_curve(comparison, curve):
    block = comparison.blocks[0]
    row = replace(block.rows[0], measurements=(replace(block.rows[0].measurements[0], curve=curve),))
    assert learning_curves(replace(block, rows=(row,)), colours={"ce": 0}) == ""


def test_curve_of_one_validation_is_a_dot(comparison):
    block = comparison.blocks[0]
    row = replace(block.rows[0], measurements=(replace(block.rows[0].measurements[0], curve=(0.5,)),))
    (path,) = Page(learning_curves(replace(block, rows=(row,)), colours={"ce": 0})).find("path")
    assert path["d"].startswith("M0.5000 ")
    assert path["d"].endswith("h0")


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


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [("miou", 0.46349, "46.3"), ("miou", None, "–"), ("iou/tram", math.nan, "NaN"),
     ("parameters", 7_760_000, "7.76"), ("flops", 1.234e10, "12.3"),
     ("seconds", 185.0, "3 min 05 s")],
)  # fmt: skip
def test_numbers_in_their_units(column, value, shown):
    assert number(column, value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0123, "+1.2"), (-0.003, "−0.3"), (-0.0004, "0.0"), (None, "–")])
def test_points(value, shown):
    assert points(value) == shown


def test_titles():
    assert [title(column) for column in ("miou", "iou/traffic sign", "flops", "boundary_f1")] == [
        "mIoU %", "IoU traffic sign %", "GFLOPs", "boundary F1 %",
    ]  # fmt: skip


def test_sentence_of_a_difference():
    known = difference(0.012, 0.003, 0.021, p=0.0004, effect=-1.234, p_wilcoxon=0.031)
    assert sentence(known) == (
        "+1.2 points, 95 % +0.3 to +2.1, Holm p = 0.030 (alone p < 0.001), Wilcoxon p = 0.031, g = −1.23, "
        "paired t over 3 seeds"
    )
    unknown = difference(0.01, None, None, p=None, p_holm=None, over=None, test="none: the differences do not vary")
    assert sentence(unknown) == "+1.0 points, no test: the differences do not vary"


def test_rendering_imports_no_torch():
    code = "import sys, seglab.tables.render.page; assert not {'torch', 'lightning', 'matplotlib'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
