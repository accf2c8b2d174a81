"""seglab as `pip install .` leaves it: whole, and at work in a folder that knows nothing of the repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
LOSS = """
from seglab.losses import Loss


class Brier(Loss):
    def value(self, pixels):
        wrong = 1 - pixels.log_prob_of_label().exp()
        return (wrong.square() * pixels.valid).sum() / pixels.valid.sum().clamp(min=1)
"""
OPTION = """
_target_: my_losses.Brier
class_weights: null
ignore_index: 255
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that `pip install --target` filled from the wheel; the dependencies are those of this interpreter."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(ROOT)],
        text=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def installed_environment(installed, environment):
    return {**environment, "PYTHONPATH": str(installed)}


def run(command, folder, environment):
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def only_record(folder):
    (path,) = folder.glob("outputs/runs/*/record.json")
    return json.loads(path.read_text())


def test_wheel_holds_the_package_and_its_configurations_and_nothing_else(installed):
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "seglab").rglob("*.py")}
    options = {str("seglab" / path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    assert "seglab/conf/train.yaml" in options
    files = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    parts = [path for suffix in ("html", "css", "js") for path in (ROOT / "seglab").rglob(f"*.{suffix}")]
    page = {str(path.relative_to(ROOT)) for path in parts}
    assert {"seglab/pages/shell.html", "seglab/pages/run.js", "seglab/tables/render/page.css"} <= page
    table = ROOT / "conf" / "table"
    measured = {str("seglab" / path.relative_to(ROOT)) for kind in ("*.csv", "*.json") for path in table.glob(kind)}
    assert {str(path) for path in files if path.parts[0] == "seglab"} == modules | options | page | measured
    others = {path.parts[0] for path in files} - {"seglab"}
    assert {name for name in others if not name.endswith(".dist-info")} == {"bin"}  # the console script


@pytest.mark.exhaustive
def test_default_run_of_an_installed_seglab(installed, installed_environment, tiny, tmp_path):
    where = run([sys.executable, "-c", "import seglab; print(seglab.__file__)"], tmp_path, installed_environment)
    assert Path(where.strip()).parent == installed / "seglab"

    train = [sys.executable, "-m", "seglab.train", *tiny, "trainer.max_epochs=1"]
    assert "mIoU" in run(train, tmp_path, installed_environment)

    record = only_record(tmp_path)
    assert record["status"] == "finished"
    assert record["epochs"] == 1
    assert record["git"] is None  # the commit of the working folder would be somebody else's


@pytest.mark.exhaustive
def test_console_script_takes_a_loss_of_the_users_own(installed, installed_environment, tiny, tmp_path):
    (tmp_path / "my_losses.py").write_text(LOSS)
    (tmp_path / "my_conf" / "loss").mkdir(parents=True)
    (tmp_path / "my_conf" / "loss" / "brier.yaml").write_text(OPTION)
    environment = {**installed_environment, "SEGLAB_ALLOW": "my_losses.Brier"}

    script = [sys.executable, str(installed / "bin" / "seglab"), "train"]
    run([*script, *tiny, "loss=brier", "trainer.max_epochs=1"], tmp_path, environment)

    record = only_record(tmp_path)
    assert record["status"] == "finished"
    assert 0 < record["last"]["metrics"]["loss"] < 1  # a Brier score is a mean square of probabilities
    (config,) = tmp_path.glob("outputs/runs/*/config.yaml")
    assert "my_losses.Brier" in config.read_text()
