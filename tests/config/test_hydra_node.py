"""What an experiment may put into the node `hydra`, tried in a real Hydra application; what is composed once."""

import pickle
from pathlib import Path

import pytest
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import OmegaConf

from seglab import config
from seglab.config.hydra_node import only_known_is_run

SHELL = {"_target_": "torch.utils.collect_env.run", "command": "touch executed"}
SLURM, OPTUNA = "hydra/launcher=submitit_slurm", "hydra/sweeper=optuna"
HANDLER = {"version": 1, "root": {"handlers": ["x"]}, "handlers": {"x": {"()": "payload.Handler"}}}
TO_FILE = {
    "version": 1, "root": {"handlers": ["x"]},
    "handlers": {"x": {"class": "logging.FileHandler", "filename": "executed"}},
}  # fmt: skip


@pytest.fixture
def attack(run, tmp_path, monkeypatch):
    """`attack({"callbacks": ...}, "-m")`: exit code and error of a command with an experiment with this node."""
    (tmp_path / "payload.py").write_text(
        "import logging; from pathlib import Path; Path('executed').touch()\nclass Handler(logging.Handler): ...\n"
        "def search(cfg, trial): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("SEGLAB_ALLOW", raising=False)

    def tried(node: dict, *arguments: str, beside: dict | None = None) -> tuple[int, str]:
        text = yaml.safe_dump({"hydra": node, **(beside or {})})
        (tmp_path / "conf" / "experiment" / "theirs.yaml").write_text(f"# @package _global_\n{text}")
        return run(*arguments, "experiment=theirs", task=lambda cfg: None)

    return tried


@pytest.mark.parametrize(
    ("node", "arguments", "named"),
    [
        (
            {"callbacks": {"x": SHELL}},
            (),
            "hydra.callbacks.x: a configuration may not name torch.utils.collect_env.run",
        ),
        ({"callbacks": {"x": SHELL}}, ("-m",), "hydra.callbacks.x: "),
        ({"callbacks": {"x": SHELL}}, ("--cfg", "job"), "hydra.callbacks.x: "),
        ({"callbacks": {"x": "${oc.create:{_target_:payload.Handler}}"}}, (), "hydra.callbacks.x: "),
        ({"callbacks": {"x": {"_target_": "${oc.decode:payload.Handler}"}}}, (), "may not name payload.Handler"),
        ({"callbacks": "${data.theirs}"}, (), "hydra.callbacks.x: "),
        ({"callbacks": {"x": {"_target_": "seglab.multirun.launch.Announce", "y": [SHELL]}}}, (), "callbacks.x.y.0: "),
        ({"launcher": {"_target_": "payload.Handler"}}, ("-m",), "hydra.launcher: "),
        ({"sweeper": {"_target_": "payload.Handler"}}, ("-m",), "hydra.sweeper: "),
        ({"sweeper": {"params": {"x": SHELL}}}, ("-m",), "hydra.sweeper.params.x: "),
        (
            {"sweeper": {"custom_search_space": "payload.search"}},
            ("-m", OPTUNA),
            "hydra.sweeper.custom_search_space is ",
        ),
        ({"launcher": {"setup": ["touch executed"]}}, ("-m", SLURM), "hydra.launcher.setup is "),
        (
            {"launcher": {"additional_parameters": {"x": SHELL}}},
            ("-m", SLURM),
            "hydra.launcher.additional_parameters.x: ",
        ),
        (
            {"launcher": {"comment": "a'\ntouch executed\n'"}},
            ("-m", SLURM),
            "hydra.launcher.comment: expected one line",
        ),
        ({"job": {"env_set": {"SEGLAB_ALLOW": "payload.Handler"}}}, (), "hydra.job.env_set is "),
        ({"job_logging": HANDLER}, (), "hydra.job_logging names handlers of its own"),
        ({"hydra_logging": HANDLER}, ("-m",), "hydra.hydra_logging names handlers of its own"),
        ({"job_logging": TO_FILE}, (), "hydra.job_logging names handlers of its own"),
    ],
)
def test_nothing_of_it_is_run(attack, tmp_path, node, arguments, named):
    if node == {"callbacks": "${data.theirs}"}:
        code, told = attack(node, *arguments, beside={"data": {"theirs": {"x": SHELL}}})
    else:
        code, told = attack(node, *arguments)
    assert not list(tmp_path.rglob("executed"))
    assert code == 2
    assert told.startswith("seglab: ")
    assert named in told
    assert len(told.splitlines()) == 1


def test_what_is_typed_or_allowed_by_name_is_known(attack, run, tmp_path, monkeypatch):
    shell = {"launcher": {"setup": ["module load cuda"]}, "job": {"env_set": {"A": "1"}}}
    assert "hydra.job.env_set is " in attack(shell, SLURM)[1]
    typed = "hydra.launcher.setup=[module load cuda]", "+hydra.job.env_set.A=1"
    assert run(SLURM, *typed) == (0, "")
    monkeypatch.setenv("SEGLAB_ALLOW", "hydra.launcher.setup,hydra.job.env_set")
    assert attack(shell, SLURM) == (0, "")
    monkeypatch.setenv("SEGLAB_ALLOW", "payload.Handler")
    attack({"callbacks": {"x": {"_target_": "payload.Handler"}}})
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("part", ["job_logging", "hydra_logging"])
@pytest.mark.parametrize("option", ["default", "disabled", "none"])
def test_the_logging_that_hydra_ships_is_known(run, part, option):
    assert run(f"hydra/{part}={option}", "hydra.verbose=false")[0] == 0


def test_the_settings_of_a_cluster_stay_free(attack):
    """They are texts and numbers, of which Hydra builds nothing."""
    node = {"sweep": {"dir": "out"}, "run": {"dir": "out/one"}, "verbose": False, "help": {"header": "${seed}"}}
    assert attack(node) == (0, "")


def test_a_pickled_run_is_not_read(run, tmp_path):
    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    (tmp_path / "run.pickle").write_bytes(pickle.dumps(Payload()))
    for flag in ("--experimental-rerun", "--exp"):
        for arguments in ((flag, "run.pickle"), (f"{flag}=run.pickle",)):
            code, told = run(*arguments)
            assert (code, "unpickles a file" in told) == (2, True)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("mode", list(RunMode))
@pytest.mark.parametrize("overrides", [[], ["experiment=quickstart", "seed=3"], ["loss=dice,ce"]])
def test_what_was_composed_to_see_the_mode_is_what_hydra_composes_again(monkeypatch, mode, overrides):
    config.register()
    search_path = create_config_search_path(str(config.FOLDER))
    hydra = Hydra(task_name="train", config_loader=ConfigLoaderImpl(search_path))
    typed = [*overrides, f"hydra.mode={mode.name}"]
    compositions = []
    compose = ConfigLoaderImpl._load_configuration_impl
    monkeypatch.setattr(
        ConfigLoaderImpl, "_load_configuration_impl", lambda *a, **k: (compositions.append(k), compose(*a, **k))[1]
    )

    def composed() -> object:
        try:
            return OmegaConf.to_container(hydra.compose_config("train", typed, mode))
        except ConfigCompositionException as error:  # a sweep without -m
            return str(error)

    again = composed()
    compositions.clear()
    with only_known_is_run():
        hydra.get_mode("train", overrides)
        once = composed()
    assert once == again
    assert len(compositions) == 1


def test_an_option_that_is_yet_to_be_chosen_is_an_error_of_a_training(tmp_path, command):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "unfinished.yaml").write_text("defaults:\n  - train\n  - optimizer@other: ???\n")
    done = command("train", "--config-dir", "mine", "--config-name", "unfinished", small=False)
    assert done.returncode == 2
    assert "optimizer@other" in done.stderr
