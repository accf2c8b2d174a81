"""The checks of a configuration, each by its message, and every YAML file of conf/."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict

from seglab import PACKAGE, config
from seglab.errors import SeglabError

ROOT = PACKAGE.parent
CORRECT = {
    "data": {"_target_": "toy_parts.Data", "labels": "camvid_11", "batch_size": 4, "size": [32, 64],
             "augmentation": "${augment}"},
    "augment": {"_target_": "toy_parts.Many", "parts": [{"_target_": "toy_parts.Part", "p": 0.5}]},
    "model": {"_target_": "toy_parts.Net", "classes": "${num_classes:${data.labels}}", "size_divisor": 16},
    "activation": {"factory": {"_target_": "torch.nn.ReLU", "_partial_": True, "inplace": True}, "scope": "all"},
    "loss": {"_target_": "toy_parts.Loss", "gamma": 2.0},
    "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.01, "momentum": 0.9},
    "scheduler": {"_target_": "toy_parts.Part"},
    "trainer": {"_target_": "lightning.Trainer", "max_epochs": 2, "precision": "32-true"},
    "callbacks": {"one": {"_target_": "toy_parts.Part"}, "off": None},
    "logger": {"csv": {"_target_": "toy_parts.Logger"}},
    "module": {
        "_target_": "seglab.training.module.SegmentationModule",
        "channels_last": True,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
    },
    "seed": 1,
    "output": "outputs",
}  # fmt: skip
PARTS = """
from typing import Literal, Optional
Mode = Literal["min", "max"]
class Data:
    def __init__(self, *, labels: str, batch_size: int, size: list[int] | None, augmentation, num_workers: int = 0): ...
class Many:
    def __init__(self, parts): ...
class Part:
    def __init__(self, p: float = 1.0, mode: Mode = "min", name: str = None): ...
class Net:
    def __init__(self, classes: int, encoder_name: str = "a", **kwargs): ...
class Loss:
    def __init__(self, gamma: float, weight: Optional[list] = None, class_weights: list[float] | None = None): ...
class Logger:
    def __init__(self, folder): ...
"""
ALLOWED = ",".join(f"toy_parts.{name}" for name in ("Data", "Many", "Part", "Net", "Loss", "Logger"))


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`checked("loss.gamma=x", ...)`: what `check` says of CORRECT with these values, "" if nothing."""
    (tmp_path / "toy_parts.py").write_text(PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SEGLAB_ALLOW", ALLOWED)
    config.register()

    def message(*changes: str, without: str = "") -> str:
        cfg = OmegaConf.merge(OmegaConf.structured(config.TrainConfig), OmegaConf.create(CORRECT))
        with open_dict(cfg):
            cfg.merge_with_dotlist(list(changes))
            if without:
                node, _, key = without.rpartition(".")
                del OmegaConf.select(cfg, node)[key]
        try:
            config.check(cfg)
        except SeglabError as error:
            return str(error)
        return ""

    return message


def test_a_correct_configuration_passes(checked: Callable[..., str]) -> None:
    assert checked() == ""
    assert checked("callbacks.one=null", "loss.weight=[1,2]", "trainer.max_epochs=-1", "data.size=null") == ""
    assert checked("loss.class_weights=enet") == ""  # training puts numbers in its place
    assert checked("model.decoder_something_else=3") == ""  # the class takes **kwargs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sede=2", "no key 'sede' in the configuration - did you mean 'seed'?"),
        ("loss.gama=1", "loss: toy_parts.Loss has no argument 'gama' - did you mean 'gamma'?"),
        ("model.encoder_nam=b", "model: toy_parts.Net has no argument 'encoder_nam' - did you mean 'encoder_name'?"),
        ("trainer.max_epoch=3", "trainer: lightning.Trainer has no argument 'max_epoch' - did you mean 'max_epochs'?"),
        ("trainer.precision=17-mixed", "trainer: precision is '17-mixed'; expected one of 64, 32, 16"),
        ("trainer.logger=true", "trainer: 'logger' is set by seglab itself - leave it out"),
        ("optimizer.momntum=1", "optimizer: torch.optim.SGD has no argument 'momntum' - did you mean 'momentum'?"),
        ("augment.parts.0.q=1", "augment.parts.0: toy_parts.Part has no argument 'q'; it takes p, mode, name"),
        ("activation.factory.inplac=1", "activation.factory: torch.nn.ReLU has no argument 'inplac'"),
        ("loss.gamma=abc", "loss: gamma is 'abc'; expected a number"),
        ("loss.class_weights=3", "loss: class_weights is 3; expected text or a list or null"),
        ("loss.weight=enet", "loss: weight is 'enet'; expected a list or null"),
        ("callbacks.one.mode=mix", "callbacks.one: mode is 'mix'; expected one of 'min', 'max'"),
        ("callbacks.one.name=3", "callbacks.one: name is 3; expected text"),
        ("scheduler.p=null", "scheduler: p is None; expected a number"),
        ("data.labels=cityscape_19", "model.classes: "),
        ("loss.gamma=${nothing.there}", "loss.gamma: Interpolation key 'nothing.there' not found"),
        ("loss.gamma=${oc.env:SEGLAB_NO_SUCH}", "loss.gamma: Environment variable 'SEGLAB_NO_SUCH' not found"),
        ("loss.gamma=???", "loss.gamma has no value; expected one - give it with loss.gamma=VALUE"),
        ("loss=???", "loss has no value; expected one - give it with loss=VALUE"),
        ("loss=3", "loss names no class; expected a _target_, came 3"),
        ("callbacks.one=true", "callbacks.one names no class; expected a _target_, came True"),
        ("activation.scop=all", "activation: no key 'scop' - did you mean 'scope'?"),
        ("activation.scope=half", "activation.scope is 'half'; expected all, encoder or decoder"),
        ("loss._target_=toy_parts.Lss", "loss: there is no class or function toy_parts.Lss"),
        ("loss._target_=torch.load", "loss: a configuration may not name torch.load"),
        ("loss._target_=3", "loss: _target_ is 3; expected the full name of a class"),
        ("loss._args_=[1]", "loss: _args_ is not supported; expected the arguments of toy_parts.Loss by name"),
        ("data.batch_size=0", "data.batch_size is 0; expected a whole number >= 1"),
        ("data.batch_size=big", "data.batch_size is 'big'; expected a whole number >= 1"),
        ("data.num_workers=-1", "data.num_workers is -1; expected a whole number >= 0 or null"),
        ("data.size=[32]", "data.size is [32]; expected [height, width], whole numbers >= 1, or null"),
        ("optimizer.lr=0", "optimizer.lr is 0; expected a number > 0"),
        ("optimizer.lr=1e", "optimizer.lr is '1e'; expected a number > 0"),
        ("optimizer.lr=.nan", "optimizer.lr is nan; expected a number > 0"),
        ("optimizer.momentum=1.0", "optimizer.momentum is 1.0; expected a number >= 0 and < 1"),
        ("+optimizer.weight_decay=-1", "optimizer.weight_decay is -1; expected a number >= 0"),
        ("trainer.max_epochs=0", "trainer.max_epochs is 0; expected a whole number >= 1 or -1 or null"),
        ("model.classes=1", "model.classes is 1; expected a whole number >= 2"),
        ("seed=-1", "seed is -1; expected a whole number from 0 to 4294967295"),
    ],
)
def test_each_mistake_has_its_message(checked: Callable[..., str], change: str, message: str) -> None:
    found = checked(change.removeprefix("+"))
    assert found.startswith(message)
    assert len(found.splitlines()) == 1


def test_missing_arguments_and_keys(checked: Callable[..., str]) -> None:
    assert checked(without="loss.gamma") == "loss: toy_parts.Loss needs 'gamma'"
    assert checked(without="model.size_divisor").startswith("model needs 'size_divisor'")
    assert checked(without="activation.scope") == "activation needs 'scope'"
    assert checked(without="optimizer.momentum") == ""


def test_all_mistakes_are_told_at_once(checked: Callable[..., str]) -> None:
    message = checked("sede=2", "loss.gama=1", "data.batch_size=0")
    assert message.splitlines() == [
        "3 mistakes:",
        "  no key 'sede' in the configuration - did you mean 'seed'?",
        "  loss: toy_parts.Loss has no argument 'gama' - did you mean 'gamma'?",
        "  data.batch_size is 0; expected a whole number >= 1",
    ]


def test_a_target_is_judged_after_interpolation(checked: Callable[..., str]) -> None:
    assert "may not name os.system" in checked("output=os.system", "loss._target_=${output}")
    assert "may not name torch.load" in checked("loss=${oc.create:{_target_:torch.load}}")
    assert "may not name torch.load" in checked("augment.parts.0._target_=torch.load")


def test_what_is_referred_to_is_reported_once(checked: Callable[..., str]) -> None:
    assert checked("augment.nothing=1") == "augment: toy_parts.Many has no argument 'nothing'; it takes parts"


def test_the_schema_refuses_wrong_types_of_root_keys() -> None:
    schema = OmegaConf.structured(config.TrainConfig)
    with pytest.raises(ValueError, match="could not be converted to Integer"):
        OmegaConf.merge(schema, {"seed": "abc"})


# --- conf/ ------------------------------------------------------------------------------------------------------------

NO_GROUPS = ("hydra", "class_weights", "table")  # lists of numbers that losses name; plans of seglab.table
GROUPS = sorted(folder.name for folder in config.FOLDER.iterdir() if folder.is_dir() and folder.name not in NO_GROUPS)
OPTIONS = [f"{group}={path.stem}" for group in GROUPS for path in sorted((config.FOLDER / group).glob("*.yaml"))]


def composed(*overrides: str) -> DictConfig:
    config.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
        return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_is_correct(option: str) -> None:
    cfg = composed(option)
    for key in OmegaConf.missing_keys(cfg):
        OmegaConf.update(cfg, key, "/somewhere")
    config.check(cfg)


def test_the_default_is_checked_in_a_moment() -> None:
    cfg = composed()
    config.check(cfg)
    started = time.perf_counter()
    config.check(cfg)
    assert time.perf_counter() - started < 2  # 0.05 s on a quiet machine, 0.3 s for the first check of a process


def test_composing_and_checking_import_nothing_heavy() -> None:
    program = (
        "import sys; from hydra import compose, initialize_config_dir; from seglab import config; config.register()\n"
        "with initialize_config_dir(version_base='1.3', config_dir=str(config.FOLDER)): cfg = compose('train')\n"
        "config.check(cfg)\n"
        "print({'torch', 'lightning', 'numpy', 'albumentations', 'cv2'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "set()"
