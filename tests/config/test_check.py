"""The checks of a configuration, each by its message, and every YAML file of conf/."""

import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest
from omegaconf import DictConfig, OmegaConf

from seglab import PACKAGE, config
from seglab.config import definitions
from seglab.errors import SeglabError
from tests.composed import compose
from tests.exhaustive import one_in

ROOT = PACKAGE.parent


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
        ("loss.class_weights=3", "loss: class_weights is 3; expected a list or text or null"),
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
        ("loss._target_=toy_parts.Lss", "loss: there is no class or function toy_parts.Lss"),
        ("loss._target_=torch.load", "loss: a configuration may not name torch.load"),
        ("loss._target_=3", "loss: _target_ is 3; expected the full name of a class"),
        ("loss._args_=[1]", "loss: _args_ is not supported; expected the arguments of toy_parts.Loss by name"),
    ],
)
def test_each_mistake_has_its_message(checked: Callable[..., str], change: str, message: str) -> None:
    told = checked(change.removeprefix("+"))
    assert told.startswith(message)
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("name", ["LearningRateFinder", "BatchSizeFinder"])
def test_what_cannot_work_here_is_told_with_what_to_do(checked: Callable[..., str], name: str) -> None:
    target = f"lightning.pytorch.callbacks.{name}"
    told = checked(f"callbacks.one._target_={target}")
    assert told.startswith(f"callbacks.one: {target} is not supported: it trains with a ")


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


# --- conf/ ------------------------------------------------------------------------------------------------------------

NO_GROUPS = ("hydra", "class_weights", "table")  # lists of numbers that losses name; plans of seglab.table
OF_EVALUATIONS = ("ood", "uncertainty")
GROUPS = sorted(
    folder.name
    for folder in config.FOLDER.iterdir()
    if folder.is_dir() and folder.name not in (*NO_GROUPS, *OF_EVALUATIONS)
)


def options_of(groups: Iterable[str]) -> list[str]:
    return [f"{group}={path.stem}" for group in groups for path in sorted((config.FOLDER / group).glob("*.yaml"))]


OPTIONS = options_of(GROUPS)


# What an option needs.
BESIDE = {
    "loss=mask2former": ["model=hf_mask2former"],
    "loss=distill": ["teacher=run:0123456789abcdef"],
    "mix=copy_paste": ["mix.classes=[car]"],
}


def composed(*overrides: str, name: str = "train") -> DictConfig:
    config.register()
    return compose(name, overrides=list(overrides))


@pytest.mark.slow
@pytest.mark.parametrize("option", one_in(4, OPTIONS))
def test_every_option_of_every_group_is_correct(option: str) -> None:
    cfg = composed(option, *BESIDE.get(option, ()))
    for key in OmegaConf.missing_keys(cfg):
        OmegaConf.update(cfg, key, "/somewhere")
    config.check(cfg)


@pytest.mark.parametrize("option", options_of(OF_EVALUATIONS))
def test_every_option_of_an_evaluation_is_correct(option: str) -> None:
    config.check(composed(option, name="evaluate"), config.EvaluateConfig)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["loss.class_weights=[a,b]"],
            r"loss: class_weights is \['a', 'b'\]; expected numbers >= 0, one for each class",
        ),
        (["loss=ce_dice", "loss.losses.ce.class_weights=[1,-1]"], r"class_weights is \[1, -1\]; expected numbers >= 0"),
        (["model=smp_unet", "+model.aux_params={classes: 5}"], "model.aux_params adds a second output.*expected null"),
    ],
)
def test_what_would_end_in_a_traceback_later_is_told_by_the_check(overrides: list[str], message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        config.check(composed(*overrides))


def test_a_source_is_parsed_once_for_all_checks() -> None:
    """Parsing is most of what the first check takes."""
    cfg = composed()
    config.check(cfg)
    parsed = definitions._parse.cache_info()
    assert parsed.misses > 0
    config.check(cfg)
    assert definitions._parse.cache_info().misses == parsed.misses


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
