"""`python -m seglab.evaluate` as a user types it, on a tiny run."""

import json

import pytest


@pytest.mark.slow
def test_command_on_a_trained_run(command, tmp_path):
    assert command("train").returncode == 0
    (run,) = (tmp_path / "outputs" / "runs").iterdir()
    before = json.loads((run / "record.json").read_text())
    first = command("evaluate", f"run={run.relative_to(tmp_path)}", small=False, fresh=True)
    assert first.returncode == 0, first.stderr
    second = command("evaluate", f"run={run}", "split=train", "limit=2", "checkpoint=last", "flip=true", small=False)
    assert second.returncode == 0, second.stderr
    record = json.loads((run / "record.json").read_text())
    assert {key: record[key] for key in before} == before
    one, other = record["evaluations"].values()
    # At the network's size this is the validation of the training.
    assert one["network"]["metrics"]["miou"] == pytest.approx(before["best"]["metrics"]["miou"], abs=1e-12)
    assert one["official"]["averageScoreClasses"] == pytest.approx(one["original"]["metrics"]["miou"], abs=1e-12)
    assert other["protocol"]["images"] == 2
    assert other["protocol"]["dataset"] == "synthetic"
    assert "official Cityscapes protocol: IoU class" in first.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"outputs", "my_conf"}


@pytest.mark.exhaustive
@pytest.mark.slow
def test_several_crfs_are_tried_by_one_command_and_told_apart(command, tmp_path):
    assert command("train").returncode == 0
    (run,) = (tmp_path / "outputs" / "runs").iterdir()
    assert command("evaluate", f"run={run}", "split=val", small=False).returncode == 0
    tried = command("evaluate", "-m", f"run={run}", "split=val", "post=crf", "crf.bilateral_weight=4,10", small=False)
    assert tried.returncode == 0, tried.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"outputs", "my_conf"}
    plain, *refined = json.loads((run / "record.json").read_text())["evaluations"].values()
    assert "post" not in plain["protocol"]
    assert [one["protocol"]["post"]["bilateral_weight"] for one in refined] == [4.0, 10.0]
    wrong = command("evaluate", f"run={run}", "post=crf", "crf.sd=3", small=False)
    assert wrong.returncode == 2
    assert "no key 'sd' in 'crf'" in wrong.stderr


@pytest.mark.slow
def test_command_reports_mistakes_without_a_traceback(command, tmp_path):
    done = command("evaluate", "run=nowhere", "splt=val", small=False)
    assert done.returncode == 2
    assert "did you mean 'split'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nowhere").exists()
