"""What a row with a seed is measured by."""

from pathlib import Path

from omegaconf import OmegaConf

from seglab import runs
from seglab.tables.survey.survey import survey
from tests.tables.survey.finished import DATA, SETTINGS, SPLITS, evaluation


def test_two_names_of_one_split_are_measured_once(add, tmp_path: Path) -> None:
    same = {("ce", 1): OmegaConf.create({"loss": "ce", "seed": 1, "data": {**DATA, "val_split": "test_15"}})}
    folder = add("runs/a", "ce", 1, evaluation(0.5))
    runs.update_record(folder, fingerprint=runs.fingerprint(runs.plain(same["ce", 1])))
    found = survey(SPLITS, same, settings=SETTINGS, output=tmp_path, committed=(), outdated_too=True)
    assert (len(found.measurements()), found.states[0].status) == (1, "measured")
