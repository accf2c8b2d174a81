"""Fingerprints outlive the places of classes: of committed rows, of a moved class, of a run begun before a move."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from seglab import config, runs
from seglab.runs.class_names import dataset_name, lasting_name, present_name
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.read import read_plan
from seglab.tables.survey.configurations import configurations
from seglab.tables.survey.measurements import read_csv
from tests.exhaustive import few_of

ROOT = Path(config.FOLDER).parent
COMMITTED = sorted(path.name.removesuffix(".csv") for path in (config.FOLDER / "table").glob("*.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("name", few_of(COMMITTED, ["synthetic_activations"]))
def test_committed_measurements_are_of_todays_configurations(name):
    table, _, budget = name.partition(".")
    composed = configurations(reduced(read_plan(table), budget or "full"))
    measured = read_csv(config.FOLDER / "table" / f"{name}.csv")
    assert measured
    for measurement in measured:
        assert runs.fingerprint(runs.plain(composed[measurement.row, measurement.seed])) == measurement.fingerprint, (
            measurement.row,
            measurement.seed,
        )


# Composes the default run, keeps its configuration in a file, and says what its loss and its fingerprint are.
BEGIN = """
import sys
from pathlib import Path
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from seglab import config, runs
config.register()
with initialize_config_dir(version_base="1.3", config_dir=str(config.FOLDER)):
    cfg = compose("train", overrides=["loss=dice"])
config.check(cfg)
Path(sys.argv[1]).write_text(OmegaConf.to_yaml(cfg, resolve=True))
print(cfg.loss._target_, runs.fingerprint(runs.plain(cfg)))
"""
CONTINUE = """
import sys
from pathlib import Path
from seglab import config, runs
config.register()
cfg = runs.read_config(Path(sys.argv[1]))
config.check(cfg)
print(cfg.loss._target_, runs.fingerprint(runs.plain(cfg)))
"""


@pytest.mark.slow
def test_a_moved_class_keeps_the_fingerprint_and_its_runs_are_found(tmp_path):
    def python(where: Path, program: str, argument: Path) -> list[str]:
        command = [sys.executable, "-c", program, str(argument)]
        return subprocess.run(command, cwd=where, capture_output=True, text=True, check=True).stdout.split()

    before = tmp_path / "before"
    for name in ("seglab", "conf"):
        shutil.copytree(ROOT / name, before / name, ignore=shutil.ignore_patterns("__pycache__", "scenes"))
    after = shutil.copytree(before, tmp_path / "after")
    (after / "seglab" / "regions").mkdir()
    (after / "seglab" / "losses" / "dice.py").rename(after / "seglab" / "regions" / "overlap.py")
    face = after / "seglab" / "losses" / "__init__.py"
    face.write_text(re.sub(r".*\bDice\b.*\n", "", face.read_text()))
    for path in (after / "conf").rglob("*.yaml"):
        path.write_text(path.read_text().replace("seglab.losses.Dice", "seglab.regions.overlap.Dice"))

    run = tmp_path / "run"
    run.mkdir()
    new = python(after, BEGIN, run / "moved.yaml")
    old = python(before, BEGIN, run / "config.yaml")
    assert (old[0], new[0]) == ("seglab.losses.Dice", "seglab.regions.overlap.Dice")
    assert old[1] == new[1]
    assert yaml.safe_load((run / "config.yaml").read_text())["loss"]["_target_"] == "seglab.losses.Dice"
    assert python(after, CONTINUE, run) == new


def test_no_two_classes_that_a_configuration_names_share_a_name():
    texts = [path.read_text() for path in config.FOLDER.rglob("*.yaml")]
    targets = {target for text in texts for target in re.findall(r"_target_: (seglab\.[\w.]+)", text)}
    names = Counter(target.rpartition(".")[2] for target in targets)
    assert [name for name, count in names.items() if count > 1] == []


def test_names_of_others_stay_whole():
    assert lasting_name("my_losses.Brier") == "my_losses.Brier"
    assert lasting_name("torch.optim.AdamW") == "torch.optim.AdamW"
    assert lasting_name("seglab.anywhere.else.Dice") == "seglab.losses.Dice"
    assert lasting_name("seglab.losses.new.Later") == lasting_name("seglab.losses.Later") == "seglab.Later"
    assert present_name("my_losses.Brier") == "my_losses.Brier"
    assert present_name("seglab.gone.NoSuchClass") == "seglab.gone.NoSuchClass"


def test_a_data_set_is_called_by_its_reader():
    assert dataset_name({"source": {"_target_": "seglab.elsewhere.CamVid"}}) == "camvid"
    assert dataset_name({"source": {"_target_": "seglab.data.ade.ADE20K"}}) == "ade20k"
    assert dataset_name({"source": {"_target_": "my.street.Reader"}}) == "street"
    prepared = {
        "prepare": {"_target_": "seglab.data.synthetic.write_scenes"},
        "source": {"_target_": "seglab.data.cityscapes.Cityscapes"},
    }
    assert dataset_name(prepared) == "synthetic"
    assert dataset_name({**prepared, "prepare": {**prepared["prepare"], "weather": "rain"}}) == "synthetic_rain"


def test_what_is_drawn_into_images_is_part_of_their_name():
    drawn = {"_target_": "seglab.data.drawn_unknown.DrawnUnknown", "seed": 1,
             "source": {"_target_": "seglab.data.camvid.CamVid"}}  # fmt: skip
    assert dataset_name({"source": drawn}) == "camvid_unknown"
    assert dataset_name({"source": {**drawn, "seed": 2}}) == "camvid_unknown_2"
