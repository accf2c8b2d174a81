"""What an evaluation leaves: a folder with tables and figures, named after what was measured."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import seglab.lean_imports  # noqa: F401

from seglab import runs
from seglab.data.corruptions import names
from seglab.data.corruptions.names import CORRUPTION
from seglab.display import confusion, draw, robustness
from seglab.display.doubt import doubt_sheet
from seglab.display.numbers import sides
from seglab.display.post import POST, post_name
from seglab.display.reliability import calibration_figure
from seglab.display.several import several_names
from seglab.errors import SeglabError
from seglab.evaluation.evaluation import Scores
from seglab.labels import LabelSpace
from seglab.runs.partial import partial_of, remove_leftovers
from seglab.runs.png import write_png

METRICS = "metrics.json"


class Draft:
    """A folder of results on its way: it has its own name when it is complete, and is gone where it never is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published = path


@contextmanager
def new_folder(usual: Path, *, output: str | None) -> Iterator[Draft]:
    """A folder for results: `output`, or the `usual` one, with a number where there are results already.

    Raises:
        SeglabError: `output` holds something already.
    """
    target = usual if output is None else Path(output)
    if output is not None and target.exists():
        raise SeglabError(f"output={output} exists; expected the name of a new folder - results are never replaced")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target.parent)
    draft = Draft(partial_of(target))
    draft.path.mkdir()
    try:
        yield draft
        draft.published = _publish(draft.path, target, may_be_numbered=output is None)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise


def write(folder: Path, result: Mapping[str, Any], scores: Scores, labels: LabelSpace) -> None:
    """metrics.json, the confusion matrix as table and picture, the best and the worst images, and other figures."""
    runs.write_atomically(folder / METRICS, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    runs.write_atomically(folder / confusion.NAME, confusion.confusion_csv(scores.matrix.tolist(), labels.names))
    write_png(folder / "confusion.png", draw.rendered(draw.confusion_figure(scores.matrix, labels.names)))
    best, worst = scores.extremes.best(), scores.extremes.worst()
    if CORRUPTION in result:
        write_png(folder / "robustness.png", draw.rendered(robustness.figure_of_run(result[CORRUPTION])))
    for name, images in (("best", best), ("worst", worst)):
        if images:
            write_png(folder / f"{name}.png", draw.stack([image.sample for image in images], labels))
    doubts = [image.doubt for image in (*worst, *best) if image.doubt is not None]
    if doubts:
        write_png(folder / "uncertainty.png", doubt_sheet(doubts, labels))
    if "calibration" in result:
        figure = calibration_figure(result["calibration"]["diagrams"])
        write_png(folder / "calibration.png", draw.rendered(figure))


def readable_name(protocol: Mapping[str, Any]) -> str:
    """'cityscapes_val_best', and what differs from the plain evaluation: 'cityscapes_val_best_flip_size-512x1024'."""
    parts = [protocol["dataset"], protocol["split"], protocol["checkpoint"]]
    if len(protocol["resolutions"]) == 1:
        parts.append(protocol["resolution"])
    parts.append(f"size-{sides(protocol['size'])}" if protocol["size"] else "size-image")
    if protocol["scales"] != [1.0]:
        parts.append("scales-" + "-".join(f"{scale:g}" for scale in protocol["scales"]))
    if protocol["flip"]:
        parts.append("flip")
    if protocol["tile"]:
        parts.append(f"tile-{sides(protocol['tile'])}-overlap-{protocol['overlap']:g}")
    if POST in protocol:
        parts.append(post_name(protocol[POST]))
    parts += several_names(protocol)
    if "classes" in protocol:
        parts.append(f"classes-{protocol['classes']}")
    if CORRUPTION in protocol:
        parts.append(names.words(protocol[CORRUPTION]).replace(", ", "-").replace(" ", "-"))
    if protocol["limit"]:
        parts.append(f"limit-{protocol['limit']}")
    return "_".join(parts).replace("/", ".")


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
