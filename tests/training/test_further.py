"""Runs that are continued: as they were begun, or for more epochs as if those had been asked for from the start."""

import json
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import seglab
from seglab import runs
from seglab.errors import SeglabError
from seglab.training.further import continued_run
from tests.conftest import TINY

QUIET = ("callbacks.pictures=null", "seed=3")


def leave(folder: Path, cfg, **record) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(runs.plain(cfg))))
    record = {"status": "finished", "epochs": 2, "overrides": ["seed=1", "trainer.max_epochs=2"], **record}
    runs.write_record(folder, record)
    return folder


def test_a_run_is_continued_as_it_was_begun_or_not_at_all(tmp_path):
    with pytest.raises(SeglabError, match=r"expected no other override than trainer.max_epochs=N, came seed=2 - leave"):
        continued_run(tmp_path, ["resume=x", "seed=2"])
    with pytest.raises(SeglabError, match=r"expected the folder of a run, with record\.json and config\.yaml in it"):
        continued_run(tmp_path, ["resume=x"])


def test_more_epochs_stand_in_the_configuration_as_if_they_had_been_typed(tiny_config, tmp_path):
    folder = leave(tmp_path / "run", tiny_config("scheduler=none"))
    run = continued_run(folder, ["resume=run", "output=there", "trainer.max_epochs=5"])
    assert (run.cfg.trainer.max_epochs, run.goes_further) == (5, True)
    assert run.overrides == ["seed=1", "trainer.max_epochs=5"]
    assert continued_run(folder, ["resume=run", "trainer.max_epochs=2"]).goes_further is False


@pytest.mark.parametrize(
    ("overrides", "record", "epochs", "reason"),
    [
        (["scheduler=poly"], {}, "5", "its schedule, Poly, spread the learning rate over 2 epochs - train anew with"),
        (["scheduler=cosine"], {}, "5", "its schedule, Cosine, spread"),
        (["scheduler=none"], {}, "1", "expected a whole number of epochs, more than the 2 that it has"),
        (["scheduler=none"], {}, "many", "expected a whole number"),
        (["scheduler=none", "trainer.max_steps=3"], {}, "5", "its length is trainer.max_steps=3"),
        (["scheduler=none", "trainer.max_epochs=4"], {}, "5", "it was stopped after epoch 2 of 4, and would be again"),
        (
            ["scheduler=none", "+callbacks.swa._target_=lightning.pytorch.callbacks.StochasticWeightAveraging"],
            {},
            "5",
            "callbacks.swa averaged the last part of the 2 epochs",
        ),
        (["scheduler=none", "+model.masked_attention=annealed"], {}, "5", "its network abandoned masked attention"),
        (["scheduler=none", "callbacks=swa"], {}, "5", "callbacks.swa averaged the last part of the 2 epochs"),
    ],
)
def test_what_would_be_another_training_is_refused_with_the_reason(
    tiny_config, tmp_path, overrides, record, epochs, reason
):
    folder = leave(tmp_path / "run", tiny_config(*overrides), **record)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SeglabError, match=reason):
        continued_run(folder, ["resume=run", f"trainer.max_epochs={epochs}"])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
def test_a_finished_run_goes_further_as_if_it_had_been_asked_for_from_the_start(
    data_folder, tmp_path, monkeypatch, capsys, caplog
):
    monkeypatch.setenv("SEGLAB_DATA", str(data_folder))
    monkeypatch.chdir(tmp_path)
    short = [*TINY, *QUIET, "scheduler=none"]
    seglab.fit([*short, "name=straight", "trainer.max_epochs=3"])
    seglab.fit([*short, "name=exp1", "trainer.max_epochs=1"])
    runs.update_record(Path("outputs/runs/exp1"), evaluations={"val": {}})
    seglab.fit(["resume=exp", "trainer.max_epochs=3"])
    straight, further = Path("outputs/runs/straight"), Path("outputs/runs/exp1")
    for name in ("best.ckpt", "last.ckpt"):
        one, other = (torch.load(run / "checkpoints" / name, weights_only=True) for run in (straight, further))
        assert one["state_dict"].keys() == other["state_dict"].keys()
        assert all(torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])
    assert (straight / "metrics.csv").read_text() == (further / "metrics.csv").read_text()
    one, other = (json.loads((run / "record.json").read_text()) for run in (straight, further))
    assert (other["status"], other["epochs"], other["attempts"]) == ("finished", 3, 2)
    assert [other[key] for key in ("fingerprint", "best", "last")] == [
        one[key] for key in ("fingerprint", "best", "last")
    ]
    assert other["evaluations"] == {}
    assert "1 evaluations were of the shorter run" in caplog.text
    # finished: typed again it is left alone
    assert seglab.fit(["resume=exp1", "trainer.max_epochs=3"])["attempts"] == 2
    log = (further / "run.log").read_text()
    assert log.count("epoch 3/3  train/loss") == 1
    assert "finished: mIoU" in log
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines() if line.startswith("epoch"))
