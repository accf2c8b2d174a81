"""A command that is forked from tests/command_server.py is the command that a user starts."""

import os
import signal
import subprocess
import sys

import pytest

from tests.forked import Forked
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow


def test_answers_as_an_interpreter_that_starts_for_it(command):
    for arguments in (("model.widht=3",), ("--cfg", "job")):
        forked, fresh = (command("train", *arguments, fresh=fresh) for fresh in (False, True))
        assert (forked.args, forked.returncode) == (fresh.args, fresh.returncode)
        assert forked.stdout == fresh.stdout
        assert forked.stderr == fresh.stderr
        assert forked.stdout + forked.stderr


def test_is_killed_when_it_takes_too_long_and_harms_no_other(command):
    with pytest.raises(subprocess.TimeoutExpired):
        command("train", timeout=0.1)
    assert command("train", "--help").returncode == 0


def test_is_begun_and_killed_beside_another(started):
    first, second = started("train", "--help"), started("train", "trainer.max_epochs=1000", new_session=True)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.1)
    assert second.poll() is None
    assert os.getpgid(second.pid) == second.pid
    output, _ = first.communicate(PATIENCE)
    assert first.returncode == 0
    assert "loss" in output
    second.kill()
    assert second.wait(PATIENCE) == -signal.SIGKILL


SERVING = """
import multiprocessing, os, subprocess, sys

forking = multiprocessing.get_context("forkserver")


def tell():
    ours = [name for name in sys.modules if name.partition(".")[0] == "seglab"]
    server = subprocess.run(["ps", "-o", "ppid=,args=", "-p", str(os.getppid())], capture_output=True, text=True)
    print(os.environ["LATE"], os.getcwd() == sys.argv[1], "torch" in sys.modules, ours, *server.stdout.split()[:1])


if __name__ == "__main__":
    import seglab.runs
    os.environ["LATE"] = "late"
    os.chdir(sys.argv[1])
    for _ in range(2):
        process = forking.Process(target=tell)
        process.start()
        process.join()
"""


def test_the_server_that_multiprocessing_starts_in_one_knows_what_was_set_and_nothing_of_seglab(
    command_server, environment, tmp_path
):
    (tmp_path / "serving.py").write_text(SERVING)
    (tmp_path / "elsewhere").mkdir()
    process = Forked(
        command_server, [sys.executable, "-m", "serving", str(tmp_path / "elsewhere")],
        folder=tmp_path, environment=environment,
    )  # fmt: skip
    output, _ = process.communicate(PATIENCE)
    assert output == f"late True True [] {process.pid}\n" * 2
