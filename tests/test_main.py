"""`seglab COMMAND ...`: what python -m seglab.COMMAND does, and a helpful answer to anything else."""

import sys

import pytest

from seglab import __main__ as entry
from seglab.config.help import commands


@pytest.fixture
def typed(monkeypatch, capsys):
    """`typed("trian")`: (exit code, standard output, standard error)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seglab", *arguments])
        code = 0
        try:
            entry.main()
        except SystemExit as error:
            code = int(error.code or 0)
        return code, *capsys.readouterr()

    return run


def test_alone_it_lists_the_commands(typed):
    assert typed() == typed("--help")
    code, shown, _ = typed()
    assert code == 0
    assert all(f"  {call}" in shown for call, _ in commands().values())


def test_an_unknown_command_is_compared_with_those_that_there_are(typed):
    code, shown, said = typed("trian", "loss=dice")
    assert (code, shown) == (2, "")
    assert said.startswith("seglab: expected a command, one of benchmark, ")
    assert said.endswith("; came 'trian' - did you mean 'train'?\n")


def test_a_command_gets_the_arguments_behind_it(typed, monkeypatch):
    for name in ("seglab.train", "seglab.runs.__main__"):
        monkeypatch.delitem(sys.modules, name, raising=False)  # runpy warns where a test before imported it
    code, shown, _ = typed("train", "loss=dice", "--cfg", "job")
    assert code == 0
    assert "_target_: seglab.losses.Dice" in shown
    assert typed("runs", "--help")[1].startswith("seglab.runs - ")
    code, _, said = typed("train", "losss=dice")
    assert code == 2
    assert "did you mean 'loss'" in said


def test_every_file_at_the_root_with_a_task_is_a_command():
    assert {"train", "evaluate", "predict", "table", "runs", "sweeps", "check_data", "benchmark"} <= {*commands()}
    assert all(call.startswith(f"python -m seglab.{name}") and meaning for name, (call, meaning) in commands().items())
