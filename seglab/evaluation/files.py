"""What an evaluation leaves: a folder with tables and figures, named after what was measured."""

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

import cv2
import numpy as np

from seglab import runs
from seglab.display import draw
from seglab.errors import SeglabError
from seglab.evaluation.evaluation import Evaluation, Scores
from seglab.labels import LabelSpace

METRICS = "metrics.json"


def write(evaluation: Evaluation, *, run: Path, output: str | None) -> tuple[Path, dict[str, Any]]:
    """The folder with all files, and what metrics.json holds. The folder appears when it is complete.

    Raises:
        SeglabError: `output` holds something already.
    """
    target = run / "evaluations" / readable_name(evaluation.protocol) if output is None else Path(output)
    if output is not None and target.exists():
        raise SeglabError(f"output={output} exists; expected the name of a new folder - results are never replaced")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.partial")
    draft.mkdir()
    try:
        with open(draft / "per_image.csv", "w", encoding="utf-8") as per_image:
            scores = evaluation.run(per_image)
        protocol = {**evaluation.protocol, "fingerprint": scores.fingerprint}
        result = {"protocol": protocol, **scores.results}
        _write_files(draft, result, scores, evaluation.labels)
        return _publish(draft, target, may_be_numbered=output is None), result
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def readable_name(protocol: Mapping[str, Any]) -> str:
    """'cityscapes_val_best', and what differs from the plain evaluation: 'cityscapes_val_best_flip_size-512x1024'."""
    parts = [protocol["dataset"], protocol["split"], protocol["checkpoint"]]
    if len(protocol["resolutions"]) == 1:
        parts.append(protocol["resolution"])
    parts.append(f"size-{_sides(protocol['size'])}" if protocol["size"] else "size-image")
    if protocol["scales"] != [1.0]:
        parts.append("scales-" + "-".join(f"{scale:g}" for scale in protocol["scales"]))
    if protocol["flip"]:
        parts.append("flip")
    if protocol["tile"]:
        parts.append(f"tile-{_sides(protocol['tile'])}-overlap-{protocol['overlap']:g}")
    if protocol["limit"]:
        parts.append(f"limit-{protocol['limit']}")
    return "_".join(parts).replace("/", ".")


def confusion_csv(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Pixel counts: a line for each class of the ground truth, a column for each predicted class."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["truth \\ prediction", *names])
    writer.writerows([name, *row] for name, row in zip(names, matrix.tolist(), strict=True))
    return buffer.getvalue()


def _write_files(folder: Path, result: Mapping[str, Any], scores: Scores, labels: LabelSpace) -> None:
    runs.write_atomically(folder / METRICS, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    runs.write_atomically(folder / "confusion.csv", confusion_csv(scores.matrix, labels.names))
    _write_picture(folder / "confusion.png", draw.rendered(draw.confusion_figure(scores.matrix, labels.names)))
    for name, ranked in (("best", scores.extremes.best()), ("worst", scores.extremes.worst())):
        if ranked:
            _write_picture(folder / f"{name}.png", draw.stack([one.sample for one in ranked], labels))


def _publish(draft: Path, target: Path, *, may_be_numbered: bool) -> Path:
    """The draft under the name of the target, or the first free one of `target`_2, `target`_3, ..."""
    number, free = 1, target
    while True:
        try:
            os.rename(draft, free)  # fails where a folder with files is
            return free
        except OSError:
            if not may_be_numbered or not free.exists():
                raise
        number += 1
        free = target.with_name(f"{target.name}_{number}")


def _sides(size: Sequence[int]) -> str:
    return "x".join(str(side) for side in size)


def _write_picture(path: Path, picture: np.ndarray) -> None:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())
