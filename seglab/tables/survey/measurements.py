"""The scores of finished runs: read from their folders, and kept in a small CSV beside the table's plan."""

import csv
import io
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seglab import runs
from seglab.data.corruptions import names
from seglab.data.corruptions.names import CORRUPTION
from seglab.display.csv_text import as_cell, from_cell
from seglab.display.ood import OOD, asked
from seglab.display.post import POST
from seglab.display.several import CALIBRATED, UNCERTAINTY
from seglab.errors import SeglabError
from seglab.evaluation.columns import CLASS_IOU, ENSEMBLE_MIOU, class_of, measured
from seglab.runs.class_names import dataset_name
from seglab.runs.find import Run
from seglab.tables.plan.model import Measurement, Plan, Row

_OPTIONAL: tuple[Callable[[Any], str], Callable[[str], Any]] = (
    lambda value: "" if value is None else repr(value),
    lambda text: float(text) if text else None,
)
# {field of a measurement, and column of the CSV beside the scores: (how it is written, how it is read)}
_FIELDS: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "row": (str, str),
    "seed": (str, int),
    "fingerprint": (str, str),
    "folder": (str, str),
    "commit": (str, str),
    "command": (str, str),
    "parameters": (str, int),
    "flops": _OPTIONAL,
    "seconds": (repr, float),
    "threads": (str, int),
    "device": (str, str),
    "protocol": (lambda protocol: json.dumps(protocol, ensure_ascii=False), json.loads),
    "curve": (lambda curve: " ".join(map(_number, curve)), lambda text: tuple(map(float, text.split()))),
}
_BEFORE_SCORES = ("row", "seed")
# Those that came after the first files were committed: a file without such a measurement has no such columns.
_CAME_LATER: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "latency": _OPTIONAL, "images_per_second": _OPTIONAL, "timed_on": (str, str),
    ENSEMBLE_MIOU: _OPTIONAL,
}  # fmt: skip


def wanted_protocols(
    plan: Plan, row: Row, settings: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """{split that is asked for: what the protocol must say} of each split that the row's runs are evaluated on."""
    asked = plan.splits_of(row) or (settings["split"],)
    return {split: wanted_protocol({**settings, "split": split}, config) for split in asked}


def wanted_protocol(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """What the protocol of an evaluation must say, where seglab.evaluate is called with `settings` for a run.

    Args:
        settings: the resolved values of conf/evaluate.yaml.
        config: the resolved configuration of the run.
    """
    data = settings["data"] or config["data"]
    split, size, tile = settings["split"], settings["size"], settings["tile"]
    size = config["data"]["size"] if size == "run" else None if size == "image" else size
    return {
        "dataset": dataset_name(data),
        "split": data.get(f"{split}_split", split),
        "limit": settings["limit"],
        "resolution": "network" if settings["resolution"] == "network" and size is not None else "original",
        "size": size,
        "scales": settings["scales"],
        "flip": settings["flip"],
        "tile": tile,
        "overlap": None if tile is None else settings["overlap"],
        POST: None if settings["post"] is None else {"name": settings["post"], **settings["crf"]},  # None: no such key
        CORRUPTION: names.protocol(settings["corruption"], settings["severity"], settings["seed"]),  # as POST
        "classes": None if settings["classes"] == "same" else settings["classes"],  # as POST
        UNCERTAINTY: settings["uncertainty"],  # as POST
        CALIBRATED: settings["calibrated"],  # as POST
        OOD: asked(settings),  # None: no such key
        "checkpoint": settings["checkpoint"],
    }


def of_run(
    run: Run, evaluation: Mapping[str, Any], *, row: str, seed: int, output: Path, resolution: str
) -> Measurement:
    """The measurement of a finished run by one of the evaluations in its record.

    Args:
        output: the folder that the measurement names the run's folder from.
        resolution: at which its scores are taken: "original" or "network".
    """
    record = run.record
    speed = record.get("speed") or {}
    scores = evaluation[resolution]
    return Measurement(
        row=row,
        seed=seed,
        metrics=measured(scores) | measured(evaluation),
        class_iou={name: float(of_class["iou"]) for name, of_class in scores["classes"].items()},
        protocol={**evaluation["protocol"], "resolution": resolution},
        curve=_curve(run.folder / "metrics.csv"),
        fingerprint=record["fingerprint"],
        folder=str(run.folder.relative_to(output)),
        commit=commit(record.get("git")),
        command=command_of(record),
        parameters=record["parameters"],
        flops=record["flops"],
        seconds=record["seconds"],
        threads=record["threads"],
        device=record["device"],
        latency=speed.get("latency"),
        images_per_second=speed.get("images_per_second"),
        timed_on=speed.get("timed_on", ""),
    )


def evaluation_of(run: Run, *, wanted: Mapping[str, Any], extra: Sequence[str] = ()) -> Mapping[str, Any] | None:
    """The first evaluation in the run's record that has the wanted protocol and all of `extra`."""
    for evaluation in run.record.get("evaluations", {}).values():
        protocol = evaluation["protocol"]
        same = all(protocol.get(key) == value for key, value in wanted.items() if key != "resolution")
        measured = wanted["resolution"] in protocol.get("resolutions", ())
        # Beside another headline the extras are of that one.
        complete = all(name in evaluation for name in extra)
        if same and measured and complete and (not extra or protocol["resolution"] == wanted["resolution"]):
            return evaluation
    return None


def fits(protocol: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the protocol of a measurement says all that is wanted."""
    return all(protocol.get(key) == value for key, value in wanted.items())


def write_csv(path: Path, measurements: Sequence[Measurement]) -> None:
    """One line for each row, seed and split, every number with all its digits."""
    runs.write_atomically(path, to_csv(measurements))


def to_csv(measurements: Sequence[Measurement]) -> str:
    scores = dict.fromkeys(name for measurement in measurements for name in _scores(measurement))
    columns = sorted(scores, key=lambda name: class_of(name) is not None)  # those of all classes first
    timed = any(measurement.timed_on for measurement in measurements)
    together = any(measurement.ensemble_miou is not None for measurement in measurements)
    later = [name for name in _CAME_LATER if (together if name == ENSEMBLE_MIOU else timed)]
    header = [*_BEFORE_SCORES, *columns, *(name for name in _FIELDS if name not in _BEFORE_SCORES), *later]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(measurement) for measurement in measurements)
    return buffer.getvalue()


def read_csv(path: Path) -> list[Measurement]:
    """The measurements that `write_csv` wrote, equal to the last digit; none where there is no such file.

    Raises:
        SeglabError: the file has other columns, or a value that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    absent = [name for name in _FIELDS if name not in (reader.fieldnames or ())]
    if absent:
        raise SeglabError(
            f"{path}: expected the columns {', '.join(_FIELDS)}; {', '.join(absent)} is not there - write the file "
            "again with python -m seglab.table table=NAME record=true"
        )
    measurements = []
    for line in reader:
        try:
            measurements.append(_measurement(line))
        except (ValueError, TypeError) as error:
            raise SeglabError(
                f"{path}:{reader.line_num}: expected the measurement of a run; came a value that cannot be read "
                f"({error}) - write the file again with python -m seglab.table table=NAME record=true"
            ) from error
    return measurements


def _scores(measurement: Measurement) -> dict[str, float]:
    """{column: value} of all scores, those of single classes last."""
    return {**measurement.metrics, **{CLASS_IOU + name: value for name, value in measurement.class_iou.items()}}


def _line(measurement: Measurement) -> dict[str, str]:
    scores = {column: _number(value) for column, value in _scores(measurement).items()}
    fields = {**_FIELDS, **_CAME_LATER}
    return scores | {name: as_cell(write(getattr(measurement, name))) for name, (write, _) in fields.items()}


def _number(value: float) -> str:
    """With every digit."""
    return repr(float(value))


def _measurement(line: Mapping[str, str]) -> Measurement:
    fields = {**_FIELDS, **{name: field for name, field in _CAME_LATER.items() if name in line}}
    scores = {name: float(value) for name, value in line.items() if name not in fields and value != ""}
    return Measurement(
        metrics={column: value for column, value in scores.items() if class_of(column) is None},
        class_iou={name: value for column, value in scores.items() if (name := class_of(column)) is not None},
        **{name: read(from_cell(line[name])) for name, (_, read) in fields.items()},
    )


def _curve(path: Path) -> tuple[float, ...]:
    """val/miou after each validation, from metrics.csv; nothing where the run wrote none."""
    if not path.is_file():
        return ()
    with open(path, encoding="utf-8", newline="") as file:
        return tuple(float(row["val/miou"]) for row in csv.DictReader(file) if row.get("val/miou"))


def commit(git: Mapping[str, Any] | None) -> str:
    """'4f1c2a... and changes' where the code was not as committed; '' for an installed package."""
    if git is None:
        return ""
    return f"{git['commit']} and changes" if git["dirty"] else git["commit"]


def command_of(record: runs.Record) -> str:
    """The command that repeats the run anywhere: without the folders of the machine it ran on."""
    mine = ("sweep", "output", "resume", "retry_failed")
    overrides = [override for override in record["overrides"] if override.partition("=")[0] not in mine]
    return shlex.join(["python", "-m", "seglab.train", *overrides])
