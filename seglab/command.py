"""A Hydra application as a command: a mistake of the user becomes one readable message, a bug its full traceback."""

import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import ParamSpec, TypeVar

import yaml
from hydra.errors import (
    ConfigCompositionException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
    SearchPathException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from seglab.errors import Interrupted, SeglabError, did_you_mean
from seglab.resolve import reason
from seglab.signatures import find_definition

USER_ERROR, BUG, INTERRUPTED = 2, 1, 130

P = ParamSpec("P")
R = TypeVar("R")

_running = False  # this process is inside `run`
_reported: list[Exception] = []


def run(task: Callable[[], object], *, finish: Callable[[], int] = lambda: 0) -> None:
    """Calls a function decorated with hydra.main, then `finish`, whose return value is the exit code of a good end.

    Raises:
        SystemExit: with 2 after a mistake of the user, 130 (143) after Ctrl-C (SIGTERM), 1 after anything unforeseen.
    """
    global _running
    _make_own_modules_importable()
    _running = True
    with _console_log(), _exceptions_reach_us():
        code = max(_exit_code(task), finish())
    if code:
        sys.exit(code)


def reported(function: Callable[P, R]) -> Callable[P, R | None]:
    """A task whose errors are left to `run`: Hydra would print a line of its own first. Stands below @hydra.main."""

    @functools.wraps(function)
    def task(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if not _running:  # the worker process of a launcher: only Hydra can hand the error to the parent
                raise
            _reported.append(error)
            return None

    return task


def _exit_code(task: Callable[[], object]) -> int:
    try:
        task()
        if _reported:
            raise _reported[0]
    except KeyboardInterrupt:
        print("seglab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `... --help | head`: who read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python can flush it at its end
        return 0
    except Interrupted as error:
        print(f"seglab: {error}", file=sys.stderr)
        return 128 + error.signal_number
    except Exception as error:
        message = message_for(error)
        if message is None:
            traceback.print_exception(error)
            return BUG
        print(f"seglab: {message}", file=sys.stderr)
        return USER_ERROR
    return 0


def message_for(error: BaseException) -> str | None:
    """What the user did wrong and how to mend it; None for an error that is not theirs."""
    if isinstance(error, SeglabError):
        # PyTorch puts the whole traceback of a loader's process into the message
        return str(error).rpartition("seglab.errors.SeglabError: ")[2].strip()
    if isinstance(error, InstantiationException):
        return _refused(error.__cause__)
    if isinstance(error, MissingConfigException):
        return _missing_config(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, ConfigCompositionException):
        return _composition(error)
    if isinstance(error, SearchPathException):
        return f"{_first_line(error)} - expected a folder of your own groups after --config-dir"
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(error, written=None)
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key}: {reason(error)}" if error.full_key else reason(error)
    if isinstance(error, yaml.YAMLError):
        return "this is not YAML: " + " ".join(str(error).split())
    return None


def _refused(cause: BaseException | None) -> str | None:
    """What a constructor had against its arguments, where that is addressed to the user."""
    # Lightning's, which is not imported here; and what a device needs that is not installed, such as torch_xla
    if type(cause).__name__ in ("MisconfigurationException", "ModuleNotFoundError"):
        return f"trainer: {cause}"
    return message_for(cause) if isinstance(cause, SeglabError) else None


def _unreadable(error: OverrideParseException) -> str:
    said = [line for line in error.message.splitlines() if not line.startswith(("Error parsing override", "See "))]
    why = f" ({said[0]}) - quote a value with special characters" if "=" in error.override and said else ""
    return f"cannot read the override {error.override!r}; expected key=value{why}"


def _missing_config(error: MissingConfigException) -> str:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if not group:
        return f"no configuration file {option!r}; expected the name of a YAML file beside conf/train.yaml"
    if not error.options:
        return f"no option {option!r} for {group!r}, which is no group with options in conf/ or --config-dir"
    near = did_you_mean(option, error.options)
    return f"no option {option!r} for {group!r}{near}\n  {group} can be: {', '.join(error.options)}"


def _composition(error: ConfigCompositionException) -> str | None:
    text, cause = str(error), error.__cause__
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(cause, written=text.rpartition("config use +")[2] or None)
    if isinstance(cause, OmegaConfBaseException):
        return f"{cause.full_key}: {reason(cause)}"
    if text.startswith("Ambiguous value for argument"):
        override = _first_line(error).partition("'")[2].removesuffix("'")
        key, _, values = override.partition("=")
        return (
            f"{override!r} holds several values; expected one - to run each of them add -m, "
            f"to pass a list write {key}=[{values}]"
        )
    if cause is not None:
        return message_for(cause)
    return " ".join(text.split())


def _unknown_key(error: ConfigKeyError | ConfigAttributeError, *, written: str | None) -> str:
    """Names the keys that are there; `written` is the override as it was typed."""
    node, key = error.parent_node, str(error.key)
    where = (error.full_key or key).rpartition(".")[0]
    known = [str(name) for name in node if not str(name).startswith("_")] if isinstance(node, DictConfig) else []
    if not where:
        known = ["experiment", *(name for name in known if name != "hydra")]  # a group without a key of its own
    target = _target(node)
    definition = find_definition(target) if target else None
    arguments = list(definition.parameters) if definition else []
    if written is not None and key in arguments:
        return f"{where} does not set {key!r} yet; to add this argument of {target} write +{written}"
    near = get_close_matches(key, [*known, *arguments], n=1)
    hint = f" - did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(sorted(known))}" if known else ""
    return f"no key {key!r} in {f'{where!r}' if where else 'the configuration'}{hint}"


def _target(node: object) -> str | None:
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return None
    try:
        return str(OmegaConf.select(node, "_target_", throw_on_resolution_failure=False))
    except OmegaConfBaseException:
        return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _make_own_modules_importable() -> None:
    """For `_target_: mylosses.Focal` of the current folder, which python -m sees and a console script does not."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # last, so that no file there can stand in for a library


@contextmanager
def _exceptions_reach_us() -> Iterator[None]:
    """Hydra prints errors itself and exits unless this variable is set."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before


@contextmanager
def _console_log() -> Iterator[None]:
    """What the logger `seglab` says goes to standard error while a command runs."""
    logger, handler = logging.getLogger("seglab"), logging.StreamHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
