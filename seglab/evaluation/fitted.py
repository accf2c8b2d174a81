"""Whether a calibration is scored on the split that it was fitted on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab.display.several import CALIBRATED
from seglab.inference.exported import load_exported
from seglab.runs import calibration
from seglab.runs.class_names import dataset_name
from seglab.runs.find import is_exported


def require_unseen(settings: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Raises SeglabError where the calibration of one of the runs was fitted on the split that is to be scored.

    Args:
        settings: the checked values of conf/evaluate.yaml.
        data: the data that are scored, as the group `data` of a configuration.
    """
    folders = settings["run"] if isinstance(settings["run"], list) else [settings["run"]]
    for folder in map(Path, folders):
        if is_exported(folder):
            fitted = load_exported(folder).about.get(CALIBRATED)
        elif settings[CALIBRATED] is None:
            continue
        else:
            fitted = calibration.read(folder, checkpoint=settings["checkpoint"], method=settings[CALIBRATED])
        if fitted:
            calibration.require_unseen(fitted, dataset=dataset_name(data), split=data["test_split"])
