"""What is said of rows that were tuned: where their values were chosen, and whether they had equal chances."""

from dataclasses import replace

from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Plan
from seglab.tables.plan.tuning import Trial, Tune
from tests.tables.comparison.losses import all_measured, plan, with_protocol


def tuned(**counts: int) -> Plan:
    """The plan of losses with so many trials of rows."""
    rows = tuple(
        replace(row, tune=Tune(candidates=tuple((f"optimizer.lr={n}",) for n in range(count)))) if count else row
        for row in plan().rows
        for count in [counts.get(row.label, 0)]
    )
    return plan(rows=rows)


def trials(of: Plan, **changes: str) -> dict[str, list[Trial]]:
    values = {"column": "miou", "checkpoint": "best", "dataset": "synthetic", "split": "val", **changes}
    return {
        row.label: [
            Trial(row=row.label, values=one, seed=1, fingerprint="f", outcome="finished", score=0.5, **values)
            for one in row.tune.candidates
        ]
        for row in of.rows
        if row.tune is not None
    }  # type: ignore[arg-type]


OPTIMISTIC = (
    "ce, dice: tuned on synthetic val, and scored on it: the tuned values and the epoch of the best checkpoint were "
    "chosen by these images, so the scores are optimistic"
)
UNEQUAL = "the rows had no equal chances; trials of their tuning: ce 3, dice 6, focal none"


def test_rows_that_are_scored_where_they_were_tuned_are_warned_of():
    of = tuned(ce=3, dice=3, focal=0)
    assert OPTIMISTIC in compare(of, all_measured(), trials=trials(of)).warnings
    by_last = compare(of, all_measured(), trials=trials(of, checkpoint="last")).warnings
    assert OPTIMISTIC.replace(" and the epoch of the best checkpoint", "") in by_last
    elsewhere = [with_protocol(each, split="test") for each in all_measured()]
    of_others = [with_protocol(each, dataset="camvid") for each in all_measured()]
    for measurements in (elsewhere, of_others):
        assert not any("optimistic" in line for line in compare(of, measurements, trials=trials(of)).warnings)
    both = compare(replace(of, evaluation={"split": ["val", "test"]}), [*all_measured(), *elsewhere], trials=trials(of))
    assert sum("optimistic" in line for line in both.warnings) == 1
    assert OPTIMISTIC.replace("dice:", "dice (split val):") in both.warnings


def test_a_share_of_the_reported_split_is_warned_of():
    of = tuned(ce=3, dice=3)
    warnings = compare(of, all_measured(), trials=trials(of, split="val:50%")).warnings
    shared = OPTIMISTIC.replace("synthetic val", "synthetic val:50%")
    assert shared.replace("on it", "on val, which may hold the same images") in warnings
    rest = [with_protocol(each, split="val:-50%") for each in all_measured()]
    assert not any("optimistic" in line for line in compare(of, rest, trials=trials(of, split="val:50%")).warnings)


def test_before_anything_is_measured_the_plan_is_warned_of():
    of = tuned(ce=3, dice=3)
    assert OPTIMISTIC in compare(replace(of, evaluation={"split": "val"}), [], trials=trials(of)).warnings
    assert not any("optimistic" in line for line in compare(replace(of, evaluation={"split": "test"}), [],
                                                            trials=trials(of)).warnings)  # fmt: skip


def test_unequal_chances_are_said():
    assert UNEQUAL in compare(tuned(ce=3, dice=6), all_measured()).warnings
    for alike in (tuned(ce=3, dice=3, focal=3), tuned()):
        assert not any("chances" in line for line in compare(alike, all_measured()).warnings)
