"""The errors of Hydra and OmegaConf in the words of a user."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import hydra
import pytest
from hydra.errors import MissingConfigException
from omegaconf import DictConfig

from seglab.config.messages import message_for
from seglab.errors import SeglabError
from tests.config.test_command import Run, _raising


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sede=2"], "no key 'sede' in the configuration - did you mean 'seed'?"),
        (["experimen=small"], "no key 'experimen' in the configuration - did you mean 'experiment'?"),
        (["zzz=2"], "no key 'zzz' in the configuration; expected one of data, experiment, loss, optimizer, seed"),
        (["loss.gama=1"], "no key 'gama' in 'loss' - did you mean 'gamma'?"),
        (["optimizer.momentm=1"], "no key 'momentm' in 'optimizer' - did you mean 'momentum'?"),
        (
            ["optimizer.momentum=1"],
            "optimizer does not set 'momentum' yet; "
            "to add this argument of torch.optim.SGD write +optimizer.momentum=1",
        ),
        (["loss=dicee"], "no option 'dicee' for 'loss' - did you mean 'dice'?\n  loss can be: ce, dice"),
        (["-m", "loss=ce,dicee"], "no option 'dicee' for 'loss' - did you mean 'dice'?\n  loss can be: ce, dice"),
        (["experiment=smal"], "no option 'smal' for 'experiment' - did you mean 'small'?\n  experiment can be: small"),
        (["nothing@x=y"], "Override nothing@x=y looks like a config group override, but"),
        (["seed=1,2"], "'seed=1,2' holds several values; expected one - to run each of them add -m"),
        (["seed=abc"], "seed: expected a whole number, came 'abc'"),
        (["loss=5"], "no option '5' for 'loss'\n  loss can be: ce, dice"),
        (["~loss=true"], "Could not delete 'loss=true'. No match in the defaults list"),
        (["~loss.z"], "Could not delete from config. 'loss.z' does not exist."),
        (["loss"], "cannot read the override 'loss'; expected key=value"),
        (["--loss", "dice"], "--loss is no flag; expected values as key=value, without dashes - write loss=dice"),
        (["--loss=dice"], "--loss=dice is no flag; expected values as key=value, without dashes - write loss=dice"),
        (["loss=ce", "-m", "seed=1,2"], "seed=1,2 stands behind a flag that stands behind other values; expected"),
        (["--cfg=jop"], "argument --cfg/-c: invalid choice: 'jop' (choose from 'job', 'hydra', 'all') - --help shows"),
        (["data=~/x"], "cannot read 'data=~/x': a shell knows ~ only at the beginning of a word - write data=$HOME/x"),
        (["data.size=[~/a,b]"], "cannot read 'data.size=[~/a,b]': a shell knows ~ only at the beginning of a word"),
        (["loss={a"], "cannot read the override 'loss={a'; expected key=value (no viable alternative at input '{a')"),
        (["--config-name", "nope"], "no configuration file 'nope'; expected the name of a YAML file"),
        (["data=broken"], "this is not YAML: while parsing a flow sequence"),
    ],
)  # fmt: skip
def test_mistakes_on_the_command_line(run: Run, arguments: list[str], message: str) -> None:
    code, stderr = run(*arguments)
    assert code == 2
    assert stderr.startswith(f"seglab: {message}")
    assert "+sede" not in stderr
    assert "Traceback" not in stderr
    assert len(stderr.strip().splitlines()) == len(message.splitlines())


def test_a_missing_config_dir_is_named(run: Run, tmp_path: Path) -> None:
    code, stderr = run("--config-dir", "nope")
    assert code == 2
    assert stderr == (
        f"seglab: Additional config directory '{tmp_path}/nope' not found"
        " - expected a folder of your own groups after --config-dir\n"
    )


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (lambda cfg: cfg.loss.wrong, "loss.wrong: Interpolation key 'nothing.there' not found"),
        (lambda cfg: cfg.loss.secret, "loss.secret: Environment variable 'SEGLAB_NO_SUCH' not found"),
        (lambda cfg: cfg.loss.open, "loss.open: Missing mandatory value: loss.open"),
        (lambda cfg: cfg.loss.gama, "no key 'gama' in 'loss' - did you mean 'gamma'?"),
    ],
)
def test_mistakes_found_by_the_task(run: Run, task: Callable[[DictConfig], object], message: str) -> None:
    code, stderr = run(task=task)
    assert code == 2
    assert stderr.splitlines()[-1] == f"seglab: {message}"
    assert "Traceback" not in stderr


def test_our_own_errors_are_their_message(run: Run) -> None:
    code, stderr = run(task=_raising(SeglabError("expected a folder")))
    assert (code, stderr.splitlines()[-1]) == (2, "seglab: expected a folder")


def test_our_own_errors_from_instantiate_and_from_a_loaders_process(run: Run) -> None:
    wrapped = hydra.errors.InstantiationException("Error in call to target 'x'")
    wrapped.__cause__ = SeglabError("expected a folder")
    assert run(task=_raising(wrapped))[1].splitlines()[-1] == "seglab: expected a folder"
    from_worker = SeglabError(
        "Caught SeglabError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\nseglab.errors.SeglabError: expected a folder\n'
    )
    assert run(task=_raising(from_worker))[1].splitlines()[-1] == "seglab: expected a folder"


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EROFS, "choose another folder"), (errno.EACCES, "allow it, or choose"), (errno.ENOSPC, "free some space")],
)
def test_what_a_disk_refuses_is_one_message(number: int, advice: str) -> None:
    message = message_for(OSError(number, os.strerror(number), "outputs/runs/x"))
    assert message is not None
    assert message.startswith(f"'outputs/runs/x' cannot be read or written: {os.strerror(number)} - {advice}")
    assert message_for(OSError(errno.ENOENT, "No such file", "a bug")) is None


def test_what_an_extra_brings_is_named_with_the_extra() -> None:
    for option, extra in (("hydra/sweeper/optuna", "optuna"), ("hydra/launcher/joblib", "joblib")):
        missing = MissingConfigException("nothing", option, options=["basic"])
        assert f'needs packages that are not installed - pip install "seglab[{extra}]"' in str(message_for(missing))


def test_a_missing_gpu_is_one_sentence_with_the_cure() -> None:
    wrapped = hydra.errors.InstantiationException("Error in call to target 'lightning.Trainer'")
    wrapped.__cause__ = type("MisconfigurationException", (Exception,), {})("No supported gpu backend found!")
    assert message_for(wrapped) == (
        "trainer.accelerator: expected a GPU that PyTorch can use, came none (No supported gpu backend found!) - "
        "leave trainer=... out to take what is there, or write trainer.accelerator=cpu"
    )
