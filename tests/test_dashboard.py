"""The workspace of W&B as a user asks for it. That its panels show what runs log: tests/callbacks/test_tracking.py."""

import json
import os
from pathlib import Path

import pytest

from seglab import dashboard
from seglab.errors import SeglabError
from seglab.labels import label_space

pytest.importorskip("wandb_workspaces")


def settings(**changes):
    plain = {"entity": None, "project": "p", "name": "n", "labels": "camvid_11", "group_by": "choices.loss"}
    return {**plain, "write": None, "upload": False, **changes}


def sections(path: Path) -> dict[str, list[dict]]:
    found = json.loads(path.read_text())["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in found}


@pytest.mark.slow
def test_it_is_written_without_account_and_network(command, environment, monkeypatch, tmp_path):
    monkeypatch.setitem(environment, "WANDB_BASE_URL", "http://127.0.0.1:9")
    path = tmp_path / "views" / "camvid.json"
    arguments = ("labels=camvid_11", "group_by=optimizer.lr", "name=rates", "entity=me", f"write={path}")
    done = command("dashboard", *arguments, small=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "views/camvid.json\n")
    view = json.loads(path.read_text())
    assert (view["entity"], view["project"], view["displayName"]) == ("me", "seglab", "rates")
    found = sections(path)
    assert list(found) == ["Ablation by optimizer.lr", "Curves", "Pictures", "Classes", "Sweeps", "Runs"]
    for section, key in (("Ablation by optimizer.lr", "optimizer.value.lr"), ("Sweeps", "group")):
        assert {panel["config"]["groupBy"] for panel in found[section]} == {key}
    names = label_space("camvid_11").names
    assert found["Classes"][0]["config"]["metrics"] == [f"best/val/iou/{name}" for name in names]
    lines = [panel["config"]["metrics"] for panel in found["Classes"] if "Line" in panel["viewType"]]
    assert lines == [[f"val/iou/{name}"] for name in names]
    assert "Run Comparer" in {panel["viewType"] for panel in found["Runs"]}


def test_a_wrong_key_to_group_by_is_told():
    for key, expected in {
        "choices.losss": "there is no choices.losss - did you mean 'choices.loss'?",
        "optimiser.lr": "there is no optimiser - did you mean 'optimizer'?",
        "choices": "there is no choices",
    }.items():
        with pytest.raises(SeglabError, match=r"expected choices\.GROUP or a key of a run's configuration") as caught:
            dashboard.check(settings(group_by=key))
        assert expected in str(caught.value)
    for key in ("choices.model", "loss._target_", "seed"):
        dashboard.check(settings(group_by=key))


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    with pytest.raises(SeglabError, match=r"seglab's extra `dashboard`.*not installed - python -m pip install"):
        dashboard.check(settings())


def test_upload_without_an_account_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    with pytest.raises(SeglabError, match=r"upload=true: expected an account.*no key.*`wandb login`"):
        dashboard.check(settings(upload=True))
