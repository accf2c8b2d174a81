"""Which trials of a row are trained, and by which commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from seglab.tables.launch import launch
from seglab.tables.launch.trials import train_trials
from seglab.tables.plan.tuning import Outcome, Trial, Tune
from seglab.tables.survey.trials import Tuned
from tests.tables.launch.test_launch import PLAN, Calls

TUNE = Tune(candidates=(("optimizer.lr=0.1",), ("optimizer.lr=0.2",), ("optimizer.lr=0.3",)))
TUNED_PLAN = replace(
    PLAN,
    rows=(
        replace(PLAN.rows[0], tune=TUNE),
        replace(PLAN.rows[1], tune=replace(TUNE, seed=9, overrides=("trainer.max_epochs=1",))),
    ),
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The commands that would be run."""
    found: Calls = []
    monkeypatch.setattr(launch, "_call", lambda module, arguments: found.append((module, list(arguments))) or 0)
    return found


def trials(row: str, *outcomes: Outcome, seed: int) -> tuple[Trial, ...]:
    return tuple(
        Trial(row=row, values=values, seed=seed, fingerprint=f"{row}{values}", column="miou", checkpoint="best",
              dataset="d", split="val", outcome=outcome)
        for values, outcome in zip(TUNE.candidates, outcomes, strict=True)
    )  # fmt: skip


TUNED = Tuned(
    plan=TUNED_PLAN,
    trials={
        "ce": trials("ce", "finished", "missing", "diverged", seed=1),
        "dice": trials("dice", "interrupted", "failed", "running", seed=9),
    },
)


def train(**changes) -> None:
    given = {"rows": ["ce", "dice"], "overrides": ["trainer=gpu"], "search_path": [], "retry_failed": False, **changes}
    train_trials(TUNED_PLAN, TUNED, output=Path("outputs"), **given)


CE = ["-m", "data.size=[32,64]", "loss=ce", "optimizer.lr=0.2", "trainer=gpu", "seed=1", "sweep=t"]
DICE = [
    "-m", "data.size=[32,64]", "loss=dice", "optimizer.lr=0.1", "trainer.max_epochs=1", "trainer=gpu", "seed=9",
    "sweep=t",
]  # fmt: skip


def test_what_is_left_is_trained_with_the_seed_and_the_overrides_of_trials(calls: Calls) -> None:
    train()
    assert calls == [("seglab.train", CE), ("seglab.train", DICE)]


def test_rows_that_are_not_picked_are_left_alone(calls: Calls) -> None:
    train(rows=["dice"])
    assert calls == [("seglab.train", DICE)]


def test_what_failed_is_tried_again_where_that_is_asked_for_and_what_diverged_never(calls: Calls) -> None:
    train(retry_failed=True)
    again = [each.replace("=0.1", "=0.2") for each in DICE]
    assert [arguments for _, arguments in calls] == [
        [*each, "retry_failed=true"] for each in (CE, DICE, again)
    ]  # fmt: skip
