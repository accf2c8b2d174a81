"""A command in a process of its own: which module, where its words go, what it does not inherit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seglab import PACKAGE
from seglab.multirun import process
from tests.waiting import PATIENCE

PROGRAM = """
import os, sys
print(sys.argv[1:], os.environ.get("LOCAL_RANK"), os.environ.get("CUDA_VISIBLE_DEVICES"))
print("a line of the log", file=sys.stderr)
sys.exit(5)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(PACKAGE.parent)]))
    monkeypatch.setenv("LOCAL_RANK", "1")
    return "program"


def test_what_a_module_prints_is_appended_to_the_file(module: str, tmp_path: Path) -> None:
    output = tmp_path / "output.log"
    output.write_text("before\n")
    job = process.start(["a=1"], output=output, fork=False, gpu="3", module=module)
    assert job.wait(PATIENCE) == 5
    assert output.read_text() == "before\n['a=1'] None 3\na line of the log\n" or (
        output.read_text() == "before\na line of the log\n['a=1'] None 3\n"  # standard output is written at the end
    )


def test_without_a_file_only_its_log_is_seen(module: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert process.start(["a=1"], output=None, fork=True, module=module).wait(None) == 5
    assert capfd.readouterr() == ("", "a line of the log\n")


def test_a_job_that_runs_has_no_exit_code_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program.py").write_text("input()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = process.start([], output=None, fork=False, module="program")
    assert job.wait(0.01) is None
    job.send(9)
    assert job.wait(PATIENCE) == -9


@pytest.mark.exhaustive
@pytest.mark.slow
def test_jobs_run_where_the_temporary_folder_has_a_long_name(environment, tiny, tmp_path):
    """The fork server's socket has no room there, and those of the loader's workers have none either."""
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "seglab.train", "-m", *tiny, "seed=1", "trainer.max_epochs=1", "data.num_workers=2",
         "sweep=long"],
        cwd=tmp_path, env={**environment, "TMPDIR": str(temporary)}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "outputs" / "sweeps" / "long").glob("*/checkpoints/last.ckpt"))) == 1
