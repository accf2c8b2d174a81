"""How a run stands, by its record, its lock and its heartbeat."""

import json
import os
import socket
from datetime import datetime, timedelta

import pytest

from seglab import runs


def started(folder, **changes):
    runs.start_record(folder, config={"seed": 3}, overrides=["seed=3"])
    return runs.update_record(folder, **changes)


def ago(seconds):
    return (datetime.now().astimezone() - timedelta(seconds=seconds)).isoformat()


def test_a_folder_without_a_record_is_pending(tmp_path):
    assert runs.state(tmp_path) == runs.state(tmp_path / "nothing") == runs.State(status="pending")


def test_running_is_believed_while_the_lock_is_held(tmp_path):
    started(tmp_path)
    with runs.only_process_in(tmp_path):
        state = runs.state(tmp_path)
    assert (state.status, state.pid, state.host, state.attempts) == ("running", os.getpid(), socket.gethostname(), 1)
    assert state.seconds < 60
    assert runs.state(tmp_path).status == "stale"
    (tmp_path / ".lock").unlink()
    assert runs.state(tmp_path).status == "stale"


def test_looking_at_a_run_keeps_nobody_out(tmp_path, monkeypatch):
    started(tmp_path)
    monkeypatch.setattr("seglab.runs.lock.PATIENCE", 0.0)
    for _ in range(3):
        runs.state(tmp_path)
        with runs.only_process_in(tmp_path):
            assert runs.state(tmp_path).status == runs.state(tmp_path).status == "running"


@pytest.mark.parametrize(("beat", "expected"), [(20, "running"), (400, "stale"), (None, "running")])
def test_on_another_host_the_heartbeat_decides(tmp_path, beat, expected):
    started(tmp_path, host="elsewhere", attempted=ago(1000 if beat else 10))
    if beat:
        (tmp_path / "heartbeat.json").write_text(json.dumps({"time": ago(beat), "epoch": 2, "best": 0.4}))
    assert runs.state(tmp_path).status == expected


def test_a_run_continued_on_another_host_is_not_judged_by_its_old_heartbeat(tmp_path):
    (tmp_path / "heartbeat.json").write_text(json.dumps({"time": ago(9000)}))
    started(tmp_path, host="elsewhere")
    assert runs.state(tmp_path).status == "running"


def test_state_says_how_far_a_run_came_and_why_it_ended(tmp_path):
    beat = {"time": ago(5), "epoch": 2, "max_epochs": 9, "step": 7, "total_steps": 36, "best": 0.25}
    (tmp_path / "heartbeat.json").write_text(json.dumps(beat))
    started(tmp_path, status="failed", error="ValueError: x", traceback="traceback.txt", ended=runs.now())
    state = runs.state(tmp_path)
    assert (state.epoch, state.max_epochs, state.step, state.total_steps, state.best) == (2, 9, 7, 36, 0.25)
    assert (state.status, state.error, state.traceback) == ("failed", "ValueError: x", tmp_path / "traceback.txt")
    assert 4 < state.heartbeat_age < 60
    started(tmp_path, status="finished", epochs=9, steps=36, seconds=12.5, monitor={"value": 0.5})
    state = runs.state(tmp_path)
    assert (state.status, state.epoch, state.step, state.best, state.seconds) == ("finished", 9, 36, 0.5, 12.5)
    assert (state.error, state.traceback, state.attempts) == (None, None, 2)


@pytest.mark.parametrize("text", ["", "[]", '{"time": 3}', '{"time": "x"}', '{"best": "x"}', '{"epoch": []}'])
def test_a_damaged_heartbeat_is_none(tmp_path, text):
    started(tmp_path)
    (tmp_path / "heartbeat.json").write_text(text)
    state = runs.state(tmp_path)
    assert (state.status, state.heartbeat_age, state.epoch) == ("stale", None, None)


def test_a_time_in_the_future_is_no_sign_of_life(tmp_path):
    started(tmp_path, host="elsewhere", attempted=ago(-90_000))
    assert runs.state(tmp_path).status == "stale"
    (tmp_path / "heartbeat.json").write_text(json.dumps({"time": ago(-90_000)}))
    state = runs.state(tmp_path)
    assert (state.status, state.seconds, state.heartbeat_age) == ("stale", 0.0, 0.0)
    (tmp_path / "heartbeat.json").write_text(json.dumps({"time": ago(-30)}))  # two clocks never agree
    assert runs.state(tmp_path).status == "running"
