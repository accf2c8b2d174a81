"""How far one row with one seed is: by its runs here, else by committed measurements."""

from pathlib import Path

from seglab.tables.plan.model import Measurement
from seglab.tables.survey.measurements import read_csv, to_csv, write_csv
from seglab.tables.survey.survey import lines
from tests.tables.survey.finished import SPLITS, evaluation, statuses, surveyed


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
