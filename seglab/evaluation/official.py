"""A folder of predicted label ids, anybody's, scored by the official Cityscapes protocol: no run, no torch."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seglab import config, runs
from seglab.errors import SeglabError
from seglab.evaluation import official_report
from seglab.runs import archive

log = logging.getLogger("seglab")

METRICS = "metrics.json"
AUTO = "auto"
_OURS = ("predictions", "truth", "processes")  # keys of conf/evaluate.yaml that are for a folder of predictions


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for keys that do not go together: of a run, and of a folder of predictions."""
    has_run, has_folder = settings["run"] is not None, settings["predictions"] is not None
    if has_run == has_folder:
        came = f"run={settings['run']} predictions={settings['predictions']}" if has_run else "neither"
        raise SeglabError(
            "expected either run=FOLDER of a trained run, or predictions=FOLDER of label-id PNGs with truth=FOLDER; "
            f"came {came} - give one of the two"
        )
    strange = [key for key in _changed(settings) if (key in _OURS) == has_run and key != "output"]
    if strange:
        what, other = ("run", "predictions=FOLDER") if has_run else ("predictions", "run=FOLDER")
        raise SeglabError(
            f"{', '.join(strange)}: expected only keys that go with {what}=...; "
            f"{'this key is' if len(strange) == 1 else 'these keys are'} for {other} - leave {strange[0]} out"
        )
    if has_folder:
        _check_folder(settings)


def evaluate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """{"protocol", "official", ...}, which is printed and written into a new folder.

    Args:
        settings: the checked values of conf/evaluate.yaml, of which `predictions` and `truth` are folders.

    Raises:
        SeglabError: a prediction is missing, doubled, unreadable or holds what is no label id.
    """
    # numpy, OpenCV and PIL are imported here, after every cheap way to fail
    from seglab.evaluation.cityscapes_files import evaluate_pairs, find_pairs

    started = time.monotonic()
    predictions, truth = Path(settings["predictions"]), Path(settings["truth"])
    processes = None if settings["processes"] == AUTO else settings["processes"]
    pairs = find_pairs(predictions, truth)
    scores = evaluate_pairs(pairs, processes=processes)
    scores.require_label_ids()
    protocol = {
        "dataset": "cityscapes",
        "split": truth.resolve().name,
        "images": len(pairs.samples),
        "reading": "official",
        "resolution": "original",
        "void": "removed",
        "predictions": str(predictions.resolve()),
        "truth": str(truth.resolve()),
    }
    folder = _new_folder(settings["output"], beside=predictions.resolve())
    result = {"protocol": protocol, "official": {**scores.compute(), "confMatrix": scores.matrix.tolist()}}
    runs.write_atomically(folder / METRICS, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    result = {"ended": runs.now(), "seconds": round(time.monotonic() - started, 1), "folder": str(folder), **result}
    official_report.show_scores(result)
    return result


def _changed(settings: Mapping[str, Any]) -> list[str]:
    """Keys that are not as in conf/evaluate.yaml."""
    defaults = OmegaConf.to_container(OmegaConf.load(config.FOLDER / "evaluate.yaml"))
    assert isinstance(defaults, dict)
    return [key for key, value in settings.items() if value != defaults.get(key)]


def _check_folder(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for folders that are not there, or a number of processes that is none."""
    if settings["truth"] is None:
        raise SeglabError(
            "truth is not set; expected the folder of the ground truth with predictions - add truth=DIR/gtFine/val"
        )
    for key in ("predictions", "truth"):
        path = Path(settings[key])
        if not (archive.is_dir(path) if key == "truth" else path.is_dir()):
            advice = "unzip it first" if path.is_file() else "check the path"
            raise SeglabError(
                f"{key}={path}: expected a folder of PNG files; "
                f"{'it is a file' if path.is_file() else 'it does not exist'} - {advice}"
            )
    processes = settings["processes"]
    if processes != AUTO and (type(processes) is not int or processes < 1):
        raise SeglabError(f"processes is {processes!r}; expected auto (all cores) or a whole number >= 1")
    if settings["output"] is not None and Path(settings["output"]).exists():
        raise SeglabError(
            f"output={settings['output']} exists; expected the name of a new folder - results are never replaced"
        )


def _new_folder(output: str | None, *, beside: Path) -> Path:
    """`output`, or the first free one of PREDICTIONS_official, PREDICTIONS_official_2, ...; it is made."""
    if output is not None:
        Path(output).mkdir(parents=True)
        return Path(output)
    number, free = 1, beside.with_name(f"{beside.name}_official")
    while True:
        try:
            free.mkdir()
            return free
        except FileExistsError:
            number += 1
            free = beside.with_name(f"{beside.name}_official_{number}")
