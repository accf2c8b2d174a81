"""What a table costs before it runs."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seglab.tables.costs.costs import Cost, configs_of_trials, keep, key_of, of_rows, read
from seglab.tables.costs.sheet import cost_sheet, headline
from seglab.tables.plan.model import Plan
from seglab.tables.plan.tuning import Trial, Tune
from seglab.tables.survey.standing import State
from seglab.tables.survey.survey import Survey, lines

TIMES = {
    "train_step": 0.5, "val_step": 0.1, "batch_size": 4, "images": {"train": 42, "val": 9},
    "measured_on": [4, 32, 64], "device": "cpu (1 thread)",
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "data": {"batch_size": 4, "eval_batch_size": 2, "size": [32, 64]},
    "trainer": {
        "accelerator": "cpu", "max_epochs": 3, "max_steps": -1, "accumulate_grad_batches": 1,
        "limit_train_batches": None, "limit_val_batches": None,
        "check_val_every_n_epoch": 1, "val_check_interval": None,
    },
    "callbacks": {"best": {"_target_": "seglab.callbacks.checkpoint.BestCheckpoint"}, "other": None},
}  # fmt: skip


def config(**changes: Any) -> dict[str, Any]:
    """CONFIG with other values of the trainer."""
    changed = copy.deepcopy(CONFIG)
    changed["trainer"] |= changes
    return changed


def surveyed(plan: Plan, *seconds: float | None) -> Survey:
    """The runs of 'ce', finished where they took any time, and the control."""
    runs = [
        State(row="ce", seed=seed, status="missing" if each is None else "trained", seconds=each)
        for seed, each in enumerate(seconds, start=1)
    ]
    return Survey(plan=plan, states=(*runs, State(row="half", seed=1, status="missing")))


def cost(plan: Plan, config: dict[str, Any], times: dict[str, Any] = TIMES) -> Cost:
    (found,) = of_rows(surveyed(plan, None, None), {"ce": config}, {key_of(config): times})
    return found


@pytest.mark.parametrize(
    ("changes", "steps", "seconds"),
    [
        ({}, 30, 15 + 3 * 5 * 0.1),  # 10 full batches an epoch, 5 of validation
        ({"max_epochs": -1, "max_steps": 25}, 25, 12.5 + 2 * 0.5),
        ({"max_steps": 5, "accumulate_grad_batches": 2}, 10, 5 + 0.5),
        ({"limit_train_batches": 2, "limit_val_batches": 1}, 6, 3 + 3 * 0.1),
        ({"limit_train_batches": 0.5}, 15, 7.5 + 3 * 0.5),
        ({"check_val_every_n_epoch": 3}, 30, 15 + 0.5),
        ({"val_check_interval": 0.5}, 30, 15 + 6 * 0.5),
        ({"val_check_interval": 5, "check_val_every_n_epoch": None}, 30, 15 + 6 * 0.5),
    ],
)
def test_an_estimate_is_steps_times_seconds(plan: Plan, changes: dict, steps: int, seconds: float) -> None:
    found = cost(plan, config(**changes))
    assert (found.steps, found.measured, found.at_most) == (steps, False, False)
    assert found.seconds == pytest.approx(seconds)


def test_finished_runs_go_before_an_estimate(plan: Plan) -> None:
    (found,) = of_rows(surveyed(plan, 60.0, None), {"ce": CONFIG}, {key_of(CONFIG): TIMES})
    assert (found.seconds, found.measured, found.seeds, found.left) == (60.0, True, 2, 1)


def test_a_row_that_may_stop_early_costs_at_most(plan: Plan) -> None:
    early = {**CONFIG, "callbacks": {"stop": {"_target_": "lightning.pytorch.callbacks.EarlyStopping"}}}
    found = cost(plan, early)
    assert found.at_most
    assert headline([found]).startswith("at most 33 s on the CPU (estimated from a few steps of each row on cpu")


@pytest.mark.parametrize(
    ("changes", "times", "message"),
    [
        ({"max_epochs": -1}, TIMES, "it has no end"),
        ({}, {**TIMES, "images": {"train": None, "val": 3}}, "only known from the files"),
        ({}, {"error": "out of memory: 80 GiB"}, "out of memory: 80 GiB"),
    ],
)
def test_what_is_unknown_says_why(plan: Plan, changes: dict, times: dict, message: str) -> None:
    found = cost(plan, config(**changes), times)
    assert found.seconds is None
    assert message in (found.error or "")
    assert headline([found]) == "the costs are unknown"


def test_estimates_are_kept_by_configuration_and_device(plan: Plan, tmp_path: Path) -> None:
    assert read(plan, tmp_path) == {}
    keep({key_of(CONFIG): TIMES}, plan, tmp_path)
    assert json.loads((tmp_path / "tables" / "t" / "costs.json").read_text()) == read(plan, tmp_path)
    assert key_of(CONFIG) != key_of(config(max_epochs=4))
    assert key_of(CONFIG) != key_of(config(accelerator="gpu"))


def test_the_state_says_how_long_what_is_left_takes(plan: Plan) -> None:
    assert "an unknown time" in "\n".join(lines(surveyed(plan, None, None)))
    assert "takes about 2 min 00 s, estimated" in "\n".join(lines(surveyed(plan, None, None), {"ce": 60.0}))
    assert "takes about 30 s, as long as" in "\n".join(lines(surveyed(plan, None, 30.0), {"ce": 60.0}))
    assert "to train" not in "\n".join(lines(surveyed(plan, 30.0, 30.0)))  # the control is not trained


def trials(*outcomes: str, seed: int) -> list[Trial]:
    return [
        Trial(row="ce", values=(f"optimizer.lr={n}",), seed=seed, fingerprint=f"f{n}", column="miou", checkpoint="best",
              dataset="d", split="val", outcome=outcome, seconds=40.0 if outcome == "finished" else None, config=CONFIG)
        for n, outcome in enumerate(outcomes)
    ]  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "outcomes", "runs"),
    [
        (1, ("missing", "missing", "missing"), (2, 2)),  # one of the three will be the row's own run
        (9, ("missing", "missing", "missing"), (3, 3)),
        (1, ("finished", "diverged", "missing"), (2, 0)),
        (9, ("finished", "finished", "finished"), (3, 0)),
    ],
)
def test_trials_are_counted_beside_the_runs_of_their_row(
    plan: Plan, seed: int, outcomes: tuple[str, ...], runs: tuple[int, int]
) -> None:
    tune = Tune(candidates=tuple((f"optimizer.lr={n}",) for n in range(3)))
    tuned = replace(plan, rows=(replace(plan.rows[0], tune=tune), plan.rows[1]))
    found = replace(surveyed(tuned, None, None), trials={"ce": trials(*outcomes, seed=seed)})
    row, tuning = of_rows(found, {"ce": CONFIG}, {key_of(CONFIG): TIMES})
    assert (row.row, row.seeds, row.left) == ("ce", 2, 2)
    assert (tuning.row, tuning.seeds, tuning.left) == ("ce, tuning", *runs)
    assert configs_of_trials(found) == {"ce, tuning": CONFIG}
    if "finished" in outcomes:
        assert (tuning.seconds, tuning.measured) == (40.0, True)
    else:
        assert (tuning.seconds, tuning.measured) == (row.seconds, False)
    note = "tuning: without the trial that is one of the row's own runs"
    assert any(line.startswith(note) for line in cost_sheet(tuned, [row, tuning]).notes)
    assert not any(line.startswith(note) for line in cost_sheet(plan, [row]).notes)
