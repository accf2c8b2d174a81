"""record.json, the lock and the identity of a configuration."""

import json
import os
import socket
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
import yaml

from seglab import runs
from seglab.errors import SeglabError


def test_record_grows_and_is_never_half_written(tmp_path):
    assert runs.read_record(tmp_path) is None
    runs.update_record(tmp_path, status="running", seed=1)
    runs.update_record(tmp_path, status="finished")
    assert runs.read_record(tmp_path) == {"status": "finished", "seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "record.json").write_text('{"status": ')
    with pytest.raises(SeglabError, match=r"record\.json is not JSON"):
        runs.read_record(tmp_path)


def test_record_says_where_it_comes_from(tmp_path):
    record = runs.start_record(tmp_path, config={"seed": 3}, overrides=["seed=3"])
    assert record["versions"]["torch"]
    assert record["pid"]
    assert (record["seed"], record["attempts"], record["status"]) == (3, 1, "running")
    assert runs.start_record(tmp_path, config={"seed": 3}, overrides=["seed=3"])["attempts"] == 2


CONFIG = {
    "seed": 1,
    "output": "outputs",
    "loss": {"gamma": 2.0},
    "data": {"root": "/a", "size": [64, 64]},
    "logger": {"csv": {}},
}


def test_fingerprint_is_of_what_decides_the_result():
    elsewhere = CONFIG | {
        "output": "/x",
        "logger": {"wandb": {"project": "p"}},
        "data": {"root": "/b", "size": [64, 64]},
    }
    assert runs.fingerprint(CONFIG) == runs.fingerprint(elsewhere)
    assert runs.fingerprint(CONFIG) != runs.fingerprint(CONFIG | {"seed": 2})
    assert runs.fingerprint(CONFIG) != runs.fingerprint(CONFIG | {"data": {"root": "/a", "size": [64, 32]}})


def test_folder_of_another_experiment_is_refused_with_the_difference(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    runs.check_same_experiment(tmp_path, CONFIG | {"output": "elsewhere"})
    with pytest.raises(SeglabError, match=r"loss\.gamma: 2\.0 -> 3\.0"):
        runs.check_same_experiment(tmp_path, CONFIG | {"loss": {"gamma": 3.0}})


def test_second_process_in_a_folder_is_refused_and_a_dead_one_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("seglab.runs.lock.PATIENCE", 0.1)
    holder = (
        "import sys\nfrom pathlib import Path\nfrom seglab import runs\n"
        "with runs.only_process_in(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "in\n"
    (tmp_path / "record.json").write_text(json.dumps({"pid": process.pid, "host": "here"}))
    with pytest.raises(SeglabError, match=rf"in use by process {process.pid} on here"), runs.only_process_in(tmp_path):
        pass
    process.kill()
    process.communicate()
    with runs.only_process_in(tmp_path):
        pass


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
