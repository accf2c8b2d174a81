"""What a user reads, and which exit code the shell gets, when a command goes wrong."""

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from seglab import PACKAGE
from seglab.config import command
from seglab.errors import Interrupted, SeglabError


@dataclass
class ToyConfig:
    loss: Any = MISSING
    data: Any = MISSING
    optimizer: Any = MISSING
    seed: int = MISSING


FILES = {
    "toy.yaml": "defaults: [toy_schema, _self_, loss: dice, data: toy, optimizer: sgd, experiment: null]\nseed: 1\n",
    "loss/dice.yaml": "gamma: 2\nwrong: ${nothing.there}\nsecret: ${oc.env:SEGLAB_NO_SUCH}\nopen: ???\n",
    "loss/ce.yaml": "gamma: 1\n",
    "data/toy.yaml": "size: [1, 2]\n",
    "data/broken.yaml": "size: [1, 2\n",
    "optimizer/sgd.yaml": "_target_: torch.optim.SGD\nlr: 0.1\n",
    "experiment/small.yaml": "# @package _global_\nseed: 2\n",
}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("seed=2", task=function)`: the exit code and the standard error of a small Hydra application."""
    ConfigStore.instance().store(name="toy_schema", node=ToyConfig)
    for name, text in FILES.items():
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    quiet = ("hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none")

    def run(
        *arguments: str,
        task: Callable[[DictConfig], object] = lambda cfg: None,
        finish: Callable[[list[object]], int] = lambda results: 0,
    ) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["toy", *arguments, *quiet])
        main = hydra.main(version_base="1.3", config_path=str(tmp_path / "conf"), config_name="toy")(task)
        try:
            command.run(main, finish=finish)
        except SystemExit as end:
            return int(end.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


def test_a_good_end(run: Run) -> None:
    assert run("seed=3") == (0, "")


def _raising(error: BaseException) -> Callable[[DictConfig], None]:
    def task(cfg: DictConfig) -> None:
        raise error

    return task


def test_a_bug_keeps_its_traceback(run: Run) -> None:
    code, stderr = run(task=_raising(KeyError("a bug")))
    assert code == 1
    assert "Traceback" in stderr
    assert "KeyError: 'a bug'" in stderr


def test_interruptions(run: Run) -> None:
    assert run(task=_raising(KeyboardInterrupt())) == (130, "seglab: interrupted\n")
    assert run(task=_raising(Interrupted(signal.SIGINT)))[0] == 130
    assert run(task=_raising(Interrupted(signal.SIGTERM)))[0] == 143
    assert run(task=_raising(SystemExit(7)))[0] == 7


def test_a_letter_that_the_terminal_does_not_know_ends_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    assert run(task=lambda cfg: print("Z\u00fcrich"))[0] == 0
    stdout.seek(0)
    assert stdout.read() == "Z\\xfcrich\n"


def test_paths_are_of_the_folder_in_which_the_command_was_typed(run: Run, tmp_path: Path) -> None:
    folders: list[str] = []
    task = command.reported(lambda cfg: folders.append(os.getcwd()))
    code, _ = run("hydra.job.chdir=true", "hydra.run.dir=there", task=task)
    assert (code, folders) == (0, [str(tmp_path)])


def test_a_mistake_that_is_found_at_the_end_is_told_as_any_other(run: Run) -> None:
    def finish(results: list[object]) -> int:
        raise SeglabError("sweep.json is damaged")

    assert run(finish=finish) == (2, "seglab: sweep.json is damaged\n")


def test_finish_is_called_in_any_case_and_decides_after_a_good_end(run: Run) -> None:
    called = []

    def finish(results: list[object]) -> int:
        called.append(results)
        return 1

    assert run(finish=finish)[0] == 1
    assert run(finish=finish, task=_raising(KeyboardInterrupt()))[0] == 130
    assert run("sede=2", finish=finish)[0] == 2
    assert called == [[], [], []]


def test_what_the_jobs_return_reaches_finish_which_makes_the_exit_code(run: Run) -> None:
    called = []

    def finish(results: list[int]) -> int:
        called.append(results)
        return max(results, default=0)

    task = command.reported(lambda cfg: cfg.seed)
    assert run("seed=5", task=task, finish=finish)[0] == 5
    assert run("-m", "seed=3,7,4", task=task, finish=finish)[0] == 7
    assert run("seed=abc", task=task, finish=finish)[0] == 2
    assert called == [[5], [3, 7, 4], []]


def test_the_environment_and_the_log_are_as_before(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def task(cfg: DictConfig) -> None:
        seen.append(os.environ["HYDRA_FULL_ERROR"])
        logging.getLogger("seglab").info("hello")

    code, stderr = run(task=task)
    assert (code, stderr, seen) == (0, "hello\n", ["1"])
    assert os.environ["HYDRA_FULL_ERROR"] == "0"
    monkeypatch.delenv("HYDRA_FULL_ERROR")
    run()
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert logging.getLogger("seglab").handlers == []


def test_modules_of_the_current_folder_can_be_imported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my_toy_losses.py").write_text("VALUE = 3\n")
    sys.path[:] = [folder for folder in sys.path if folder]

    def task(cfg: DictConfig) -> None:
        import my_toy_losses

        assert my_toy_losses.VALUE == 3

    assert run(task=task) == (0, "")
    assert sys.path[-1] == str(tmp_path)


def test_importing_the_command_imports_nothing_heavy() -> None:
    program = "import sys, seglab.config.command; print({'torch', 'lightning', 'numpy'} & set(sys.modules))"
    root = PACKAGE.parent
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert result.stdout.strip() == "set()"
