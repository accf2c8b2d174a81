"""What the node `hydra` of a configuration may hold: Hydra builds and runs that before a command can check anything.

An experiment is a YAML of anyone's, and its node `hydra` reaches callbacks, launchers, logging and the environment.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seglab.config.resolve import reason
from seglab.config.targets import VARIABLE, allowed_by_user
from seglab.errors import SeglabError

_KNOWN = frozenset(
    {
        "seglab.multirun.launch.Announce",
        "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
        "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
    }
    | {f"optuna.samplers.{name}Sampler" for name in ("TPE", "Random", "CmaEs", "NSGAII", "MOTPE", "Grid")}
)
_BUILT = ("callbacks", "launcher", "sweeper")
# Run by a shell, by a batch system or as a function, or set for all that follows.
_RUN = ("job.env_set", "launcher.setup", "launcher.additional_parameters", "sweeper.custom_search_space")
_LOGGING = ("hydra_logging", "job_logging")  # may name classes, and files to write to
_MAY_BE_A_NODE = re.compile(r"\s*\$\{.*\}\s*", re.DOTALL)  # an interpolation inside a longer text is text


@contextmanager
def only_known_is_run() -> Iterator[None]:
    """Within the block Hydra composes no configuration with something in its node `hydra` that `require_known` refuses.

    Hydra has no hook between composing a configuration and building its callbacks. What it composes only to see whether
    the command is a sweep is kept for the command itself, which is the same but for the mode.
    """
    load = ConfigLoaderImpl.load_configuration
    to_see_the_mode: list[tuple[list[str], DictConfig]] = []

    @functools.wraps(load)
    def checked(loader: ConfigLoaderImpl, *, overrides: list[str], **others: Any) -> DictConfig:
        if to_see_the_mode:
            cfg = _in_mode(*to_see_the_mode.pop(), loader=loader, overrides=overrides, **others)
            if cfg is not None:
                return cfg
        try:
            cfg = load(loader, overrides=overrides, **others)
        except ValueError as error:
            if not str(error).startswith("Config group override"):
                raise
            # data=5: Hydra names neither the group nor its options, as it does of data='5'
            cfg = load(loader, overrides=[_with_text(override, loader) for override in overrides], **others)
        require_known(cfg.hydra)
        if not others.get("validate_sweep_overrides", True):
            to_see_the_mode.append((list(overrides), cfg))
        return cfg

    with mock.patch.object(ConfigLoaderImpl, "load_configuration", checked):
        yield


def _in_mode(
    composed: list[str],
    cfg: DictConfig,
    *,
    loader: ConfigLoaderImpl,
    overrides: list[str],
    run_mode: RunMode,
    from_shell: bool = True,
    **others: Any,
) -> DictConfig | None:
    """`cfg`, of the overrides `composed`, as Hydra would compose it for `overrides`; None where it has to."""
    mode = f"hydra.mode={run_mode.name}"
    parsed = OverridesParser.create().parse_overrides(composed)
    # an option that is yet to be chosen is an error of a training and none of a sweep, which may choose it
    choices = cfg.hydra.runtime.choices
    if overrides != [*composed, mode] or any(OmegaConf.is_missing(choices, group) for group in choices):
        return None
    loader.validate_sweep_overrides_legal(parsed, run_mode=run_mode, from_shell=from_shell)
    cfg.hydra.mode = run_mode
    cfg.hydra.overrides.hydra.append(mode)
    return cfg


def _with_text(override: str, loader: ConfigLoaderImpl) -> str:
    """An override that chooses an option by a number, with that number as a text."""
    parts = re.fullmatch(r"([+~]?([^@=]*)(?:@[^=]*)?)=([\w.+-]+)", override)
    is_choice = parts is not None and loader.repository.group_exists(parts[2])
    return f"{parts[1]}='{parts[3]}'" if parts and is_choice else override


def require_known(node: DictConfig) -> None:
    """Raises SeglabError where the node `hydra` would build or run what seglab does not know.

    A full name in SEGLAB_ALLOW is known, of a class or of a key such as hydra.launcher.setup; and so is a key that is
    run as it is but was typed on the command line.
    """
    allowed = {*_KNOWN, *allowed_by_user()}
    for part in _BUILT:
        for path, value in _values(node, part, path="hydra"):
            if isinstance(value, DictConfig) and "_target_" in value and value["_target_"] not in allowed:
                target = value["_target_"]
                raise SeglabError(
                    f"{path}: a configuration may not name {target} here, which would run before it is checked; "
                    f'expected nothing - take it out, or if you trust it: export {VARIABLE}="{target}"'
                )
            if part == "launcher" and isinstance(value, str) and len(value.splitlines()) > 1:
                raise SeglabError(f"{path}: expected one line, it is written into a batch script; came {value!r}")
    typed = {override.lstrip("+~").partition("=")[0] for override in node.overrides.hydra}
    for key in _RUN:
        path = f"hydra.{key}"
        is_typed = any(f"{given}.".startswith(f"{path}.") for given in typed)
        value = OmegaConf.select(node, key, throw_on_resolution_failure=False)
        if value and not is_typed and path not in allowed and value not in list(allowed):
            raise SeglabError(
                f"{path} is {value}, which would run before it is checked; expected it on the command line alone - "
                f'type it there, or if you trust your configuration: export {VARIABLE}="{path}"'
            )
    for part in _LOGGING:
        _require_shipped(node, part)


def refuse_pickled_run(arguments: Sequence[str]) -> None:
    """Raises SeglabError for --experimental-rerun FILE, with which Hydra unpickles the file."""
    flag = "--experimental-rerun"
    for argument in arguments:
        name = argument.partition("=")[0]
        if len(name) > 2 and flag.startswith(name):
            raise SeglabError(f"{flag} unpickles a file, which may run any code; expected resume=FOLDER - leave it out")


def _values(node: DictConfig | ListConfig, key: Any, *, path: str) -> Iterator[tuple[str, Any]]:
    """(path, value) of node[key] and all below; a text with interpolations stays as it is where it cannot be a node."""
    where = f"{path}.{key}"
    if OmegaConf.is_missing(node, key):
        return
    written = OmegaConf.to_container(node, resolve=False)[key]  # type: ignore[index]
    try:
        value = node[key] if not isinstance(written, str) or _MAY_BE_A_NODE.fullmatch(written) else written
    except OmegaConfBaseException as error:
        raise SeglabError(f"{where}: {reason(error)}") from error
    yield where, value
    if isinstance(value, DictConfig | ListConfig) and not OmegaConf.is_missing(node, key) and value is not None:
        for inner in list(value) if isinstance(value, DictConfig) else range(len(value)):
            yield from _values(value, inner, path=where)


def _require_shipped(node: DictConfig, part: str) -> None:
    """Raises SeglabError for logging that Hydra does not ship and that configures anything."""
    written = OmegaConf.to_container(node[part], resolve=False) if node[part] is not None else {"root": None}
    if isinstance(written, dict) and "root" in written and written["root"] is None:
        return
    options = Path(hydra.__file__).parent / "conf" / "hydra" / part
    if not any(OmegaConf.to_container(OmegaConf.load(path)) == written for path in sorted(options.glob("*.yaml"))):
        names = ", ".join(sorted(path.stem for path in options.glob("*.yaml")))
        raise SeglabError(
            f"hydra.{part} names handlers of its own, which would run before they are checked; expected one of Hydra's "
            f"options unchanged: hydra/{part}=OPTION with {names} - take yours out"
        )
