"""`python -m seglab.report` as a user types it, on runs trained once for all of these tests."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages.html import Page

pytestmark = pytest.mark.slow

JOB = "experiment-tiny_loss-{}_trainer.max_epochs-1"


@pytest.fixture(scope="module")
def trained(environment, tiny_experiment, tmp_path_factory) -> Path:
    """A folder with outputs/sweeps/losses of two jobs of one epoch, and outputs/runs/exp1, a copy of the first."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "my_conf" / "experiment").mkdir(parents=True)
    (folder / "my_conf" / "experiment" / "tiny.yaml").write_text(tiny_experiment)
    words = ["-m", "--config-dir", "my_conf", "experiment=tiny", "trainer.max_epochs=1", "loss=ce,dice", "sweep=losses"]
    done = subprocess.run(
        [sys.executable, "-m", "seglab.train", *words], cwd=folder, env=environment, text=True, capture_output=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shutil.copytree(folder / "outputs" / "sweeps" / "losses" / JOB.format("ce"), folder / "outputs" / "runs" / "exp1")
    return folder


@pytest.fixture
def here(trained, tmp_path):
    """The trained runs in the folder in which commands are typed."""
    shutil.copytree(trained / "outputs", tmp_path / "outputs")
    return tmp_path


def test_a_training_leaves_its_page_and_its_confusion_matrix(trained):
    for job in (trained / "outputs" / "sweeps" / "losses").glob("*/"):
        page = Page((job / "report.html").read_text())
        assert page.find("h1")[0]["text"] == f"losses/{job.name}"
        assert {"Curves", "Classes", "Confusion matrix", "Pictures over the epochs", "Cost"} <= {
            one["text"] for one in page.find("h2")
        }
        record = json.loads((job / "record.json").read_text())
        pixels = sum(scores["pixels"] for scores in record["best"]["classes"].values())
        lines = (job / "confusion.csv").read_text().splitlines()[1:]
        assert sum(int(cell) for line in lines for cell in line.split(",")[1:]) == pixels
        assert "report" not in (job / "run.log").read_text()  # nothing went wrong


def test_a_run_by_its_name_with_what_came_later(command, here):
    done = command("evaluate", "run=exp1", small=False)
    assert done.returncode == 0, done.stderr
    done = command("report", "run=exp", small=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("outputs/runs/exp1/report.html, ")
    page = Page((here / "outputs" / "runs" / "exp1" / "report.html").read_text())
    assert any(one["text"].startswith("synthetic_val_best") for one in page.find("summary"))
    assert not (here / "outputs" / "runs" / "exp1" / "curves.png").exists()


def test_several_runs_and_a_sweep_with_the_curves_as_a_file(command, here):
    for words, path in (
        ([f"run=[exp1,losses/{JOB.format('dice')}]"], "outputs"),
        (["sweep=losses"], "outputs/sweeps/losses"),
        (["run=outputs/sweeps/losses"], "outputs/sweeps/losses"),
    ):
        done = command("report", *words, "curves=true", small=False)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout.splitlines()[-1] == f"{path}/curves.png"
        (table,) = Page((here / path / "report.html").read_text()).find("table", class_="scores compared")
        assert len([line for line in ("ce", "dice") if line in table["text"]]) == 2
        (here / path / "report.html").unlink()
    done = command("report", "run=exp1", "output=pages/one.html", small=False)
    assert done.returncode == 0, done.stderr
    assert (here / "pages" / "one.html").is_file()


def test_mistakes(command, here):
    for words, message in (
        ([], "expected run=NAME, run=[NAME,NAME] or sweep=NAME; came neither"),
        (["run=exp1", "sweep=losses"], "came both"),
        (["run=exp2"], "run=exp2: expected a run"),
        (["sweep=loses"], "did you mean 'losses'?"),
        (["run=exp1", "output=outputs"], "output=outputs is a folder; expected the name of the page's file"),
        (["run=exp1", "curve=true"], "curve"),
    ):
        done = command("report", *words, small=False)
        assert done.returncode == 2, words
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_no_torch_is_imported_for_runs_that_have_ended(here, environment):
    code = """
import sys
from seglab import report
sys.argv = ["seglab-report", "sweep=losses"]
report.main()
print([name for name in ("torch", "lightning", "numpy", "cv2", "matplotlib", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
