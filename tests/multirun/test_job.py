"""The jobs that a sweep's parent expects are those that Hydra makes, whatever was typed."""

import json
import sys

import pytest

from seglab.config.overrides import quoted
from tests.forked import Forked

CODE = """
import sys
from pathlib import Path
import hydra
from hydra.core.hydra_config import HydraConfig
from seglab import config
from seglab.multirun import launch as sweep
config.register()

@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="train")
def task(cfg):
    settings = HydraConfig.get()
    planned = list(sweep._sweep.jobs.items())[settings.job.num]
    assert planned[0] == Path(settings.runtime.output_dir).name, (planned, settings.runtime.output_dir)
    print("job", len(sweep._sweep.jobs), settings.job.num)

task()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        (["loss=dice,ce", "seed=range(1,4)"], 6),
        pytest.param(["loss=glob(dice*)", "model.base=8"], 3, marks=pytest.mark.exhaustive),
        (["seed=2,1", "+callbacks.mine={_target_: mine.Mine, seed: ${seed}}"], 2),
        pytest.param(["seed=2,1", "name=run-${seed}", "data.labels=[a,'b c'],[x]"], 4, marks=pytest.mark.exhaustive),
        pytest.param(["seed=1,2", "module.mean=${module.std}"], 2, marks=pytest.mark.exhaustive),
        (["seed=1,2", "hydra.sweep.subdir=${hydra.job.num}"], 2),
        pytest.param([], 1, marks=pytest.mark.exhaustive),
    ],
)
def test_planned_jobs_are_those_that_run(command_server, tmp_path, environment, overrides, count):
    (tmp_path / "planned.py").write_text(CODE)
    typed = [sys.executable, "-m", "planned", "-m", *overrides, "sweep=x"]
    process = Forked(command_server, typed, folder=tmp_path, environment=environment, stderr_apart=True)
    stdout, stderr = process.communicate(120)
    assert process.returncode == 0, stderr
    assert stdout.splitlines() == [f"job {count} {number}" for number in range(count)]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_folder_of_any_name_holds_a_sweep_whose_job_is_continued(command, tmp_path):
    name = "é ü = , (x)"
    done = command(
        "train", "-m", "seed=1,2", "callbacks.pictures=null", f"output={quoted(name)}", f"sweep={quoted(name)}"
    )
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / name / "sweeps" / name).glob("*seed*"))
    records = [json.loads((folder / "record.json").read_text()) for folder in folders]
    assert [record["status"] for record in records] == ["finished", "finished"]
    assert [(folder / "output.log").stat().st_mode & 0o111 for folder in folders] == [0, 0]  # text, and no program
    (folders[0] / "record.json").write_text(json.dumps(records[0] | {"status": "interrupted"}))
    resumed = command("train", f"resume={quoted(str(folders[0]))}", small=False)
    assert resumed.returncode == 0, resumed.stderr
    record = json.loads((folders[0] / "record.json").read_text())
    assert (record["status"], record["attempts"]) == ("finished", 2)
    assert (record["best"], record["last"]) == (records[0]["best"], records[0]["last"])
