"""What a table shows of the tuning of its rows."""

from dataclasses import replace

import pytest

from seglab.display.sheet import comma_separated, markdown
from seglab.tables.analysis.tuned import tuned
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.plan.tuning import Trial, Tune


def trial(row: str, rate: float, score: float | None, **changes: object) -> Trial:
    values = {
        "row": row, "values": (f"optimizer.lr={rate}",), "seed": 1, "fingerprint": "f", "column": "miou",
        "checkpoint": "best", "dataset": "synthetic", "split": "val", "outcome": "finished", "score": score,
        "seconds": 90.0, "device": "cpu", **changes,
    }  # fmt: skip
    return Trial(**values)  # type: ignore[arg-type]


TRIALS = {
    "ce": [trial("ce", 0.1, 0.25), trial("ce", 0.2, 1 / 3), trial("ce", 9, None, outcome="diverged", seconds=10.0)],
    "dice": [trial("dice", 0.1, 0.5), trial("dice", 0.2, None, outcome="missing", seconds=None, device="")],
}


def test_what_was_chosen_what_was_tried_and_what_it_cost(comparison: Comparison) -> None:
    finding = tuned(replace(comparison, trials=TRIALS))
    assert finding is not None
    choices, tried = finding.sheets
    shown = markdown(choices)
    assert "tuned: chosen by synthetic val, best checkpoint, seed 1" in shown
    assert "| row | chosen | mIoU % | trials | diverged | all trials took |" in shown
    assert "| ce | optimizer.lr=0.2 | 33.3 | 3 | 1 | 3 min 10 s |" in shown
    assert "| dice |  | – | 2 | 0 | 1 min 30 s |" in shown
    assert "tuning took 4 min 40 s of training (5 trials, on cpu); the table's own runs are not counted" in shown
    assert comma_separated(choices).splitlines()[1] == f"ce,optimizer.lr=0.2,{1 / 3!r},3,1,190.0"
    shown = markdown(tried)
    assert "| ce | optimizer.lr=0.1 | 25.0 | 1 min 30 s |  |" in shown
    assert "| ce | optimizer.lr=0.2 | **33.3** \\* | 1 min 30 s |  |" in shown
    assert "| ce | optimizer.lr=9 | – | 10 s | diverged |" in shown
    assert "| dice | optimizer.lr=0.1 | 50.0 | 1 min 30 s |  |" in shown  # not all of them are done
    assert "| dice | optimizer.lr=0.2 | – | – | missing |" in shown
    assert "- chosen: \\*" in shown or "- chosen: *" in shown


def test_rows_that_are_chosen_by_other_scores_say_so(comparison: Comparison) -> None:
    both = {"ce": TRIALS["ce"], "dice": [trial("dice", 0.1, 0.5, column="iou/pole")]}
    finding = tuned(replace(comparison, trials=both))
    assert finding is not None
    shown = markdown(finding.sheets[0])
    assert "| row | chosen | score % |" in shown
    assert "- ce: chosen by mIoU" in shown
    assert "- dice: chosen by IoU pole" in shown


def test_of_a_table_without_trials_nothing_is_said(comparison: Comparison) -> None:
    assert tuned(comparison) is None
    assert tuned(replace(comparison, trials={"dice": TRIALS["dice"][1:]})) is None


@pytest.mark.parametrize(
    ("tune", "seed", "is_said"),
    [({}, 1, True), ({}, 9, False), ({"overrides": ("trainer.max_epochs=1",)}, 1, False)],
)
def test_a_chosen_trial_that_is_reported_as_a_run_is_named(
    comparison: Comparison, tune: dict, seed: int, is_said: bool
) -> None:
    stated = Tune(candidates=(("optimizer.lr=0.1",), ("optimizer.lr=0.2",)), **tune)
    rows = (replace(comparison.plan.rows[0], tune=stated), *comparison.plan.rows[1:])
    trials = {"ce": [trial("ce", 0.1, 0.2, seed=seed), trial("ce", 0.2, 0.3, seed=seed)]}
    finding = tuned(replace(comparison, plan=replace(comparison.plan, rows=rows), trials=trials))
    assert finding is not None
    said = "reported runs that are chosen trials themselves: ce seed 1" in markdown(finding.sheets[0])
    assert said == is_said
