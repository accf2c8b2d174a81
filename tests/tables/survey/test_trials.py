"""How far the tuning of rows is: from runs and from committed trials, and what follows from it."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from omegaconf import DictConfig

from seglab import runs
from seglab.errors import SeglabError
from seglab.runs.json_file import read_object
from seglab.tables.plan.model import Plan, Row
from seglab.tables.plan.read import plan_of
from seglab.tables.plan.tuning import Trial, Tune, chosen
from seglab.tables.survey import composed, inventory, trials, trials_file
from seglab.tables.survey.configurations import configurations
from seglab.tables.survey.inventory import listed, take
from seglab.tables.survey.survey import Survey, lines, once
from seglab.tables.survey.trials import Tuned, known, look

LOW, HIGH, HIGHER = ("optimizer.lr=0.001",), ("optimizer.lr=0.01",), ("optimizer.lr=0.1",)
PLAN = Plan(
    name="t", title="T", source="s", columns=("miou",), seeds=(1, 2), common=("data=synthetic",),
    rows=(
        Row(label="ce", overrides=("loss=ce",), tune=Tune(candidates=(LOW, HIGH, HIGHER))),
        Row(label="dice", overrides=("loss=dice",)),
        Row(label="further", starts_from="ce"),
    ),
)  # fmt: skip
Ran = Callable[..., Path]


@cache
def composed_once(plan: str, overrides: tuple[str, ...]) -> dict[tuple[str, int], DictConfig]:
    return configurations(PLANS[plan], overrides=overrides)


PLANS: dict[str, Plan] = {}


@pytest.fixture(autouse=True)
def every_plan_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all tests of this file: a composition takes a tenth of a second."""

    def of(plan: Plan, *, overrides: Sequence[str], search_path: Sequence[str]) -> dict[tuple[str, int], DictConfig]:
        PLANS[repr(plan)] = plan
        return composed_once(repr(plan), tuple(overrides))

    for module in (trials, composed):
        monkeypatch.setattr(module, "configurations", of)


def looked(output: Path, plan: Plan = PLAN, committed: Sequence[Trial] = (), overrides: Sequence[str] = ()) -> Tuned:
    return look(plan, overrides=overrides, search_path=(), output=output, committed=committed)


def surveyed(output: Path, plan: Plan = PLAN, committed: Sequence[Trial] = ()) -> Survey:
    tuned = looked(output, plan, committed)
    made = composed.compose(tuned.plan, overrides=(), search_path=())
    return take(tuned.plan, made, home=output, output=output, outdated_too=True, tuned=tuned)


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """`ran(HIGH, 0.4)`: a finished run of this trial of row ce, with this mIoU of its best checkpoint."""
    empty = {trial.values: trial for trial in looked(tmp_path).trials["ce"]}

    def left(values: tuple[str, ...], miou: float = 0.0, place: str = "", **record: object) -> Path:
        folder = tmp_path / "sweeps" / "t" / (place or values[0])
        folder.mkdir(parents=True)
        best = {"metrics": {"miou": miou}, "classes": {"pole": {"iou": 1 - miou}, "train": {"iou": math.nan}}}
        runs.write_record(folder, {
            "status": "finished", "started": f"2026-01-01T00:00:{len(list(tmp_path.rglob('record.json'))):02}+00:00",
            "fingerprint": empty[values].fingerprint, "best": best, "last": {"metrics": {"miou": 1 - miou}},
            "seconds": 60.0, "device": "cpu", "git": {"commit": "4f1c", "dirty": False},
            "overrides": ["loss=ce", *values, "seed=1", "sweep=t", "output=/somewhere"], **record,
        })  # fmt: skip
        return folder

    return left


def test_until_all_trials_are_done_a_row_and_what_needs_it_wait(tmp_path: Path, ran: Ran) -> None:
    ran(LOW, 0.3)
    ran(HIGH, 0.4)
    tuned = looked(tmp_path)
    assert [trial.outcome for trial in tuned.trials["ce"]] == ["finished", "finished", "missing"]
    assert tuned.undecided == {"ce", "further"}
    found = surveyed(tmp_path)
    assert {(state.row, state.status) for state in found.states} == {
        ("ce", "untuned"), ("dice", "missing"), ("further", "untuned"),
    }  # fmt: skip
    assert found.to_train("ce", retry_failed=True) == []
    first, *told = lines(found)
    assert first == "t: 6 runs: 2 missing, 4 not tuned yet"
    assert told[0] == "  tuning: ce: 2 of 3 trials"
    # six runs of rows and a trial, each as long as the two finished ones
    assert told[-1] == "  to train what is left takes about 7 min 00 s, as long as the finished runs took"


def test_the_best_trial_is_chosen_and_is_one_of_the_rows_runs(tmp_path: Path, ran: Ran) -> None:
    for values, miou in ((LOW, 0.3), (HIGH, 0.4), (HIGHER, 0.4)):
        ran(values, miou)
    tuned = looked(tmp_path)
    assert tuned.undecided == set()
    assert tuned.plan.rows[0].overrides == ("loss=ce", *HIGH)  # of equal ones the first
    assert tuned.plan.rows[1:] == PLAN.rows[1:]
    found = surveyed(tmp_path)
    assert [found.of("ce", seed).status for seed in (1, 2)] == ["trained", "missing"]
    other, its = found.of("ce", 2), tuned.trials["ce"][1]
    assert other.fingerprint != found.of("ce", 1).fingerprint == its.fingerprint
    assert (its.seconds, its.device, its.commit, its.command) == (
        60.0, "cpu", "4f1c", "python -m seglab.train loss=ce optimizer.lr=0.01 seed=1",
    )  # fmt: skip
    assert found.of("further", 2).init_from == f"run:{other.fingerprint}"


@pytest.mark.parametrize(
    ("changes", "best"),
    [({}, HIGH), ({"column": "iou/pole"}, LOW)],
)
def test_a_row_says_by_what_it_is_chosen(tmp_path: Path, ran: Ran, changes: dict, best: tuple[str, ...]) -> None:
    tune = Tune(candidates=(LOW, HIGH), **changes)
    plan = replace(PLAN, rows=(replace(PLAN.rows[0], tune=tune),))
    for values, miou in ((LOW, 0.3), (HIGH, 0.4)):
        ran(values, miou)
    assert looked(tmp_path, plan).plan.rows[0].overrides == ("loss=ce", *best)
    by_last = replace(plan, evaluation={"checkpoint": "last"})
    if not changes:
        assert looked(tmp_path, by_last).plan.rows[0].overrides == ("loss=ce", *LOW)


def test_a_score_that_no_validation_has_is_told(tmp_path: Path, ran: Ran) -> None:
    ran(LOW, 0.3)
    absent = replace(PLAN, rows=(replace(PLAN.rows[0], tune=Tune(candidates=(LOW, HIGH), column="iou/train")),))
    assert "expected iou/train of its best checkpoint; no validation has it" in "\n".join(
        lines(surveyed(tmp_path, absent))
    )
    unknown = replace(PLAN, rows=(replace(PLAN.rows[0], tune=Tune(candidates=(LOW, HIGH), column="iou/poles")),))
    with pytest.raises(SeglabError, match=r"row 'ce: optimizer.lr=0.001': columns: iou/poles: .* did you mean 'pole'"):
        looked(tmp_path, unknown)


def test_what_diverged_has_lost_and_another_failure_holds_the_row_up(tmp_path: Path, ran: Ran) -> None:
    ran(LOW, 0.3)
    ran(HIGHER, status="failed", error="NonFiniteError: the loss (nan) or a gradient was not finite")
    folder = ran(HIGH, status="failed", error="OutOfMemoryError: CUDA out of memory")
    tuned = looked(tmp_path)
    assert [trial.outcome for trial in tuned.trials["ce"]] == ["finished", "failed", "diverged"]
    told = "\n".join(lines(surveyed(tmp_path)))
    assert "tuning: ce: 2 of 3 trials" in told
    assert f"failed: ce: optimizer.lr=0.01 seed 1: OutOfMemoryError: CUDA out of memory  ({folder})" in told
    assert "until its cause is mended: run=true retry_failed=true" in told
    ran(HIGH, 0.2, place="again")
    assert looked(tmp_path).plan.rows[0].overrides == ("loss=ce", *LOW)


def test_where_all_diverged_nothing_is_chosen(tmp_path: Path, ran: Ran) -> None:
    for values in (LOW, HIGH, HIGHER):
        ran(values, status="failed", error="NonFiniteError: nan")
    assert "tuning: ce: all 3 trials diverged, so nothing is chosen - change its values" in "\n".join(
        lines(surveyed(tmp_path))
    )
    assert looked(tmp_path).undecided == {"ce", "further"}


def test_committed_trials_choose_the_same_on_a_machine_without_their_runs(tmp_path: Path, ran: Ran) -> None:
    for values, miou in ((LOW, 0.1 + 0.2), (HIGH, 0.4)):
        ran(values, miou)
    ran(HIGHER, status="failed", error="NonFiniteError: nan")
    here = looked(tmp_path)
    path = trials_file.committed(PLAN, tmp_path)
    assert path.name == "t.trials.json"
    trials_file.write(path, here.trials["ce"])
    assert str(tmp_path) not in path.read_text()
    kept = trials_file.read(path)
    assert tuple(kept) == here.trials["ce"]  # to the last digit
    elsewhere = looked(tmp_path / "elsewhere", committed=kept)
    assert elsewhere == here
    assert known(PLAN, kept) == here.trials
    assert known(replace(PLAN, rows=PLAN.rows[1:]), kept) == {}
    part = known(PLAN, kept[1:])["ce"]
    assert [trial.outcome for trial in part] == ["missing", "finished", "diverged"]
    assert (part[0].values, chosen(part)) == (LOW, None)

    changed = looked(tmp_path / "elsewhere", committed=kept, overrides=["model.base=4"])
    assert [trial.outcome for trial in changed.trials["ce"]] == ["missing"] * 3
    by_last = looked(tmp_path / "elsewhere", replace(PLAN, evaluation={"checkpoint": "last"}), committed=kept)
    assert [trial.outcome for trial in by_last.trials["ce"]] == ["missing"] * 3


def test_committed_trials_of_one_configuration_are_told_apart_by_what_is_scored(tmp_path: Path, ran: Ran) -> None:
    for values, miou in ((LOW, 0.3), (HIGH, 0.4)):
        ran(values, miou)
    row = replace(PLAN.rows[0], tune=Tune(candidates=(LOW, HIGH)))
    by_pole = replace(row, label="pole", tune=Tune(candidates=(LOW, HIGH), column="iou/pole"))
    by_last = replace(row, label="last", evaluation={"checkpoint": "last"})
    plan = replace(PLAN, rows=(row, by_pole, by_last))
    here = looked(tmp_path, plan)
    committed = [trial for of_row in here.trials.values() for trial in of_row]
    assert len({trial.fingerprint for trial in committed}) == 2
    assert looked(tmp_path / "elsewhere", plan, committed=committed) == here
    assert [one.overrides[-1:] for one in here.plan.rows] == [HIGH, LOW, LOW]


def test_trials_that_are_not_done_are_not_committed(tmp_path: Path, ran: Ran) -> None:
    ran(LOW, 0.3)
    trials_file.write(tmp_path / "t.trials.json", looked(tmp_path).trials["ce"])
    assert [trial.values for trial in trials_file.read(tmp_path / "t.trials.json")] == [LOW]
    assert trials_file.read(tmp_path / "none.trials.json") == []


@pytest.mark.parametrize(("key", "value"), [("score", "high"), ("outcome", "failed"), ("values", None)])
def test_a_damaged_file_is_told(tmp_path: Path, ran: Ran, key: str, value: object) -> None:
    ran(LOW, 0.3)
    path = tmp_path / "t.trials.json"
    trials_file.write(path, looked(tmp_path).trials["ce"])
    content = read_object(path, what="", cure="")
    assert content is not None
    content["trials"][0][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(
        SeglabError, match=rf"expected the trials of a table; trials\[0\] has {key}=.* - write it again"
    ):
        trials_file.read(path)


def test_trials_have_a_seed_and_overrides_of_their_own(tmp_path: Path) -> None:
    tune = Tune(candidates=(LOW, HIGH), seed=9, overrides=("trainer.max_epochs=1",))
    plan = replace(PLAN, rows=(replace(PLAN.rows[0], tune=tune), *PLAN.rows[1:]))
    tuned = looked(tmp_path, plan)
    assert {trial.seed for trial in tuned.trials["ce"]} == {9}
    assert [trial.config["trainer"]["max_epochs"] for trial in tuned.trials["ce"] if trial.config] == [1, 1]
    assert tuned.plan.rows[0].overrides == ("loss=ce", *LOW)  # a stand-in, without those of the trials
    assert {(trial.dataset, trial.split) for trial in tuned.trials["ce"]} == {("synthetic", "val")}


def test_a_row_that_is_tested_at_several_places_is_tuned_once(tmp_path: Path) -> None:
    content = {
        "title": "T", "source": "s", "seeds": [1], "columns": ["miou"], "common": ["data=synthetic"],
        "rows": [{"label": "ce", "overrides": ["loss=ce"], "tune": {"optimizer.lr": [1e-3, 1e-2]}}],
        "tested_on": {"here": {"data": "synthetic"}, "there": {"data": "synthetic", "split": "test"}},
    }  # fmt: skip
    plan = plan_of(content, name="t")
    tuned = looked(tmp_path, plan)
    assert {label: len(trials) for label, trials in tuned.trials.items()} == {"ce": 2}
    assert tuned.undecided == {"ce on here", "ce on there"}
    assert {row.overrides for row in tuned.plan.rows} == {("loss=ce", *LOW)}
    states = surveyed(tmp_path, plan).states
    assert [state.status for state in states] == ["untuned", "untuned"]
    assert [state.row for state in once(states)] == ["ce on here"]
    assert len(once(surveyed(tmp_path).states)) == 6  # other rows and seeds are runs of their own


def test_trials_that_are_one_are_refused(tmp_path: Path) -> None:
    message = (
        "row 'ce': tune: expected trials that differ; optimizer.lr=0.001 and optimizer.lr=0.01 compose to the same"
    )
    with pytest.raises(SeglabError, match=message):
        looked(tmp_path, overrides=["optimizer.lr=0.5"])


def test_a_wrong_key_is_told_with_the_trial(tmp_path: Path) -> None:
    wrong = Tune(candidates=(("optimizer.lrr=1",), ("optimizer.lrr=2",)))
    with pytest.raises(SeglabError, match=r"table t, row 'ce: optimizer.lrr=1': .*lrr"):
        looked(tmp_path, replace(PLAN, rows=(replace(PLAN.rows[0], tune=wrong),)))


def test_the_list_of_tables_says_what_is_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "find_runs", lambda _: {"a run": []})
    (tmp_path / "mine.yaml").write_text(
        "{title: Mine, source: s, seeds: [1, 2], columns: [miou],"
        " rows: [{label: ce, overrides: [data=synthetic], tune: {optimizer.lr: [1e-3, 1e-2]}}]}"
    )
    (told,) = listed([tmp_path], output=tmp_path, overrides=(), search_path=())
    assert told == "mine: Mine\n    2 runs: 2 not tuned yet"
