"""A Hydra application as a command: a mistake of the user becomes one readable message, a bug its full traceback."""

import argparse
import functools
import inspect
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig

from seglab import runs
from seglab.config.help import help_text
from seglab.config.hydra_node import only_known_is_run, refuse_pickled_run
from seglab.config.messages import message_for
from seglab.config.schemas import FOLDER
from seglab.errors import Interrupted, SeglabError
from seglab.runs.files import RUN_LOG

USER_ERROR, BUG, INTERRUPTED = 2, 1, 130

P = ParamSpec("P")
R = TypeVar("R")

_running = False  # this process is inside `run`
_errors: list[Exception] = []
_results: list[Any] = []  # of the task: one, or those of a multirun's jobs


def run(task: Callable[[], object], *, finish: Callable[[list[Any]], int] = lambda results: 0) -> None:
    """Calls a function decorated with hydra.main, which itself returns nothing, then `finish`.

    Args:
        finish: called with what the task returned, of a multirun for each job; returns the exit code of a good end.

    Raises:
        SystemExit: with 2 after a mistake of the user, 130 (143) after Ctrl-C (SIGTERM), 1 after anything unforeseen.
    """
    global _running
    _make_own_modules_importable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an é in a path must not end a run that has finished
    _running = True
    with _console_log(), _exceptions_reach_us(), only_known_is_run():
        _errors.clear()
        _results.clear()
        code = max(_exit_code(lambda: _raising(task)), _exit_code(lambda: finish(list(_results))))
    if code:
        sys.exit(code)


def reported(function: Callable[P, R]) -> Callable[P, R | None]:
    """A task whose errors and results are left to `run`, which Hydra would print or drop. Stands below @hydra.main."""

    @functools.wraps(function)
    def task(*args: P.args, **kwargs: P.kwargs) -> R | None:
        if HydraConfig.initialized() and HydraConfig.get().job.chdir:
            os.chdir(HydraConfig.get().runtime.cwd)  # all paths are of the folder in which the command was typed
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            if not _running:  # the worker process of a launcher: only Hydra can hand the error to the parent
                raise
            _errors.append(error)
            return None
        _results.append(result)
        return result

    return task


def _raising(task: Callable[[], object]) -> int:
    """0 after a good end. Raises the first error of the task, or of the jobs of a multirun."""
    asked = _arguments(sys.argv[1:])
    name = _name(task)
    if asked.help and (FOLDER / f"{name}.yaml").is_file():
        print(help_text(name, asked.overrides, config_dir=asked.config_dir))
        return 0
    refuse_pickled_run(sys.argv[1:])
    task()
    if _errors:
        raise _errors[0]
    return 0


def _exit_code(step: Callable[[], int]) -> int:
    """What `step` returns; after an exception its code, when it has been told."""
    try:
        return step()
    except KeyboardInterrupt:
        _say_once("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `... --help | head`: who read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python can flush it at its end
        return 0
    except Interrupted as error:
        _say_once(str(error))
        return 128 + error.signal_number
    except Exception as error:
        message = message_for(error)
        if message is None:
            traceback.print_exception(error)
            return BUG
        print(f"seglab: {message}", file=sys.stderr)
        return USER_ERROR


def _say_once(message: str) -> None:
    """What all processes of a training on several devices have to say."""
    if runs.is_first_process():
        print(f"seglab: {message}", file=sys.stderr)


def _name(task: Callable[[], object]) -> str:
    """'train' of the task in seglab/train.py, 'runs' of that in seglab/runs/__main__.py."""
    path = Path(inspect.unwrap(task).__code__.co_filename)
    return path.parent.name if path.stem == "__main__" else path.stem


def _arguments(arguments: list[str]) -> argparse.Namespace:
    """What was typed, as Hydra's parser reads it.

    Raises:
        SeglabError: for what that parser would answer with its usage, in twelve lines.
    """

    def refuse(message: str) -> NoReturn:
        left = message.removeprefix("unrecognized arguments: ").split() if message.startswith("unrecognized") else []
        flag = next((word for word in left if word.startswith("-")), None)
        if flag is not None:
            key, _, value = flag.lstrip("-").replace("-", "_").partition("=")
            behind = [*arguments[arguments.index(flag) + 1 :], "VALUE"][0] if flag in arguments else "VALUE"
            raise SeglabError(
                f"{flag} is no flag; expected values as key=value, without dashes - write {key}={value or behind} "
                "(--help lists the keys)"
            )
        if left:
            raise SeglabError(
                f"{left[0]} stands behind a flag that stands behind other values; expected flags such as -m in front "
                "of all key=value - move them to the front"
            )
        raise SeglabError(f"{message} - --help shows what can be typed")

    parser = get_args_parser()
    parser.error = refuse
    return parser.parse_args(arguments)


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
    handler.addFilter(lambda record: record.name != RUN_LOG)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
