"""What `run=` names, opened to predict: a trained run, or a network that was exported from one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import torch

from seglab import runs
from seglab.config.of_run import of_run
from seglab.config.targets import refuse
from seglab.display.several import CALIBRATED
from seglab.errors import SeglabError
from seglab.inference.exported import ExportedPredictor, load_exported
from seglab.inference.predictor import AS_TRAINED, Predictor, predictor_of
from seglab.labels import LabelSpace, label_space
from seglab.runs import checkpoints
from seglab.runs.find import is_exported

# What a file has decided already, each with the only value that may be asked for.
_DECIDED = {"size": AS_TRAINED, "scales": [1.0], "flip": False, "tile": None, "post": None, "calibrated": None}


@dataclass
class Opened:
    """A predictor, and what it was made of.

    Attributes:
        load: makes the predictor.
        data: the data set that it was trained on, as the group `data` of a configuration.
        file: on whose content the label maps depend: a checkpoint, or the exported file.
        folder: below which evaluations/ lie: of the run, or of the file.
        origin: {"checkpoint", "epoch", "step"}, and of an exported file {"exported": its format and precision}.
    """

    load: Callable[[], Predictor | ExportedPredictor]
    labels: LabelSpace
    data: Mapping[str, Any]
    file: Path
    folder: Path
    origin: Mapping[str, Any]

    @cached_property
    def predictor(self) -> Predictor | ExportedPredictor:
        """Made when it is first used: what can be refused without a network is refused before."""
        return self.load()

    @property
    def run(self) -> Path | None:
        """The run whose record gets its scores; none of an exported file, which is another thing."""
        return None if is_exported(self.file) else self.folder


def open_run(settings: Mapping[str, Any]) -> Opened:
    """What the checked values of conf/predict.yaml or conf/evaluate.yaml name.

    Raises:
        SeglabError: there is no such run, checkpoint or file, or it cannot be had as it is asked for.
    """
    path = Path(settings["run"])
    if is_exported(path):
        return _exported(path, settings)
    config = of_run(path)
    file = path / "checkpoints" / f"{settings['checkpoint']}.ckpt"
    checkpoints.require_sound(file)
    checkpoint = torch.load(file, map_location="cpu", mmap=True, weights_only=True)  # two numbers are read of it
    origin = {
        "checkpoint": settings["checkpoint"],
        "epoch": checkpoint["epoch"],
        "step": checkpoint["global_step"],
        **({} if settings[CALIBRATED] is None else {CALIBRATED: settings[CALIBRATED]}),
    }
    labels = label_space(config["data"]["labels"])
    return Opened(lambda: predictor_of(settings), labels, config["data"], file, path, origin)


def _exported(path: Path, settings: Mapping[str, Any]) -> Opened:
    other = [key for key, value in _DECIDED.items() if settings[key] != value]
    if other:
        raise SeglabError(
            f"run={path} is an exported network, which takes images as it was exported to; expected no {other[0]} - "
            "leave it out, or give the run"
        )
    if settings["device"] not in ("auto", "cpu"):
        raise SeglabError(f"run={path} is run by onnxruntime on the CPU; came device={settings['device']} - leave it "
                          "out, or give the run")  # fmt: skip
    predictor = load_exported(path)
    about = predictor.about
    refuse(about["data"], where=f"'{path}': data", group="data")
    data = {**about["data"], "root": _root(path)}
    origin = {**about["checkpoint"], "exported": f"onnx {about['precision']}"}
    if fitted := about.get(CALIBRATED):
        origin[CALIBRATED] = fitted["method"]
    return Opened(lambda: predictor, label_space(about["labels"]), data, path, path.parent, origin)


def _root(path: Path) -> str | None:
    """Where the data of the run lie in whose folder the exported file is; the file itself names no folder."""
    run = next((folder for folder in path.absolute().parents if (folder / runs.CONFIG).is_file()), None)
    return None if run is None else of_run(run)["data"]["root"]
