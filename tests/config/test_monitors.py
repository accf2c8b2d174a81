"""All that monitors follows the best checkpoint, each in the direction in which its value is better."""

import re

import pytest
from omegaconf import OmegaConf

from seglab import config
from seglab.errors import SeglabError
from seglab.runs import plain
from tests.composed import compose

ALL = ("callbacks=early_stopping", "scheduler=plateau")


def composed(*overrides: str) -> dict:
    config.register()
    cfg = compose("train", overrides=[*ALL, *overrides])
    config.check(cfg)
    return plain(cfg)


def monitored(*overrides: str) -> dict[str, tuple[str, str]]:
    settings = composed(*overrides)
    nodes = {name: settings["callbacks"].get(name) for name in ("best", "progress", "early_stopping")}
    nodes["plateau"] = settings["scheduler"]
    return {name: (node["monitor"], node["mode"]) for name, node in nodes.items() if node}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], ("val/miou", "max")),
        (["callbacks.best.monitor=val/loss"], ("val/loss", "min")),
        (["callbacks.best.monitor=val/dice/road"], ("val/dice/road", "max")),
        (["callbacks.best.mode=min"], ("val/miou", "min")),  # asked for
        (["~callbacks.best"], ("val/miou", "max")),
        (["callbacks.best=null"], ("val/miou", "max")),
    ],
)
def test_one_monitor_with_one_mode(overrides, expected):
    assert set(monitored(*overrides).values()) == {expected}


def test_one_that_is_asked_for_another_has_its_own_mode():
    both = monitored("callbacks.early_stopping.monitor=val/loss")
    assert both["early_stopping"] == ("val/loss", "min")
    assert both["best"] == both["plateau"] == both["progress"] == ("val/miou", "max")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("callbacks.best.mode=max", "callbacks.best.mode is 'max'; expected min: of val/loss the lowest"),
        ("scheduler.mode=max", "scheduler.mode is 'max'; expected min: of val/loss"),
        (
            "+callbacks.mine={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val/miou}",
            "callbacks.mine needs 'mode': without it the worst val/miou is kept; expected max",
        ),
    ],
)
def test_the_worst_is_not_kept(override, message):
    with pytest.raises(SeglabError, match=re.escape(message)):
        composed("callbacks.best.monitor=val/loss", override)


def test_lightnings_own_default_is_right_for_a_loss():
    node = "{_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val/loss}"
    assert composed(f"+callbacks.mine={node}")["callbacks"]["mine"] == {
        "_target_": "lightning.pytorch.callbacks.EarlyStopping",
        "monitor": "val/loss",
    }


@pytest.mark.parametrize(
    ("overrides", "direction"), [([], "maximize"), (["callbacks.best.monitor=val/loss"], "minimize")]
)
def test_a_search_has_the_direction_of_the_best_checkpoint(overrides, direction):
    config.register()
    search = OmegaConf.load(config.FOLDER / "hydra" / "sweeper" / "search.yaml")
    cfg = compose("train", overrides=overrides)
    OmegaConf.set_struct(cfg, False)
    cfg.hydra = {"sweeper": search}
    assert cfg.hydra.sweeper.direction == direction
