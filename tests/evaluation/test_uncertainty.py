"""`evaluate uncertainty=...`: scores of the mean prediction, with what it is unsure of, by a protocol of their own."""

import json
import shutil
from pathlib import Path

import cv2
import pytest
import torch
from torch import nn

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.inference import predictor
from seglab.losses import CrossEntropy
from seglab.runs.find import Run
from seglab.tables.survey.measurements import evaluation_of
from seglab.training.module import SegmentationModule
from seglab.training.schedule import Constant
from tests.evaluation.painted import CAMVID, CRF, Painter, settings

MC = {"method": "mc_dropout", "samples": 3, "seed": 1}
TTA, ENSEMBLE = {"method": "tta"}, {"method": "ensemble"}


@pytest.fixture
def forgetful(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same run; its network forgets whole classes."""
    module = SegmentationModule(
        nn.Sequential(Painter(), nn.Dropout2d(0.3)), loss=CrossEntropy(), class_names=CAMVID.names,
        schedule=Constant(), size_divisor=1, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        channels_last=False, mean=[0.0, 0.0, 0.0], std=[1 / 255] * 3,
    )  # fmt: skip
    monkeypatch.setattr(predictor, "load", lambda folder, checkpoint: module)
    return run


@pytest.fixture
def two(run: Path, tmp_path: Path) -> list[str]:
    """Two runs of the same network, by their folders."""
    other = tmp_path / "other"
    shutil.copytree(run, other)
    for folder, fingerprint in ((run, "aa"), (other, "bb")):
        runs.update_record(folder, fingerprint=fingerprint)
    return [str(run), str(other)]


def test_dropout_at_work(forgetful, capsys):
    plain = score.evaluate(settings(forgetful, extra=["calibration"]))
    capsys.readouterr()
    result = score.evaluate(settings(forgetful, uncertainty=MC))
    assert "uncertainty" not in plain["protocol"]
    assert result["protocol"] == {**plain["protocol"], "uncertainty": MC}
    assert result["uncertainty"]["samples"] == 3
    assert result["uncertainty"]["mean_mutual_information"] > 0
    # what is forgotten in all three samples is as likely as any other class, and 2.4 = log 11 the most there is
    assert 0 < result["uncertainty"]["mean_entropy"] < 2.4
    assert result["calibration"]["nll"] != plain["calibration"]["nll"]
    printed = " ".join(capsys.readouterr().out.split())
    assert "best, epoch 5, MC dropout (samples 3, seed 1)" in printed
    assert "mean over the pixels, of 3 predictions: entropy " in printed
    folder = Path(result["folder"])
    assert folder.name == "camvid_val_best_size-8x16_mc_dropout-3-1"
    assert cv2.imread(str(folder / "uncertainty.png")).shape[1] > 5 * 320
    assert cv2.imread(str(folder / "calibration.png")) is not None
    again = score.evaluate(settings(forgetful, uncertainty=MC, threads=1))
    assert json.dumps(again["calibration"]) == json.dumps(result["calibration"])


def test_a_table_never_takes_the_one_for_the_other(forgetful):
    score.evaluate(settings(forgetful, uncertainty=MC))
    plain = score.evaluate(settings(forgetful))
    wanted = {"split": plain["protocol"]["split"], "resolution": "original"}
    found = Run(forgetful, runs.read_record(forgetful))
    for uncertainty in (None, MC):
        evaluation = evaluation_of(found, wanted={**wanted, "uncertainty": uncertainty})
        assert evaluation["protocol"].get("uncertainty") == uncertainty
    assert evaluation_of(found, wanted={**wanted, "uncertainty": {**MC, "samples": 4}}) is None


def test_bins_stand_in_the_metrics_and_not_in_the_record(run):
    result = score.evaluate(settings(run, extra=["calibration"], size="image"))
    stored = json.loads((Path(result["folder"]) / "metrics.json").read_text())["calibration"]
    assert sum(stored["diagrams"]["reliability"]["pixels"]) == 60 * 64  # all but the void rows
    assert len(stored["diagrams"]["classes"]["pole"]["pixels"]) == 15
    assert stored["diagrams"]["risk_coverage"]["risk"] == [0.0] * 100
    (kept,) = runs.read_record(run)["evaluations"].values()
    assert "diagrams" not in kept["calibration"]
    assert kept["calibration"]["miou_at_80"] == 1.0


def test_views_as_members(run):
    averaged = score.evaluate(settings(run, scales=[1.0, 2.0], flip=True))
    result = score.evaluate(settings(run, scales=[1.0, 2.0], flip=True, uncertainty=TTA))
    assert json.dumps(result["original"]) == json.dumps(averaged["original"])
    assert result["protocol"] == {**averaged["protocol"], "uncertainty": TTA}
    assert result["uncertainty"]["samples"] == 4


def test_an_ensemble_is_kept_by_its_first_run_and_names_all(two, capsys):
    plain = score.evaluate(settings(two[0]))
    result = score.evaluate({**settings(two[0]), "run": two, "uncertainty": ENSEMBLE})
    assert json.dumps(result["original"]) == json.dumps(plain["original"])
    assert result["uncertainty"]["mean_mutual_information"] == pytest.approx(0, abs=1e-6)
    assert result["protocol"]["members"] == ["aa", "bb"]
    assert Path(result["folder"]).name.endswith("_ensemble-2")
    assert "ensemble of 2" in " ".join(capsys.readouterr().out.split())
    assert len(runs.read_record(Path(two[0]))["evaluations"]) == 2
    assert "evaluations" not in runs.read_record(Path(two[1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uncertainty": "mc"}, "uncertainty is 'mc'; expected one of its group: mc_dropout, tta, ensemble, or null"),
        ({"uncertainty": {"method": "mc"}}, "uncertainty.method is 'mc'; expected one of mc_dropout, tta, ensemble"),
        ({"uncertainty": {**MC, "samples": 1}}, "uncertainty.samples is 1; expected a whole number >= 2"),
        ({"uncertainty": {**MC, "p": 0.5}}, "uncertainty.p: expected of mc_dropout samples, seed; came 0.5 - leave"),
        ({"uncertainty": TTA}, r"uncertainty=tta: expected several views; came scales=\[1.0\] flip=false, which is on"),
        ({"uncertainty": MC, "post": "crf", "crf": CRF}, "uncertainty=mc_dropout: expected post=null, as members are"),
        ({"uncertainty": ENSEMBLE}, "expected several runs with uncertainty=ensemble and one else; came uncertainty=e"),
        ({"run": ["a", "b"]}, r"run=a,b: .* came uncertainty=null - add uncertainty=ensemble"),
        ({"run": ["a"], "uncertainty": ENSEMBLE}, "expected two runs or more, each once; came run=a - write run="),
        ({"run": ["a", "a"], "uncertainty": ENSEMBLE}, "expected two runs or more, each once; came run=a,a - write"),
        ({"run": ["a.onnx", "b"], "uncertainty": ENSEMBLE}, "expected a trained run; came the exported network a.onnx"),
    ],
)  # fmt: skip
def test_mistakes(run, changes, message):
    with pytest.raises(SeglabError, match=message):
        score.check({**settings(run), **changes})
