"""Temperatures that are fitted on one split, kept with the run, and used where they are asked for."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seglab import runs
from seglab.errors import SeglabError
from seglab.evaluation import score
from seglab.evaluation.calibrate import Samples, calibrate, fit
from seglab.inference import predictor
from seglab.inference.predictor import load_predictor
from seglab.labels import IGNORE_INDEX
from seglab.metrics.proper_scores import ProperScores
from seglab.models.temperature import METHODS
from seglab.runs import calibration
from tests.evaluation.painted import SKY, settings, write_pair

K = 4
CALIBRATE = {"method": "temperature", "checkpoint": "best", "split": "val", "root": None, "limit": None, "size": "run",
             "pixels": 3000, "device": "cpu", "threads": 1, "seed": 1}  # fmt: skip


def drawn(temperature: torch.Tensor | float, *, images: int = 6, side: int = 32) -> Samples:
    """Logits whose true probabilities are their softmax after a division by the temperature, and labels drawn so."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(images, K, side, side, generator=generator)
    true = (logits / temperature).softmax(1).permute(0, 2, 3, 1).reshape(-1, K)
    labels = torch.multinomial(true, 1, generator=generator).reshape(images, side, side)
    labels[:, 0] = IGNORE_INDEX
    return Samples(list(logits.split(1)), list(labels.split(1)))


def nats(module: torch.nn.Module, samples: Samples) -> float:
    metric = ProperScores(K)
    for logits, labels in zip(samples.logits, samples.labels, strict=True):
        metric.update(module(logits).detach().softmax(1)[0], labels[0].numpy())
    return metric.nll()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.3])
def test_a_known_temperature_is_found(temperature) -> None:
    fitted = fit(drawn(temperature), method="temperature", seed=1)
    assert float(fitted.log_temperature.detach().exp()) == pytest.approx(temperature, rel=0.05)


def test_a_network_that_says_nothing_of_the_labels_is_told(caplog) -> None:
    logits = torch.randn(1, K, 8, 8, generator=torch.Generator().manual_seed(0))
    fit(Samples([logits], [logits.argmin(1)]), method="temperature", seed=1)  # the least likely class is always right
    assert "says next to nothing of these labels" in caplog.text
    caplog.clear()
    fit(drawn(1.0), method="temperature", seed=1)
    assert caplog.text == ""


def test_known_temperatures_of_classes_are_found() -> None:
    true = torch.tensor([0.6, 1.0, 1.7, 3.0])
    fitted = fit(drawn(true.view(1, -1, 1, 1), images=20), method="per_class", seed=1)
    assert fitted.log_temperature.detach().exp().numpy() == pytest.approx(true.numpy(), rel=0.15)


def test_no_method_does_worse_than_a_simpler_one() -> None:
    """On logits that are too sure where two classes compete, which a local temperature alone can see."""
    generator = torch.Generator().manual_seed(0)
    where = torch.rand(8, 1, 16, 16, generator=generator) < 0.5
    samples = drawn(1.0, images=8, side=16)
    samples.logits = list((torch.cat(samples.logits) * torch.where(where, 3.0, 0.8)).split(1))
    reached = {method: nats(fit(samples, method=method, seed=1), samples) for method in METHODS}
    plain = nats(torch.nn.Identity(), samples)
    assert reached["temperature"] < plain
    assert reached["per_class"] <= reached["temperature"] + 1e-6
    assert reached["local"] < reached["temperature"] - 0.005


def test_a_fit_is_the_same_each_time_and_leaves_the_numbers_of_the_process() -> None:
    samples = drawn(2.0, images=2, side=8)
    first = fit(samples, method="local", seed=1).state_dict()
    torch.manual_seed(9)
    state = torch.random.get_rng_state()
    second = fit(samples, method="local", seed=1).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture
def both(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run of two images and a third, of a sky in which it sees poles; the test split holds the same."""
    module = predictor.load(run, checkpoint="best.ckpt")  # that of the fixture, one for all
    monkeypatch.setattr(predictor, "load", lambda folder, checkpoint: copy.deepcopy(module))
    data = Path(runs.read_config(run)["data"]["root"])
    write_pair(data, "0003_c", np.full((32, 64), SKY, dtype=np.uint8))
    shutil.copyfile(data / "val" / "0001_a.png", data / "val" / "0003_c.png")  # the poles of another image
    for folder in ("val", "valannot"):
        shutil.copytree(data / folder, data / folder.replace("val", "test"))
    return run


@pytest.mark.parametrize("method", METHODS)
def test_fitted_kept_and_used(both, capsys, method) -> None:
    stored = calibrate({**CALIBRATE, "run": str(both), "method": method})
    assert stored["after"]["nats"] < stored["before"]["nats"]
    assert (stored["dataset"], stored["split"], stored["images"]) == ("camvid", "val", 3)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"nats, ECE {100 * stored['before']['calibration_error']:.1f} % to " in printed
    assert json.loads((both / "calibration" / f"best_{method}.json").read_text()) == stored
    fresh = {"extra": ["calibration"], "split": "test", "panels": 0}
    plain, calibrated = (score.evaluate(settings(both, **fresh, calibrated=name)) for name in (None, method))
    assert calibrated["protocol"] == {**plain["protocol"], "calibrated": method}
    # the images of both splits are the same here
    assert calibrated["calibration"]["nll"] == pytest.approx(stored["after"]["nats"], rel=1e-6)
    assert plain["calibration"]["nll"] == pytest.approx(stored["before"]["nats"], rel=1e-6)
    assert plain["calibration"]["ece"] == pytest.approx(stored["before"]["calibration_error"], rel=1e-6)
    assert Path(calibrated["folder"]).name == f"camvid_test_best_size-8x16_{method}"
    if method == "temperature":
        assert json.dumps(calibrated["original"]) == json.dumps(plain["original"])


def test_the_fitted_split_is_not_scored_unless_it_is_asked_for(both) -> None:
    calibrate({**CALIBRATE, "run": str(both)})
    with pytest.raises(SeglabError, match=r"calibrated=temperature: expected another split .* came camvid val - add "):
        score.evaluate(settings(both, calibrated="temperature"))
    with pytest.raises(SeglabError, match=r"came camvid_unknown val - add "):  # the same frames
        calibration.require_unseen({"method": "temperature", "dataset": "camvid", "split": "val"},
                                   dataset="camvid_unknown", split="val")  # fmt: skip
    result = score.evaluate(settings(both, calibrated="temperature", score_fitted_split=True))
    assert result["protocol"]["calibrated"] == "temperature"


def test_other_weights_have_no_calibration(both) -> None:
    calibrate({**CALIBRATE, "run": str(both)})
    torch.save({"epoch": 5, "global_step": 12}, both / "checkpoints" / "best.ckpt")
    with pytest.raises(
        SeglabError, match=r"as it is \(epoch 5, step 12, 11 outputs\); it is of epoch 4, step 10, 11 o"
    ):
        load_predictor(both, device="cpu", calibrated="temperature")


@pytest.mark.parametrize("values", [{}, {"log_temperature": [1.0, 2.0]}, {"log_temperature": ["a"]}, [1.0]])
def test_values_that_are_no_temperatures_are_told(both, values) -> None:
    stored = calibrate({**CALIBRATE, "run": str(both)})
    calibration.write(both, {**stored, "values": values}, checkpoint="best")
    with pytest.raises(SeglabError, match=r"best_temperature\.json': expected the temperatures of a calibration; they"):
        load_predictor(both, device="cpu", calibrated="temperature")


def test_what_is_not_there_or_damaged_is_told(both) -> None:
    with pytest.raises(SeglabError, match=r"calibrated=local: expected the run to be calibrated so; .* first: python"):
        score.check(settings(both, calibrated="local"))
    with pytest.raises(SeglabError, match=r"calibrated is 'locl'; expected null, or one of .* did you mean 'local'\?"):
        score.check(settings(both, calibrated="locl"))
    path = calibration.path_of(both, checkpoint="best", method="local")
    path.parent.mkdir()
    for damaged in ("{", "[]", '{"method": "local"}'):
        path.write_text(damaged)
        with pytest.raises(SeglabError, match=r"best_local\.json': expected a calibration that seglab has written"):
            score.check(settings(both, calibrated="local"))
