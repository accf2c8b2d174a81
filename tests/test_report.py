"""`python -m seglab.report` as a user types it, on a run trained once for all of these tests."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seglab
from seglab import report, runs
from seglab.errors import SeglabError
from tests.conftest import TINY
from tests.pages.html import Page


@pytest.fixture(scope="module")
def trained(data_folder, tmp_path_factory) -> Path:
    """A folder with outputs/runs/exp1, of one epoch and evaluated, and outputs/sweeps/losses: two jobs made of it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_DATA", str(data_folder))
        patch.chdir(folder)
        run = Path(seglab.fit([*TINY, "trainer.max_epochs=1", "name=exp1"])["folder"])
        left = run / "report.html.first"
        shutil.copy(run / "report.html", left)
        seglab.score(run)
        for loss in ("ce", "dice"):
            job = Path(shutil.copytree(run, f"outputs/sweeps/losses/loss-{loss}"))
            runs.update_record(job, overrides=[f"loss={loss}"])
    return folder


@pytest.fixture
def here(trained, tmp_path, monkeypatch) -> Path:
    """The trained runs in the folder in which commands are typed."""
    shutil.copytree(trained / "outputs", tmp_path / "outputs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_training_leaves_its_page_and_its_confusion_matrix(trained):
    run = trained / "outputs" / "runs" / "exp1"
    page = Page((run / "report.html.first").read_text())
    assert page.find("h1")[0]["text"] == "exp1"
    assert [one["text"] for one in page.find("h2")] == [
        *(["Read this first"] if json.loads((run / "record.json").read_text())["git"]["dirty"] else []),
        "Curves", "Classes", "Confusion matrix", "Pictures over the epochs", "Configuration", "Cost", "Provenance",
    ]  # fmt: skip
    record = json.loads((run / "record.json").read_text())
    pixels = sum(scores["pixels"] for scores in record["best"]["classes"].values())
    lines = (run / "confusion.csv").read_text().splitlines()[1:]
    assert sum(int(cell) for line in lines for cell in line.split(",")[1:]) == pixels
    assert "was not written" not in (run / "run.log").read_text()


@pytest.mark.slow
def test_a_run_by_the_beginning_of_its_name_with_its_evaluation(command, here):
    done = command("report", "run=exp", small=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("outputs/runs/exp1/report.html, ")
    page = Page((here / "outputs" / "runs" / "exp1" / "report.html").read_text())
    assert any(one["text"].startswith("synthetic_val_best") for one in page.find("summary"))
    assert [one["alt"].split(" of ")[0] for one in page.find("img")][1:] == ["best images", "worst images"]
    assert not (here / "outputs" / "runs" / "exp1" / "curves.png").exists()


@pytest.mark.slow
def test_a_sweep_with_the_curves_as_a_file(command, here):
    done = command("report", "sweep=losses", "curves=true", small=False)
    assert (done.returncode, done.stderr) == (0, "")
    sweep = here / "outputs" / "sweeps" / "losses"
    assert done.stdout.splitlines()[-1] == "outputs/sweeps/losses/curves.png"
    assert (sweep / "curves.png").stat().st_size > 10_000
    page = Page((sweep / "report.html").read_text())
    (table,) = page.find("table", class_="scores compared")
    assert table["text"].count("finished") == 2
    assert page.find("h1")[0]["text"] == "losses"


@pytest.mark.parametrize(
    ("run", "sweep", "names", "home"),
    [
        ("exp1", None, ["exp1"], "outputs/runs/exp1"),
        ("outputs/runs/exp1/checkpoints/best.ckpt", None, ["exp1"], "outputs/runs/exp1"),
        (["exp1", "losses/loss-dice", "exp1"], None, ["exp1", "loss-dice"], "outputs"),
        ("outputs/sweeps/losses", None, ["loss-ce", "loss-dice"], "outputs/sweeps/losses"),
        (["outputs/sweeps/losses", "exp1"], None, ["loss-ce", "loss-dice", "exp1"], "outputs"),
        (None, "losses", ["loss-ce", "loss-dice"], "outputs/sweeps/losses"),
    ],
)
def test_what_is_meant_and_where_its_page_belongs(here, run, sweep, names, home):
    folders, found = report.chosen(run, sweep=sweep)
    assert ([folder.name for folder in folders], found) == (names, Path(home))


@pytest.mark.parametrize(
    ("run", "sweep", "message"),
    [
        (None, None, r"expected run=NAME, run=\[NAME,NAME\] or sweep=NAME; came neither"),
        ([], None, "came neither"),
        ("exp1", "losses", "came both"),
        ("exp2", None, "run=exp2: expected a run"),
        (None, "loses", "did you mean 'losses'"),
        (None, "empty", "expected a sweep with at least one begun job"),
    ],
)
def test_mistakes(here, run, sweep, message):
    (here / "outputs" / "sweeps" / "empty").mkdir()
    with pytest.raises(SeglabError, match=message):
        report.chosen(run, sweep=sweep)


@pytest.mark.slow
def test_a_page_that_would_take_the_place_of_a_folder(command, here):
    done = command("report", "run=exp1", "output=outputs", small=False)
    assert done.returncode == 2
    assert "output=outputs is a folder; expected the name of the page's file" in done.stderr


def test_no_torch_is_imported_for_runs_that_have_ended(here, environment):
    code = """
import sys
from seglab import report
sys.argv = ["seglab-report", "sweep=losses", "output=pages/losses.html"]
report.main()
print([name for name in ("torch", "lightning", "numpy", "cv2", "matplotlib", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert (here / "pages" / "losses.html").is_file()
