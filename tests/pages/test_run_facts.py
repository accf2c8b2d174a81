"""How a run stands, what it changed, where it comes from, what it cost."""

import subprocess
import sys
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from seglab.pages.run_facts import caveats, configuration, costs, differences, provenance, status
from seglab.pages.run_files import read_run
from seglab.runs import environment
from tests.pages.conftest import HOSTILE
from tests.pages.html import Page
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("failed", "The run failed"),
        ("interrupted", "can be continued with resume="),
        ("running", "died without a word"),
    ],
)
def test_a_run_that_did_not_end_well_says_so_first(run_folder, told, said):
    folder = run_folder(status=told, error=f"ValueError: {HOSTILE}", traceback="traceback.txt", host="elsewhere")
    (folder / "traceback.txt").write_text(f"Traceback {HOSTILE}")
    page = Page(caveats(read_run(folder), key="r"))
    (box,) = page.find("section", class_="warnings")
    assert said in box["text"]
    assert f"ValueError: {HOSTILE}" in box["text"]
    assert page.find("pre")[0]["text"] == f"Traceback {HOSTILE}"


def test_all_that_limits_what_the_numbers_say(run_folder):
    folder = run_folder(codes=["a", "b"], git={"commit": "c", "dirty": True}, attempts=2)
    run = read_run(folder)
    history = [*run.history, {"epoch": 3, "train/loss": float("nan")}]
    lines = Page(caveats(replace(run, history=history, problems=["p is damaged"]), key="r")).find("li")
    assert [one["text"][:22] for one in lines] == [
        "Its attempts ran by di", "The code had uncommitt", "The loss is NaN in 1 r", "p is damaged"
    ]  # fmt: skip
    assert caveats(read_run(run_folder("other")), key="r") == ""


def test_the_status_tells_the_score_or_that_there_is_none(run_folder):
    assert "mIoU 43.2 %, mean Dice 50.0 %, pixel accuracy 90.0 % at epoch 2" in status(read_run(run_folder()))
    unvalidated = read_run(run_folder("b", best=None, protocol=None))
    assert "nothing was validated" in status(replace(unvalidated, history=[]))


def test_provenance_and_cost(run_folder):
    run = read_run(run_folder())
    told = dict(zip(*([one["text"] for one in Page(provenance(run)).find(tag)] for tag in ("dt", "dd")), strict=True))
    assert told["command"] == f"python -m seglab.train {HOSTILE}"
    assert told["commit"] == "0123abc"
    assert told["torch"] == "2.15.0"
    told = dict(zip(*([one["text"] for one in Page(costs(run)).find(tag)] for tag in ("dt", "dd")), strict=True))
    assert told == {
        "training": "1 min 00 s", "an epoch": "20 s", "epochs, steps": "3, 6", "device": "cpu", "threads": "2",
        "images a second": "19.6", "parameters": "121,339", "GFLOPs of one image": "0.15",
    }  # fmt: skip
    adapted = costs(read_run(run_folder("c", trainable=24_667)))
    assert "<dt>learn in training</dt><dd>24,667</dd>" in adapted
    continued = costs(read_run(run_folder("b", attempts=2, parameters="x", flops=None)))
    assert "the last attempt" in continued
    assert "an epoch" not in continued


@pytest.fixture
def written(tiny_config):
    """`written("loss=dice")`: the configuration that a run with these overrides leaves, as it is read for a page."""

    def read(*overrides):
        cfg = OmegaConf.create(environment.unresolved(tiny_config(*overrides)))
        return OmegaConf.to_container(cfg, resolve=False)

    return read


def test_configuration_as_differences_from_the_options(written):
    choices = {
        "data": "synthetic",
        "augment": "default",
        "model": "unet",
        "activation": "native",
        "loss": "dice",
        "optimizer": "adamw",
        "scheduler": "poly",
        "trainer": "default",
        "callbacks": "default",
        "logger": "csv",
    }
    changed = differences(written("loss=dice", "optimizer.lr=0.5", "+callbacks.progress.extra=1"), choices)
    lines = {key: (value, default) for key, value, default in changed}
    assert lines["optimizer.lr"][0] == 0.5
    assert lines["data.size"] == ([32, 64], [128, 256])
    assert lines["model.base"] == (4, 16)
    assert lines["callbacks.progress.extra"] == (1, "(not there)")
    assert not [
        key for key in lines if key.startswith(("loss", "augment", "data.augmentation"))
    ]  # these follow data.size


def test_what_the_environment_holds_stays_there(written, run_folder, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2-hunter2")
    config = written("logger=wandb", "logger.wandb.entity=${oc.env:SECRET_TOKEN}", "optimizer.lr=${oc.env:RATE,0.5}")
    assert "hunter2" not in str(config)
    text = configuration(replace(read_run(run_folder()), config={**config, "data": {**config["data"], "seed": 7}}))
    assert "hunter2" not in text
    assert "${oc.env:SECRET_TOKEN}" in text


@pytest.mark.parametrize(
    "text", ["${oc.env:SECRET}", r"\${oc.env:SECRET}", r"\\${oc.env:SECRET}", "${", "${x:", "${seed}"]
)
def test_a_strangers_interpolation_is_no_more_than_text(monkeypatch, text):
    monkeypatch.setenv("SECRET", "hunter2-hunter2")
    config = {"seed": text, "data": {"labels": text, "size": text}, "augment": text, "model": [text], text: text}
    assert "hunter2" not in str(differences(config, {"model": "unet", "data": "synthetic", "loss": text, "../x": "y"}))


def test_the_page_names_options_typed_words_and_what_decides_nothing(run_folder, written):
    config = written("loss=dice", "name=exp1")
    choices = {"loss": "dice", "model": HOSTILE}
    run = replace(read_run(run_folder(choices=choices)), config=config)
    page = Page(configuration(run))
    assert page.find("img") == []
    options = page.find("table")[0]["text"]
    assert options == f"groupthis rundefaultlossdicecemodel{HOSTILE} (an option of its own)unet"
    assert any("changed keys that decide no result" in one["text"] for one in page.find("summary"))
    assert [one["text"] for one in page.find("li")] == ["loss=dice", f"name={HOSTILE}"]
    assert configuration(replace(run, config={})) == ""


def test_it_needs_no_torch():
    code = "import sys, seglab.pages.run_facts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE).returncode == 0
