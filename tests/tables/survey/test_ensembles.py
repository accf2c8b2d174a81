"""The seeds of a row together: one number for all of them, of an evaluation that names just these."""

from dataclasses import replace
from pathlib import Path

from seglab.evaluation.columns import COSTS, ENSEMBLE_MIOU, title
from seglab.runs import read_record, write_record
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.noise import SeedDesign
from seglab.tables.render.words import estimate
from seglab.tables.survey.ensembles import to_be_scored, with_ensembles
from seglab.tables.survey.measurements import read_csv, write_csv
from tests.tables.survey.finished import CONFIGURATIONS, PLAN, evaluation, surveyed

PLANNED = replace(PLAN, columns=("miou", ENSEMBLE_MIOU))


def ensemble(miou: float, members: list[str], **changes: object) -> dict:
    return evaluation(miou, uncertainty={"method": "ensemble"}, members=members, **changes)


def states_of(add, tmp_path: Path, *others: dict) -> tuple:
    """Of ce with two seeds, whose first run has these evaluations too, and of dice with one."""
    add("runs/a", "ce", 1, evaluation(0.5), *others)
    add("runs/b", "ce", 2, evaluation(0.6))
    add("runs/c", "dice", 1, evaluation(0.4))
    return with_ensembles(PLANNED, surveyed(tmp_path).states)


def members_of(tmp_path: Path) -> list[str]:
    return [state.fingerprint for state in surveyed(tmp_path).states if state.row == "ce"]


def test_it_is_asked_for_where_every_seed_is_there(add, tmp_path: Path) -> None:
    states = states_of(add, tmp_path)
    assert to_be_scored(PLAN, states) == []
    ((row, folders, splits),) = to_be_scored(PLANNED, states)
    assert (row, [folder.name for folder in folders], splits) == ("ce", ["a", "b"], ["test_15"])


def test_it_is_one_number_of_the_row_and_no_seed_of_it(add, tmp_path: Path) -> None:
    members = members_of(tmp_path)
    states = states_of(add, tmp_path, ensemble(0.9, ["other", members[1]]), ensemble(0.8, members, flip=True),
                       ensemble(0.7, members[::-1]))  # fmt: skip
    found = {state.key: state.measurements[0].ensemble_miou for state in states if state.measurements}
    assert found == {("ce", 1): 0.7, ("ce", 2): 0.7, ("dice", 1): None}
    assert to_be_scored(PLANNED, states) == []
    measurements = [measurement for state in states for measurement in state.measurements]
    assert {measurement.metrics["miou"] for measurement in measurements} == {0.5, 0.6, 0.4}
    (block,) = compare(PLANNED, measurements).blocks
    shown = {row.label: estimate(ENSEMBLE_MIOU, row.columns[ENSEMBLE_MIOU]) for row in block.rows}
    assert shown["ce"] == "70.0"  # as a table writes a mean IoU
    assert ENSEMBLE_MIOU not in block.rows[1].differences
    assert title(ENSEMBLE_MIOU) == COSTS[ENSEMBLE_MIOU].title == "ensemble mIoU %"


def test_a_repetition_is_no_member(add, tmp_path: Path) -> None:
    states = states_of(add, tmp_path)
    (third,) = (
        replace(state, seed=3, folder=tmp_path / "runs/again", fingerprint="again")
        for state in states
        if state.key == ("ce", 1)
    )
    noisy = replace(PLANNED, seeds=(1, 2, 3), noise=SeedDesign(values={"init": (1, 2)}, crossed=True, repeat=True))
    ((row, folders, _),) = to_be_scored(noisy, [*states, third])
    assert (row, [folder.name for folder in folders]) == ("ce", ["a", "b"])
    record = read_record(tmp_path / "runs/a")
    assert record is not None
    record["evaluations"]["together"] = ensemble(0.7, members_of(tmp_path))
    write_record(tmp_path / "runs/a", record)
    scored = with_ensembles(noisy, [*states, third])
    assert {state.key: one.ensemble_miou for state in scored for one in state.measurements} == {
        ("ce", 1): 0.7, ("ce", 2): 0.7, ("ce", 3): 0.7, ("dice", 1): None,
    }  # fmt: skip
    assert to_be_scored(noisy, scored) == []
    with_ensembles(noisy, [third])  # a survey of a part of the runs


def test_a_committed_one_comes_back(add, tmp_path: Path) -> None:
    states = states_of(add, tmp_path, ensemble(0.7, members_of(tmp_path)))
    measurements = [measurement for state in states for measurement in state.measurements]
    write_csv(tmp_path / "t.csv", measurements)
    assert [one.ensemble_miou for one in read_csv(tmp_path / "t.csv")] == [0.7, 0.7, None]
    plain = [replace(measurement, ensemble_miou=None) for measurement in measurements]
    write_csv(tmp_path / "t.csv", plain)
    assert ENSEMBLE_MIOU not in (tmp_path / "t.csv").read_text()


def test_every_run_of_the_plan_is_known() -> None:
    assert {row.label for row in PLANNED.rows} == {row for row, _ in CONFIGURATIONS}
