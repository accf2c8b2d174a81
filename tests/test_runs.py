"""record.json, the lock and the identity of a configuration."""

import json
import subprocess
import sys

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
    monkeypatch.setattr(runs, "PATIENCE", 0.1)
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
