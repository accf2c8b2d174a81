"""What a real bash completes after `eval "$(seglab completion)"`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seglab.config.help import commands
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

PRESS_TAB = """
set -e
eval "$(seglab completion)"
COMP_LINE="$1" COMP_POINT=${#1}
set +e
_seglab
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def completed(environment, tmp_path_factory):
    """`completed("seglab tr")`: what may stand there in place of the last word."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "seglab").write_text(f'#!/bin/sh\nexec {sys.executable} -m seglab "$@"\n')
    (folder / "seglab").chmod(0o755)

    def press(line: str) -> list[str]:
        done = subprocess.run(
            ["bash", "--norc", "-c", PRESS_TAB, "bash", line], text=True, capture_output=True, timeout=PATIENCE,
            cwd=folder, env={**environment, "PATH": f"{folder}:{environment['PATH']}"},
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.splitlines()

    return press


def test_commands_are_completed_with_a_space(completed):
    assert completed("seglab ") == [f"{name} " for name in commands()]
    assert completed("seglab tr") == ["train "]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_groups_options_and_keys_are_completed(completed):
    assert "model=" in completed("seglab train ")
    assert completed("seglab train mod") == ["model.", "model=", "module."]
    assert completed("seglab train -m loss=dice optimizer.l") == ["optimizer.lr="]
    assert completed("seglab table tab") == ["table="]
    assert completed("seglab train no_such_") == [""]


@pytest.mark.slow
def test_behind_the_equals_sign_only_what_is_new_is_given(completed):
    assert completed("seglab train model=smp_unet_m") == ["smp_unet_mobilenet"]
    assert {"dice", "ce", "focal"} <= {*completed("seglab train model=unet loss=")}


@pytest.mark.slow
def test_files_are_completed_behind_a_key(completed, tmp_path):
    (tmp_path / "cityscapes").mkdir()
    assert completed(f"seglab train data.root={tmp_path}/ci") == [f"{Path(tmp_path, 'cityscapes')}"]
