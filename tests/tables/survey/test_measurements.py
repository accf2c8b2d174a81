"""Runs as measurements: found by fingerprint, scored by the fitting evaluation, kept in a CSV to the last digit."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.find import find_runs
from seglab.tables.plan.model import Measurement, Plan, Row
from seglab.tables.survey.measurements import read_csv, to_csv, wanted_protocol, write_csv
from seglab.tables.survey.survey import Survey, counts, lines, survey

DATA = {
    "size": [64, 128], "val_split": "val", "test_split": "test_15", "prepare": None,
    "source": {"_target_": "seglab.data.bdd.Bdd"},
}  # fmt: skip
SETTINGS = {
    "data": None, "split": "test", "size": "run", "tile": None, "overlap": 0.25, "limit": None, "resolution": "both",
    "scales": [1.0], "flip": False, "checkpoint": "best", "extra": [],
}  # fmt: skip
PROTOCOL = {
    "dataset": "bdd", "split": "test_15", "limit": None, "resolution": "original",
    "resolutions": ["original", "network"], "size": [64, 128], "scales": [1.0], "flip": False, "tile": None,
    "overlap": None, "checkpoint": "best", "epoch": 3, "step": 40, "fingerprint": "abc",
}  # fmt: skip
PLAN = Plan(
    name="t",
    title="T",
    source="s",
    rows=(Row(label="ce", overrides=()), Row(label="dice", overrides=())),
    columns=("miou",),
    seeds=(1, 2),
)


def config(row: str, seed: int) -> DictConfig:
    return OmegaConf.create({"loss": row, "seed": seed, "data": DATA})


CONFIGURATIONS = {(row, seed): config(row, seed) for row in ("ce", "dice") for seed in (1, 2)}


def scores(miou: float) -> dict:
    return {
        "metrics": {"miou": miou, "mdice": miou + 0.1},
        "classes": {"road": {"iou": miou}, "tram": {"iou": math.nan}},
    }


def evaluation(miou: float, **changes: object) -> dict:
    return {
        "folder": "evaluations/x", "protocol": {**PROTOCOL, **changes}, "original": scores(miou),
        "network": scores(miou / 2),
    }  # fmt: skip


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., Path]:
    """`add("runs/a", "ce", 1, status="finished")`: a run's folder under tmp_path with this record."""

    def added(place: str, row: str, seed: int, *evaluations: dict, **record: object) -> Path:
        folder = tmp_path / place
        folder.mkdir(parents=True)
        values = {
            "status": "finished", "started": f"2026-01-01T00:00:{len(list(tmp_path.rglob('record.json'))):02}+00:00",
            "fingerprint": runs.fingerprint(runs.plain(config(row, seed))),
            "seconds": 60.0, "parameters": 7, "flops": 0.1, "threads": 1, "device": "cpu",
            "git": {"commit": "4f1c", "dirty": True},
            "overrides": ["loss=ce", f"seed={seed}", 'sweep="t"', "output=/somewhere"],
            "evaluations": {str(number): each for number, each in enumerate(evaluations)},
        }  # fmt: skip
        runs.write_record(folder, {**values, **record})
        (folder / "metrics.csv").write_text(
            "epoch,step,val/miou,train/loss\n0,10,,1.5\n0,10,0.1,\n1,20,0.30000000000000004,\n"
        )
        return folder

    return added


def surveyed(
    output: Path, *, plan: Plan = PLAN, committed: Sequence[Measurement] = (), outdated_too: bool = True,
    **settings: object,
) -> Survey:  # fmt: skip
    return survey(
        plan, CONFIGURATIONS, settings={**SETTINGS, **settings}, output=output, committed=committed,
        outdated_too=outdated_too,
    )  # fmt: skip


def statuses(found: Survey) -> dict[tuple[str, int], str]:
    return {(state.row, state.seed): state.status for state in found.states}


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
        {"tile": [4, 4], "overlap": 0.25},
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


def test_each_run_has_its_state_and_the_lines_say_it(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5), seconds=100.0)
    add("sweeps/other/b", "ce", 2)
    add("sweeps/t/c", "dice", 1, status="failed", error="OutOfMemoryError: 3\n GiB")
    found = surveyed(tmp_path)
    assert statuses(found) == {
        ("ce", 1): "measured",
        ("ce", 2): "trained",
        ("dice", 1): "failed",
        ("dice", 2): "missing",
    }
    assert found.to_train("dice", retry_failed=False) == [2]
    assert found.to_train("dice", retry_failed=True) == [1, 2]
    assert [state.seed for state in found.to_evaluate()] == [2]
    assert not found.is_complete()
    assert counts(found) == "4 runs: 1 measured here, 1 trained and not evaluated, 1 failed, 1 missing"
    text = "\n".join(lines(found))
    assert "failed: dice seed 1: OutOfMemoryError: 3 GiB" in text
    assert "run=true retry_failed=true tries it again" in text
    assert "missing: dice seed 2" in text
    assert "about 2 min 40 s" in text  # twice the mean of 100 s and 60 s


def test_without_a_finished_run_the_time_is_unknown(tmp_path: Path) -> None:
    assert "an unknown time" in "\n".join(lines(surveyed(tmp_path)))


def test_a_killed_run_is_stale_and_an_interrupted_one_is_continued(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, status="running", host="elsewhere", pid=1)
    add("runs/b", "ce", 2, status="interrupted")
    found = surveyed(tmp_path)
    assert statuses(found)["ce", 1] == "stale"
    assert found.to_train("ce", retry_failed=False) == [1, 2]


def test_of_equal_runs_the_first_measured_one_counts(add, tmp_path: Path) -> None:
    add("runs/z", "ce", 1)
    add("runs/b", "ce", 1, evaluation(0.5))
    add("runs/a", "ce", 1, evaluation(0.6))
    (measured,) = surveyed(tmp_path).measurements()
    assert measured.folder == "runs/b"


def test_runs_here_go_before_committed_ones_of_the_same_configuration(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    add("runs/b", "ce", 2, evaluation(0.6))
    one, two = surveyed(tmp_path).measurements()
    committed = (Measurement(**{**vars(one), "folder": "there"}), Measurement(**{**vars(two), "folder": "there"}))
    (tmp_path / "runs/b/record.json").unlink()
    found = surveyed(tmp_path, committed=committed)
    assert [measurement.folder for measurement in found.measurements()] == ["runs/a", "there"]
    assert statuses(found)["ce", 2] == "committed"


def test_a_committed_measurement_of_another_configuration_is_shown_and_still_missing(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    (one,) = surveyed(tmp_path).measurements()
    old = Measurement(**{**vars(one), "seed": 2, "fingerprint": "another"})
    found = surveyed(tmp_path, committed=(old,))
    assert found.measurements() == [one, old]
    assert found.to_train("ce", retry_failed=False) == [2]
    assert "shown as committed, of a configuration that has changed since: ce seed 2" in "\n".join(lines(found))
    assert len(surveyed(tmp_path, committed=(old,), outdated_too=False).measurements()) == 1


SPLITS = replace(PLAN, evaluation={"split": ["val", "test"]})


def test_of_several_splits_each_is_a_measurement_and_what_is_left_is_named(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5), evaluation(0.25, split="val"))
    add("runs/b", "ce", 2, evaluation(0.5))
    add("runs/c", "dice", 1)
    found = surveyed(tmp_path, plan=SPLITS)
    assert statuses(found) == {
        ("ce", 1): "measured", ("ce", 2): "trained", ("dice", 1): "trained", ("dice", 2): "missing",
    }  # fmt: skip
    assert [state.unscored for state in found.to_evaluate()] == [("val",), ("val", "test")]
    shown = [(each.row, each.seed, each.protocol["split"], each.metrics["miou"]) for each in found.measurements()]
    assert shown == [("ce", 1, "val", 0.25), ("ce", 1, "test_15", 0.5), ("ce", 2, "test_15", 0.5)]


def test_the_run_that_was_measured_on_most_splits_counts(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5))
    add("runs/b", "ce", 1, evaluation(0.6), evaluation(0.3, split="val"))
    found = surveyed(tmp_path, plan=SPLITS)
    assert {each.folder for each in found.measurements()} == {"runs/b"}
    assert statuses(found)["ce", 1] == "measured"


def test_committed_lines_of_several_splits_come_back(add, tmp_path: Path) -> None:
    folder = add("runs/a", "ce", 1, evaluation(0.5), evaluation(0.25, split="val"))
    measured = surveyed(tmp_path, plan=SPLITS).measurements()
    write_csv(tmp_path / "t.csv", measured)
    committed = read_csv(tmp_path / "t.csv")
    assert [(each.row, each.seed, each.protocol["split"]) for each in committed] == [
        ("ce", 1, "val"), ("ce", 1, "test_15"),
    ]  # fmt: skip
    (folder / "record.json").unlink()
    whole = surveyed(tmp_path, plan=SPLITS, committed=committed)
    assert statuses(whole)["ce", 1] == "committed"
    assert to_csv(whole.measurements()) == to_csv(measured)
    half = surveyed(tmp_path, plan=SPLITS, committed=committed[:1])
    assert statuses(half)["ce", 1] == "missing"  # nothing here can be evaluated on the other split
    assert to_csv(half.measurements()) == to_csv(committed[:1])
    one = surveyed(tmp_path, committed=committed)  # a table of the test split alone
    assert [each.protocol["split"] for each in one.measurements()] == ["test_15"]


def test_a_committed_line_of_another_protocol_does_not_count(add, tmp_path: Path) -> None:
    folder = add("runs/a", "ce", 1, evaluation(0.5))
    committed = surveyed(tmp_path).measurements()
    (folder / "record.json").unlink()
    assert statuses(surveyed(tmp_path, committed=committed))["ce", 1] == "committed"
    flipped = surveyed(tmp_path, committed=committed, flip=True)
    assert statuses(flipped)["ce", 1] == "missing"
    assert flipped.states[0].outdated


def test_two_names_of_one_split_are_measured_once(add, tmp_path: Path) -> None:
    same = {("ce", 1): OmegaConf.create({"loss": "ce", "seed": 1, "data": {**DATA, "val_split": "test_15"}})}
    folder = add("runs/a", "ce", 1, evaluation(0.5))
    runs.update_record(folder, fingerprint=runs.fingerprint(runs.plain(same["ce", 1])))
    found = survey(SPLITS, same, settings=SETTINGS, output=tmp_path, committed=(), outdated_too=True)
    assert (len(found.measurements()), found.states[0].status) == (1, "measured")


def test_images_are_compared_where_there_is_one_split(add, tmp_path: Path) -> None:
    for place, row in (("runs/a", "ce"), ("runs/b", "dice")):
        folder = add(place, row, 1, evaluation(0.5), evaluation(0.25, split="val")) / "evaluations" / "x"
        folder.mkdir(parents=True)
        (folder / "per_image.csv").write_text(
            "name,resolution,class,intersection,truth,prediction\nfirst,original,road,1,2,2\n"
        )
    assert set(surveyed(tmp_path).images()) == {("ce", 1), ("dice", 1)}
    assert surveyed(tmp_path, plan=SPLITS).images() == {}


def test_two_rows_of_one_configuration_are_refused(tmp_path: Path) -> None:
    same = {("ce", 1): config("ce", 1), ("dice", 1): config("ce", 1)}
    with pytest.raises(SeglabError, match="'ce' and 'dice' compose to the same configuration"):
        survey(PLAN, same, settings=SETTINGS, output=tmp_path, committed=(), outdated_too=True)


def test_a_broken_record_is_left_out(add, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = add("runs/a", "ce", 1)
    (folder / "record.json").write_text("{")
    assert find_runs(tmp_path) == {}
    assert "is not JSON" in caplog.text


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
