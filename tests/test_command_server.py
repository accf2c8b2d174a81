"""A command that is forked from tests/command_server.py is the command that a user starts."""

import subprocess

import pytest

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
