"""trainer.compile=true: the same names, validation of the network itself, exact continuation, and what is refused."""

import pytest
import torch

from seglab import config, runs
from seglab.config.compose import compose
from seglab.config.messages import message_for
from seglab.errors import SeglabError
from seglab.training.build import build
from tests.callbacks.test_exact import KilledAt, fit, state


@pytest.fixture
def compiled(monkeypatch):
    """torch.compile as far as it reads the network: generating code takes most of the time; lists the calls."""
    calls, compile_ = [], torch.compile

    def recorded(function, *, dynamic):
        calls.append(dynamic)
        return compile_(function, dynamic=dynamic, backend="eager")

    monkeypatch.setattr(torch, "compile", recorded)
    return calls


def test_a_compiled_training_is_that_of_the_network_and_goes_on_exactly(tiny_config, tmp_path, compiled):
    common = ("callbacks.pictures=null", "callbacks.last.every_n_steps=1", "trainer.max_epochs=1", "seed=1")
    plain = runs.plain(tiny_config(*common))
    asked = runs.plain(tiny_config(*common, "trainer.compile=true"))
    fit(plain, tmp_path / "plain")
    assert not compiled
    fit(asked, tmp_path / "straight")
    assert compiled == [False]
    ours, expected = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name in ("straight", "plain")
    )
    assert list(ours) == list(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-4)
    with pytest.raises(ConnectionAbortedError):
        fit(asked, tmp_path / "killed", KilledAt(batch=2))
    fit(asked, tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "straight")


def test_nothing_is_compiled_for_an_evaluation(tiny_config, tmp_path, compiled):
    run = build(runs.plain(tiny_config("trainer.compile=true", "trainer.max_epochs=0")), tmp_path)
    run.trainer.validate(run.module, datamodule=run.data, verbose=False)
    assert run.module.validation["confusion"].sum() > 0
    assert not compiled


def test_it_decides_the_result_and_earlier_runs_had_none(tiny_config):
    plain, asked = (runs.plain(tiny_config(*typed)) for typed in ((), ("trainer.compile=true",)))
    earlier = {**plain, "trainer": {key: value for key, value in plain["trainer"].items() if key != "compile"}}
    assert runs.fingerprint(earlier) == runs.fingerprint(plain) != runs.fingerprint(asked)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("trainer.compile=1",), "trainer.compile is 1; expected one of true, false"),
        (("trainer.compile=true", "data.size=null"), "trainer.compile=true with data.size=null: each size of an image"),
    ],
)
def test_what_would_be_compiled_at_every_step_is_refused(typed, told):
    with pytest.raises(SeglabError) as refused:
        config.check(compose("train", list(typed)).cfg)
    assert told in str(refused.value)


def test_a_missing_compiler_is_told_in_one_sentence():
    assert "install g++" in message_for(RuntimeError("InvalidCxxCompiler: No working C++ compiler found"))
