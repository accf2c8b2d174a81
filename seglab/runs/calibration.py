"""The calibrations of a run: what `python -m seglab.calibrate` has fitted, in the run's folder."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab.errors import SeglabError
from seglab.runs.files import shown, write_atomically

METHODS = ("temperature", "per_class", "local")
_NEEDED = {"method", "classes", "epoch", "step", "dataset", "split", "values"}


def path_of(run: Path, *, checkpoint: str, method: str) -> Path:
    """RUN/calibration/best_temperature.json, of a checkpoint by its name without .ckpt."""
    return run / "calibration" / f"{checkpoint}_{method}.json"


def write(run: Path, fitted: Mapping[str, Any], *, checkpoint: str) -> Path:
    """Keeps a calibration; one by the same method goes. The path of its file."""
    path = path_of(run, checkpoint=checkpoint, method=fitted["method"])
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(fitted, indent=1) + "\n")
    return path


def read(run: Path, *, checkpoint: str, method: str) -> dict[str, Any]:
    """What was fitted: "method", "classes", "values", "epoch" and "step" of the checkpoint, "dataset", "split", ...

    Raises:
        SeglabError: nothing was, or the file is damaged.
    """
    path = path_of(run, checkpoint=checkpoint, method=method)
    command = f"python -m seglab.calibrate run={shown(run.absolute())} method={method}"
    command += "" if checkpoint == "best" else f" checkpoint={checkpoint}"
    try:
        fitted: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not fitted.keys() >= _NEEDED:
            raise ValueError
    except FileNotFoundError as error:
        raise SeglabError(
            f"calibrated={method}: expected the run to be calibrated so; '{shown(path.absolute())}' is not there - "
            f"first: {command}"
        ) from error
    except (ValueError, AttributeError) as error:
        raise SeglabError(
            f"'{path}': expected a calibration that seglab has written; it cannot be read - again: {command}"
        ) from error
    return fitted


def require_unseen(fitted: Mapping[str, Any], *, dataset: str, split: str) -> None:
    """Raises SeglabError where a calibration is to be scored on the very split that it was fitted on.

    Unknown things that are drawn into its images make no other images of them.
    """
    if (_bare(fitted["dataset"]), fitted["split"]) == (_bare(dataset), split):
        raise SeglabError(
            f"calibrated={fitted['method']}: expected another split than that of its fit, on which it looks better "
            f"than it is; came {dataset} {split} - add split=test where that is another, or calibrate on split=train; "
            "score_fitted_split=true shows the fit itself"
        )


def _bare(dataset: str) -> str:
    return re.sub(r"_unknown(_\d+)?$", "", dataset)
