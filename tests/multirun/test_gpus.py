"""GPUs are dealt out one to each job; none is needed to test it."""

import os
import signal
import subprocess
import sys

import pytest

from seglab.multirun import gpus


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))


def test_slots_are_asked_for_or_those_that_this_process_may_see(monkeypatch):
    monkeypatch.delenv("SEGLAB_GPUS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-3f1c")
    assert gpus.slots() == ["2", "GPU-3f1c"]
    monkeypatch.setenv("SEGLAB_GPUS", "0,1,1")
    assert gpus.slots() == ["0", "1", "1"]
    for nothing in ("", "-1"):
        monkeypatch.setenv("SEGLAB_GPUS", nothing)
        assert gpus.slots() == []


def test_each_job_gets_another_gpu_and_the_next_one_waits(caplog, monkeypatch):
    caplog.set_level("INFO", logger="seglab")
    monkeypatch.setattr(gpus, "_PAUSE", 0.0)
    with gpus.one_of(["0", "1", "1"], title="a") as first, gpus.one_of(["0", "1", "1"], title="b") as second:
        third = gpus.one_of(["0", "1", "1"], title="c")
        assert (first, second, third.__enter__()) == ("0", "1", "1")
        waiting = gpus.one_of(["0", "1", "1"], title="[4] loss=ce")
        monkeypatch.setattr(gpus.time, "sleep", lambda seconds: third.__exit__(None, None, None))
        with waiting as fourth:
            assert fourth == "1"
    assert "[4] loss=ce  waiting for a free GPU of 0, 1, 1" in caplog.text


def test_without_gpus_nothing_is_dealt():
    with gpus.one_of([], title="a") as name:
        assert name is None


def test_a_killed_holder_gives_its_gpu_back(tmp_path):
    code = (
        "import sys, time; from seglab.multirun import gpus\n"
        f"gpus.tempfile.gettempdir = lambda: {str(tmp_path)!r}\n"
        "with gpus.one_of(['0'], title='a'): print('in', flush=True); time.sleep(900)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    assert gpus._first_free(gpus._locks(["0"])) is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with gpus.one_of(["0"], title="b") as name:
        assert name == "0"
