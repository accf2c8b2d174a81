"""Runs as measurements: found by fingerprint, scored by the fitting evaluation, kept in a CSV to the last digit."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from seglab.errors import SeglabError
from seglab.tables.survey.measurements import read_csv, to_csv, wanted_protocol, write_csv
from tests.tables.survey.finished import (
    DATA,
    PROTOCOL,
    SETTINGS,
    evaluation,
    statuses,
    surveyed,
)


def test_a_finished_run_becomes_a_measurement(add, tmp_path: Path) -> None:
    add("sweeps/t/ce", "ce", 1, evaluation(0.9, split="val"), evaluation(0.1 + 0.2), evaluation(0.8))
    (measured,) = surveyed(tmp_path).measurements()
    assert measured.metrics == {"miou": 0.30000000000000004, "mdice": 0.4}
    assert measured.class_iou["road"] == 0.30000000000000004
    assert math.isnan(measured.class_iou["tram"])
    assert measured.protocol == PROTOCOL
    assert measured.curve == (0.1, 0.30000000000000004)
    assert measured.folder == "sweeps/t/ce"
    assert measured.commit == "4f1c and changes"
    assert measured.command == "python -m seglab.train loss=ce seed=1"
    assert (measured.parameters, measured.flops, measured.threads, measured.device) == (7, 0.1, 1, "cpu")


def test_the_speed_of_an_exported_run_is_kept_with_its_device(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    record = json.loads((tmp_path / "runs" / "a" / "record.json").read_text())
    speed = {"latency": 1.5, "images_per_second": 2 / 3, "timed_on": "a CPU, 2 threads"}
    (untimed,) = surveyed(tmp_path).measurements()
    (tmp_path / "runs" / "a" / "record.json").write_text(json.dumps({**record, "speed": speed}))
    (timed,) = surveyed(tmp_path).measurements()
    assert (timed.latency, timed.images_per_second, timed.timed_on) == tuple(speed.values())
    assert "latency" not in to_csv([untimed])  # a committed file stays as it is
    for measurements in ([untimed], [timed], [untimed, timed]):
        write_csv(tmp_path / "table.csv", measurements)
        assert [one.latency for one in read_csv(tmp_path / "table.csv")] == [one.latency for one in measurements]


def test_scores_at_the_networks_size_come_from_the_same_evaluation(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.8))
    (measured,) = surveyed(tmp_path, resolution="network").measurements()
    assert (measured.metrics["miou"], measured.protocol["resolution"]) == (0.4, "network")


def test_the_extras_are_columns(add, tmp_path: Path) -> None:
    whole = evaluation(0.5) | {
        "boundary": {"boundary_f1": {"mean": 0.25, "classes": {}}}, "calibration": {"ece": 0.125, "bins": 15},
        "named": {"batch_absent1": 0.75, "batch_size": 4}, "official": {"averageScoreInstClasses": 0.375},
    }  # fmt: skip
    add("runs/a", "ce", 1, evaluation(0.4), whole)
    (measured,) = surveyed(tmp_path, extra=["boundary", "calibration", "named"]).measurements()
    assert measured.metrics == {
        "miou": 0.5, "mdice": 0.6, "boundary_f1": 0.25, "ece": 0.125, "batch_absent1": 0.75, "official_iiou": 0.375,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"split": "val"}, {"dataset": "kitti"}, {"limit": 3}, {"flip": True}, {"scales": [1.0, 2.0]},
        {"checkpoint": "last"}, {"size": [1, 2]}, {"resolutions": ["network"], "resolution": "network"},
        {"tile": [4, 4], "overlap": 0.25}, {"post": {"name": "crf", "iterations": 5}},
    ],
    ids=str,
)  # fmt: skip
def test_an_evaluation_of_another_protocol_does_not_fit(add, tmp_path: Path, change: dict) -> None:
    add("runs/a", "ce", 1, evaluation(0.9, **change))
    assert statuses(surveyed(tmp_path))["ce", 1] == "trained"


def test_the_wanted_protocol_follows_the_evaluations_settings() -> None:
    other = {"prepare": {"_target_": "seglab.data.synthetic.write_scenes"}, "val_split": "v", "size": [1, 2]}
    settings = {**SETTINGS, "data": other, "split": "val", "size": "image", "resolution": "network", "tile": [8, 8]}
    wanted = wanted_protocol(settings, {"data": DATA})
    assert wanted["dataset"] == "synthetic"
    assert (wanted["split"], wanted["size"], wanted["resolution"]) == ("v", None, "original")
    assert (wanted["tile"], wanted["overlap"]) == ([8, 8], 0.25)
    assert wanted_protocol({**SETTINGS, "split": "custom"}, {"data": DATA})["split"] == "custom"


def test_a_crf_is_wanted_with_all_its_parameters() -> None:
    crf = {"iterations": 5, "spatial_weight": 3.0}
    assert wanted_protocol({**SETTINGS, "crf": crf}, {"data": DATA})["post"] is None
    wanted = wanted_protocol({**SETTINGS, "post": "crf", "crf": crf}, {"data": DATA})
    assert wanted["post"] == {"name": "crf", "iterations": 5, "spatial_weight": 3.0}


def test_the_csv_gives_back_every_digit(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(1 / 3), seconds=0.1 + 0.2, flops=None)
    add("runs/b", "dice", 2, evaluation(2 / 3) | {"named": {"batch_absent1": 0.1}})
    measured = surveyed(tmp_path).measurements()
    write_csv(tmp_path / "t.csv", measured)
    again = read_csv(tmp_path / "t.csv")
    assert to_csv(again) == to_csv(measured)
    for one, other in zip(again, measured, strict=True):
        assert {**vars(one), "class_iou": 0} == {**vars(other), "class_iou": 0}
        assert one.class_iou["road"] == other.class_iou["road"]
        assert math.isnan(one.class_iou["tram"])
    assert "batch_absent1" not in again[0].metrics
    assert json.loads(json.dumps(again[0].protocol)) == measured[0].protocol
    assert read_csv(tmp_path / "nothing.csv") == []


def test_a_row_like_a_formula_is_none_in_the_csv_and_comes_back(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    (measured,) = (replace(one, row="=1+1") for one in surveyed(tmp_path).measurements())
    write_csv(tmp_path / "t.csv", [measured])
    assert "'=1+1" in (tmp_path / "t.csv").read_text()
    assert read_csv(tmp_path / "t.csv")[0].row == "=1+1"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("fingerprint", "finger", 1), "fingerprint is not there"),
        (lambda text: text.replace("60.0", "a minute"), r"t.csv:2: .*could not convert string to float: 'a minute'"),
    ],
)
def test_a_spoilt_csv_is_told(add, tmp_path: Path, spoil, message: str) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    path = tmp_path / "t.csv"
    path.write_text(spoil(to_csv(surveyed(tmp_path).measurements())))
    with pytest.raises(SeglabError, match=message):
        read_csv(path)
