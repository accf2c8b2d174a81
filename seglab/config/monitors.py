"""One monitored value with one direction: that of the best checkpoint, which all others follow unless asked otherwise.

conf/ takes them from here by interpolation, so that a configuration that is kept names them.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from seglab.config.resolve import Resolved
from seglab.config.signatures import find_definition

_USUAL = "val/miou"  # where callbacks.best is left out
_DIRECTIONS = {"min": "minimize", "max": "maximize"}  # mode of a callback: direction of a search


def register() -> None:
    """Makes `usual_mode`, `monitor`, `mode` and `direction` known to OmegaConf."""
    OmegaConf.register_new_resolver("usual_mode", usual_mode, replace=True)
    OmegaConf.register_new_resolver("monitor", _monitor, replace=True)
    OmegaConf.register_new_resolver("mode", _mode, replace=True)
    OmegaConf.register_new_resolver("direction", _direction, replace=True)


def usual_mode(monitor: str) -> str:
    """min for a loss, max for any score."""
    return "min" if "loss" in monitor else "max"


def mode_problems(resolved: Resolved) -> list[str]:
    """Nodes that would keep the worst value of what they monitor."""
    problems = []
    for path, node in resolved.targets():
        monitor = node.get("monitor")
        if not isinstance(monitor, str):
            continue
        usual, mode = usual_mode(monitor), node.get("mode", _default_mode(node["_target_"]))
        if "mode" not in node and mode not in (None, usual):
            problems.append(f"{path} needs 'mode': without it the worst {monitor} is kept; expected {usual}")
        elif (usual, mode) == ("min", "max"):
            problems.append(f"{path}.mode is 'max'; expected min: of {monitor} the lowest value is the best")
    return problems


def _default_mode(target: Any) -> str | None:
    definition = find_definition(target) if isinstance(target, str) else None
    parameter = definition.parameters.get("mode") if definition else None
    return parameter.default.strip("'\"") if parameter and parameter.default else None


def _monitor(*, _root_: DictConfig) -> str:
    return OmegaConf.select(_root_, "callbacks.best.monitor") or _USUAL


def _mode(monitor: str, *, _root_: DictConfig) -> str:
    """That of the best checkpoint where it has the same monitor."""
    asked = OmegaConf.select(_root_, "callbacks.best.mode") if monitor == _monitor(_root_=_root_) else None
    return asked or usual_mode(monitor)


def _direction(*, _root_: DictConfig) -> str:
    return _DIRECTIONS[_mode(_monitor(_root_=_root_), _root_=_root_)]
