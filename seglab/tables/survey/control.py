"""Controls: ground truth at a lower resolution, scored as if a network had predicted it. Where the scores are kept.

Nothing is trained, see seglab.tables.launch.downsampled. Nothing here reads images: a survey looks for what was
measured.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.evaluation.columns import OFFICIAL, measured
from seglab.runs.json_file import read_object
from seglab.tables.plan.model import Measurement
from seglab.tables.survey.measurements import commit

FOLDER, RESULT = "controls", "measurement.json"
PREDICTION = "ground truth at a lower resolution"  # in the place of a network, as the protocol says it
_DATA = ("source", "prepare", "labels", "train_split", "val_split", "test_split", "seed")  # which images, which classes


def wanted_protocol(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """What the protocol of a control must say, where that of a run's evaluation must say `protocol`."""
    return {key: protocol[key] for key in ("dataset", "split", "limit")} | {
        "resolution": "original",
        "prediction": PREDICTION,
    }


def fingerprint(data: Mapping[str, Any], *, factor: int) -> str:
    """16 hexadecimal digits that are equal where the scores must be equal, apart from the protocol.

    Args:
        data: the resolved configuration of the data.
        factor: of the down-sampling.
    """
    return runs.fingerprint({"data": {key: data.get(key) for key in _DATA}, "downsample": factor})


def folder_of(output: Path, fingerprint: str, protocol: Mapping[str, Any], *, factor: int) -> Path:
    """'outputs/controls/cityscapes_val_downsample-8_0123456789abcdef'."""
    limit = [] if protocol["limit"] is None else [f"limit-{protocol['limit']}"]
    parts = [protocol["dataset"], protocol["split"], *limit, f"downsample-{factor}", fingerprint]
    return output / FOLDER / "_".join(parts).replace("/", ".")


def read(folder: Path, *, official: bool) -> dict[str, Any] | None:
    """What was written into the folder; None where that is nothing, or without official scores that are wanted."""
    result = read_object(
        folder / RESULT,
        what="the scores of a control",
        cure="delete it, and run the table again",
        required={"original": dict, "protocol": dict, "fingerprint": str, "command": str},
    )
    return None if result is None or (official and OFFICIAL not in result) else result


def measurement_of(result: Mapping[str, Any], *, row: str, seed: int, folder: str) -> Measurement:
    """As a line of a table. There is no network, no training and no curve, so all costs are 0 or unknown."""
    scores = result["original"]
    return Measurement(
        row=row,
        seed=seed,
        metrics=measured(scores) | measured(result),
        class_iou={name: float(of_class["iou"]) for name, of_class in scores["classes"].items()},
        protocol=result["protocol"],
        curve=(),
        fingerprint=result["fingerprint"],
        folder=folder,
        commit=commit(result["git"]),
        command=result["command"],
        parameters=0,
        flops=None,
        seconds=0.0,
        threads=0,
        device="no network",
    )


def write(folder: Path, result: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_atomically(folder / RESULT, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
