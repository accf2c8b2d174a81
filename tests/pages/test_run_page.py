"""The page of a run, and of several: whole, safe, small, and honest about what is not there."""

import json
import math
import re

import pytest
from PIL import Image

from seglab.display.confusion import confusion_csv
from seglab.pages.run_files import read_run
from seglab.pages.run_page import labels, write_page
from tests.pages.conftest import HOSTILE, metrics, score
from tests.pages.html import Page

SECTIONS = ["Curves", "Classes", "Confusion matrix", "Pictures over the epochs", "Evaluations", "Configuration", "Cost",
            "Provenance"]  # fmt: skip


def written(*folders, **options):
    path = folders[0].parent / "page.html"
    size = write_page(folders, path, **options)
    text = path.read_text(encoding="utf-8")
    assert size == len(text.encode())
    assert list(path.parent.glob(".*")) == []
    return text


def test_every_section_of_a_finished_run(run_folder):
    page = Page(written(run_folder()))
    assert [one["text"] for one in page.find("h2")] == SECTIONS
    assert [one["text"] for one in page.find("a")] == SECTIONS
    assert {one["href"].removeprefix("#") for one in page.find("a")} <= {one["id"] for one in page.find("h2")}
    identities = [one["id"] for one in page.elements if "id" in one]
    assert len(identities) == len(set(identities))
    assert len(page.find("img")) == 3 + 2
    data = json.loads(page.find("script", id="data")[0]["text"])
    assert set(data["confusions"]) == {"r", "r-e0"}
    assert {one["data-chart"] for one in page.find("svg") if "data-chart" in one} == set(data["charts"])


def test_the_page_asks_nothing_of_the_network_and_no_word_is_markup(run_folder):
    text = written(run_folder(names=("road", HOSTILE, "sky")))
    page = Page(text)
    assert re.findall(r"https?://|//[a-z]+\.", text) == []
    assert "url(" not in text
    assert all(one["src"].startswith("data:image/jpeg;base64,") for one in page.find("img"))
    assert [one for one in page.elements if "style" in one or any(key.startswith("on") for key in one)] == []
    assert len(page.find("script")) == 2
    named = [one["text"] for one in page.find("th", scope="row") if "img" in one["text"]]
    assert set(named) == {HOSTILE}
    assert len(named) >= 4  # in the classes and the confusion matrix, of the run and of its evaluation


@pytest.mark.parametrize("status", ["running", "failed", "interrupted", "finished"])
def test_a_run_that_has_just_begun_has_a_page(tmp_path, status):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "record.json").write_text(json.dumps({"status": status}))
    page = Page(written(folder))
    assert page.find("h1")[0]["text"] == "run"
    assert page.find("svg") == []


def test_an_empty_folder_has_a_page_that_says_so(tmp_path):
    (tmp_path / "run").mkdir()
    (box,) = Page(written(tmp_path / "run")).find("section", class_="warnings")
    assert "holds no record" in box["text"]


@pytest.mark.parametrize("odd", [None, 3, -(10**400), math.inf, "x", [1, "x"], {"x": [{}]}], ids=str)
def test_a_record_whose_values_are_of_any_type_has_a_page(run_folder, odd):
    keys = ("best", "last", "protocol", "choices", "git", "init_from", "overrides", "codes", "evaluations", "monitor")
    fitting = {
        key: odd for key in keys if isinstance(odd, list if key in ("overrides", "codes") else dict) or odd is None
    }
    free = dict.fromkeys(
        ("versions", "parameters", "trainable", "flops", "images_per_second", "threads", "devices", "command"), odd
    )
    if isinstance(odd, int | float):
        classes = {"a": {"iou": odd, "pixels": odd}}
        free |= {"seconds": odd, "best": {"metrics": {"miou": odd, "loss": odd}, "classes": classes}}
    folder = run_folder(**fitting, **free)
    (folder / "config.yaml").write_text(
        json.dumps({"data": {"labels": odd}, "model": odd, "augment": {"transforms": odd}})
    )
    (folder / "evaluations" / "camvid_val_best" / "metrics.json").write_text(
        json.dumps({"protocol": odd, "original": odd})
    )
    assert "<h1>exp1</h1>" in written(folder)
    assert labels([read_run(folder)])


def test_one_class_and_41(run_folder):
    for count in (1, 41):
        names = tuple(f"class {index}" for index in range(count))
        folder = run_folder(f"of-{count}", names=names, best=score(1, names))
        (folder / "metrics.csv").write_text(metrics(12, names))
        matrix = [[index + 1] * count for index in range(count)]
        for place in (folder, folder / "evaluations" / "camvid_val_best"):
            (place / "confusion.csv").write_text(confusion_csv(matrix, names))
        text = written(folder)
        assert len(text) < 900_000
        assert len(Page(text).find("table", class_="scores classes")[0]["text"]) > 0


def test_a_page_of_many_epochs_holds_twelve_sheets(run_folder):
    page = Page(written(run_folder(epochs=30)))
    assert len([one for one in page.find("img") if "data-told" in one]) == 12
    assert any("12 of 30 sheets" in one["text"] for one in page.find("p"))


def test_a_real_sheet_is_embedded_small(run_folder):
    folder = run_folder(epochs=1)
    Image.effect_noise((2600, 1200), 60).save(
        folder / "pictures" / "epoch_001.png"
    )  # the worst that there is to encode
    assert len(written(folder)) < 800_000


def test_several_runs_share_curves_and_a_comparison(run_folder):
    first = run_folder("a", overrides=["loss=dice", "seed=1"])
    second = run_folder("b", overrides=["loss=ce", "seed=1"], choices={"loss": "ce"}, best=None, status="failed")
    page = Page(written(first, second, title="losses & more"))
    assert page.find("h1")[0]["text"] == "losses & more"
    (table,) = page.find("table", class_="scores compared")
    assert "loss=dicea" in table["text"]
    assert "loss=ceb" in table["text"]
    assert any("different losses" in one["text"] for one in page.find("p"))
    assert [one["text"].split(":")[0] for one in page.find("summary") if one["text"].startswith("loss=")] == [
        "loss=dice",
        "loss=ce",
    ]
    identities = [one["id"] for one in page.elements if "id" in one]
    assert len(identities) == len(set(identities))
    data = json.loads(page.find("script", id="data")[0]["text"])
    assert {"all-val/miou", "r0-loss", "r1-loss"} <= set(data["charts"])


def test_runs_that_were_typed_alike_are_told_apart_by_their_names(run_folder):
    found = [read_run(run_folder(name, overrides=["loss=dice", f"name={name}"])) for name in ("a", "b")]
    assert list(labels(found)) == ["a", "b"]
    assert list(labels([found[0], found[0]])) == ["1: a", "2: a"]


def test_an_evaluation_says_how_it_was_made(run_folder):
    folder = run_folder()
    (path,) = folder.glob("evaluations/*/metrics.json")
    result = json.loads(path.read_text())
    assert "CRF" not in written(folder)
    result["protocol"] |= {"flip": True, "scales": [1.0, 0.5], "post": {"name": "crf", "iterations": 5}}
    path.write_text(json.dumps(result))
    assert "the network sees 64x128, flipped as well, scales 1.0, 0.5, CRF (iterations 5)" in written(folder)


def test_what_the_environment_holds_stands_nowhere(run_folder, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hunter2-and-more")
    told = {"status": "failed", "error": "no hunter2-and-more here", "command": "x hunter2-and-more", "traceback": "t"}
    folders = [run_folder(f"{number} of hunter2-and-more", **told) for number in range(2)]
    for folder in folders:
        (folder / "config.yaml").write_text("name: of ${oc.env:MY_SECRET}\n")
        (folder / "traceback.txt").write_text("hunter2-and-more")
        (folder / "confusion.csv").write_text("damaged")
    for text in (written(folders[0]), written(*folders, title="hunter2-and-more")):
        assert "hunter2-and-more" not in text
        assert "0 of ${oc.env:MY_SECRET}" in text
