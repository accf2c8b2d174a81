"""Measurements for a process that imports no torch: one line of JSON for each configuration."""

import io
import json
import sys

import pytest

from seglab.diagnostics.served import serve


def test_a_failure_is_told_in_its_place_and_no_traceback(monkeypatch, capsys):
    def measure(config):
        print("what a library prints is no result")
        return {"half": 10 / config["by"]}

    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps([{"by": 4}, {"by": 0}, {"by": 5}])))
    serve(measure)
    shown = capsys.readouterr()
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        {"half": 2.5}, {"error": "ZeroDivisionError: division by zero"}, {"half": 2.0},
    ]  # fmt: skip
    assert "what a library prints" in shown.err


@pytest.mark.parametrize("message", ["CUDA out of memory. Tried to allocate 2 GiB\nGPU 0 has", "CUDA out of memory. "])
def test_too_little_memory_is_said_in_a_line(monkeypatch, capsys, message):
    import torch

    def measure(config):
        raise torch.OutOfMemoryError(message)

    monkeypatch.setattr(sys, "stdin", io.StringIO("[{}]"))
    serve(measure)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"error": f"out of memory: {message.splitlines()[0].strip()}"}
