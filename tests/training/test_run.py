"""What a run's record says of each end, and which runs are continued."""

import errno
import importlib
import shutil
import signal
import socket

import pytest

from seglab import runs
from seglab.errors import DiskFullError, Interrupted, SeglabError
from seglab.training.further import continued_run
from seglab.training.run import train


@pytest.fixture
def ends(monkeypatch):
    """`ends(error)`: every training ends with it; `ends(None)`: well; `deletes`: its folder first."""

    def patch(error, *, deletes=False):
        def fit(config, folder):
            if deletes:
                shutil.rmtree(folder)
            if error is not None:
                raise error
            return {"epochs": 2}

        monkeypatch.setattr(importlib.import_module("seglab.training.fit"), "fit", fit)
        monkeypatch.setattr("seglab.display.scores.print_run", lambda record, folder: None)

    return patch


def test_a_failure_leaves_its_traceback(tiny_config, tmp_path, ends):
    ends(ValueError("x is wrong"))
    with pytest.raises(ValueError, match="x is wrong"):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    record = runs.read_record(tmp_path / "run")
    assert (record["status"], record["error"]) == ("failed", "ValueError: x is wrong")
    assert "ValueError: x is wrong" in (tmp_path / "run" / record["traceback"]).read_text()


def test_a_failure_is_recorded_where_its_traceback_cannot_be_written(tiny_config, tmp_path, ends):
    ends(ValueError("x is wrong"))
    (tmp_path / "run" / "traceback.txt").mkdir(parents=True)
    with pytest.raises(ValueError, match="x is wrong"):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    record = runs.read_record(tmp_path / "run")
    assert (record["status"], record["error"], record["traceback"]) == ("failed", "ValueError: x is wrong", None)


@pytest.mark.parametrize(
    "error", [DiskFullError("expected room"), OSError(errno.ENOSPC, "No space left"), OSError(errno.EDQUOT, "quota")]
)
def test_on_a_full_disk_a_run_is_interrupted_and_goes_on(tiny_config, tmp_path, ends, error):
    ends(error)
    with pytest.raises(type(error)):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    record = runs.read_record(tmp_path / "run")
    assert (record["status"], str(error) in record["error"]) == ("interrupted", True)
    ends(None)
    assert train(tiny_config(), tmp_path / "run", overrides=["seed=1"])["status"] == "finished"


class UncompletedJobError(RuntimeError):
    """What submitit raises out of its signal handler where it may not requeue the job."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UncompletedJobError("Job not requeued because: timed-out too many times."), "SLURM's time limit"),
        (SystemExit(-1), "SystemExit"),  # submitit, when it has requeued the job
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
    ids=["time limit", "preempted", "ctrl-c"],
)
def test_what_the_world_has_ended_is_interrupted(tiny_config, tmp_path, ends, error, said):
    ends(error)
    with pytest.raises(type(error)):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    record = runs.read_record(tmp_path / "run")
    assert record["status"] == "interrupted"
    assert record["error"].startswith(said)


@pytest.mark.parametrize("error", [None, FileNotFoundError("metrics.csv")])
def test_a_run_whose_folder_is_deleted_is_not_finished(tiny_config, tmp_path, ends, error):
    ends(error, deletes=True)
    with pytest.raises(SeglabError, match=r"run was deleted or moved while the run wrote into it"):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    assert not (tmp_path / "run").exists()


def test_partial_files_of_a_killed_process_are_cleaned_up(tiny_config, tmp_path, ends):
    ends(None)
    for name in ("checkpoints/.last.ckpt", ".record.json", "evaluations/.camvid_val_best"):
        partial = tmp_path / "run" / f"{name}.{socket.gethostname()}-{2**22 + 1}.partial"
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
    train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_an_interruption_says_how_to_go_on_whatever_the_folder_is_called(tiny_config, tmp_path, ends, caplog):
    folder = tmp_path / "é (x)"
    ends(Interrupted(signal.SIGTERM))
    with pytest.raises(Interrupted):
        train(tiny_config(), folder, overrides=["seed=1"])
    assert runs.read_record(folder)["status"] == "interrupted"
    assert f"to continue: python -m seglab.train 'resume=\"{folder}\"'" in caplog.text
    ends(None)
    cfg, overrides, _ = continued_run(folder, [f"resume={folder}"])
    record = train(cfg, folder, overrides=overrides)
    assert (record["status"], record["attempts"], record["overrides"], record["epochs"]) == (
        "finished",
        2,
        ["seed=1"],
        2,
    )
    ends(ValueError("trained again"))
    assert train(cfg, folder, overrides=overrides) == record


def test_what_is_refused_before_the_first_step_leaves_no_folder(tiny_config, tmp_path, ends):
    folder = tmp_path / "outputs" / "runs" / "exp1"
    ends(SeglabError("no data"))
    with pytest.raises(SeglabError, match="no data"):
        train(tiny_config(), folder, overrides=[])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SeglabError, match="no data"):
        train(tiny_config("sweep=s"), folder, overrides=[])  # a job: the sweep's table tells of it
    assert runs.read_record(folder)["error"] == "SeglabError: no data"
    with pytest.raises(SeglabError, match="no data"):
        train(tiny_config(), folder, overrides=[])  # not made by this attempt
    assert folder.is_dir()


def test_the_folder_of_a_failure_in_mid_training_stays(tiny_config, tmp_path, monkeypatch):
    def fit(config, folder):
        (folder / "heartbeat.json").write_text("{}")
        raise SeglabError("a mask is damaged")

    monkeypatch.setattr(importlib.import_module("seglab.training.fit"), "fit", fit)
    with pytest.raises(SeglabError, match="a mask"):
        train(tiny_config(), tmp_path / "run", overrides=[])
    assert runs.read_record(tmp_path / "run")["status"] == "failed"


def test_a_run_ends_as_it_did_where_its_page_cannot_be_written(tiny_config, tmp_path, ends, monkeypatch, caplog):
    ends(None)
    monkeypatch.setattr("seglab.pages.run_page.write_page", lambda *arguments: 1 / 0)
    assert train(tiny_config(), tmp_path / "run", overrides=["seed=1"])["status"] == "finished"
    assert "the page of the run was not written (division by zero); to try again: python -m" in caplog.text


@pytest.mark.parametrize("began", [True, False])
def test_a_failure_has_a_page_once_a_step_is_made(tiny_config, tmp_path, monkeypatch, began):
    def fit(config, folder):
        if began:
            (folder / runs.HEARTBEAT).write_text("{}")
        raise ValueError("x is wrong")

    monkeypatch.setattr(importlib.import_module("seglab.training.fit"), "fit", fit)
    with pytest.raises(ValueError, match="x is wrong"):
        train(tiny_config(), tmp_path / "run", overrides=["seed=1"])
    assert (tmp_path / "run" / "report.html").exists() == began
    if began:
        assert "x is wrong" in (tmp_path / "run" / "report.html").read_text()
