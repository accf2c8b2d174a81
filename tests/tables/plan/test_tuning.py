"""What a table says of the tuning of its rows."""

import math

import pytest
import yaml
from scipy import stats

from seglab.errors import SeglabError
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of
from seglab.tables.plan.tuning import Trial, Tune, chosen
from tests.tables.plan.losses import GOOD, changed, with_rows

GRID = {"optimizer.lr": [1e-4, 1e-3], "loss.gamma": [1, 2, 3]}


def tuned(tune: object, **changes: object) -> Plan:
    """The plan of GOOD with a row 'x' that is tuned so."""
    return plan_of({**with_rows({"overrides": ["model.base=8"], "tune": tune}), **changes}, name="t")


def of_x(tune: object) -> Tune:
    found = tuned(tune).rows[-1].tune
    assert found is not None
    return found


def test_a_grid_holds_every_combination_once() -> None:
    tune = of_x(GRID)
    expected = {
        (f"optimizer.lr={rate}", f"loss.gamma={gamma}") for rate in ("0.0001", "0.001") for gamma in ("1", "2", "3")
    }
    assert len(tune.candidates) == len(expected) == 6
    assert set(tune.candidates) == expected
    assert tune.candidates[:2] == (("optimizer.lr=0.0001", "loss.gamma=1"), ("optimizer.lr=0.0001", "loss.gamma=2"))
    assert (tune.column, tune.seed, tune.overrides) == ("miou", None, ())


def test_a_number_is_one_however_its_yaml_is_read() -> None:
    # PyYAML takes 1e-4 for a text, Hydra's reader for a number
    content = yaml.safe_load("{optimizer.lr: [1e-4, 3e-4], model.norm: [batch, null], data.size: [[8, 16], [16, 32]]}")
    assert content["optimizer.lr"] == ["1e-4", "3e-4"]
    by_pyyaml, by_hydra = of_x(content), of_x({**content, "optimizer.lr": [1e-4, 3e-4]})
    assert by_pyyaml == by_hydra
    assert by_pyyaml.candidates[0] == ("optimizer.lr=0.0001", "model.norm=batch", "data.size=[8,16]")
    assert by_pyyaml.candidates[-1] == ("optimizer.lr=0.0003", "model.norm=null", "data.size=[16,32]")


def search(trials: int, **changes: object) -> dict:
    space = {"optimizer.lr": {"log": [1e-5, 1e-1]}, "loss.gamma": {"uniform": [0, 4]}, "model.depth": {"whole": [2, 4]},
             "loss": ["ce", "dice"]}  # fmt: skip
    return {"trials": trials, "seed": 3, **space, **changes}


def test_a_search_draws_each_number_from_its_distribution() -> None:
    drawn = [dict(value.split("=") for value in trial) for trial in of_x(search(2000)).candidates]
    rates = [float(trial["optimizer.lr"]) for trial in drawn]
    assert stats.kstest([math.log10(rate) for rate in rates], stats.uniform(-5, 4).cdf).pvalue > 0.01
    assert stats.kstest(rates, stats.uniform(1e-5, 0.1).cdf).pvalue < 1e-6  # and from no other
    gammas = [float(trial["loss.gamma"]) for trial in drawn]
    assert stats.kstest(gammas, stats.uniform(0, 4).cdf).pvalue > 0.01
    for key, values in (("model.depth", ("2", "3", "4")), ("loss", ("ce", "dice"))):
        found = [sum(trial[key] == value for trial in drawn) for value in values]
        assert sum(found) == 2000
        assert stats.chisquare(found).pvalue > 0.01
    lots = list(zip(rates, gammas, strict=True))
    assert abs(stats.spearmanr(lots).statistic) < 0.1  # no key follows another


def test_more_trials_and_other_keys_leave_those_before_as_they_are() -> None:
    eight = of_x(search(8))
    assert len(set(eight.candidates)) == 8
    assert of_x(search(12)).candidates[:8] == eight.candidates
    assert of_x(search(8)) == eight
    assert of_x(search(8, seed=4)).candidates != eight.candidates
    more = of_x(search(8, **{"optimizer.weight_decay": {"log": [1e-4, 1]}})).candidates
    assert [trial[:4] for trial in more] == list(eight.candidates)


def test_a_search_tries_nothing_twice() -> None:
    tune = of_x({"trials": 6, "loss": ["ce", "dice", "focal"], "model.depth": {"whole": [2, 3]}})
    assert len(set(tune.candidates)) == 6


def test_a_table_tunes_its_rows_and_a_row_may_do_otherwise() -> None:
    rows = [
        {"label": "ce", "overrides": []},
        {"label": "dice", "overrides": ["loss=dice"], "tune": {"optimizer.lr": [1, 2, 3], "column": "iou/pole"}},
        {"label": "focal", "overrides": ["loss=focal"], "tune": False},
        {"label": "half", "downsample": 2},
    ]
    tune = {"optimizer.lr": [0.1, 0.2], "overrides": ["trainer.max_epochs=1"], "seed": 7}
    plan = plan_of(changed(rows=rows, tune=tune), name="t")
    ce, dice, focal, half = (row.tune for row in plan.rows)
    assert ce == Tune(
        candidates=(("optimizer.lr=0.1",), ("optimizer.lr=0.2",)), seed=7, overrides=("trainer.max_epochs=1",)
    )
    assert dice is not None
    assert (len(dice.candidates), dice.column) == (3, "iou/pole")
    assert focal is half is None
    assert all(row.tune is None for row in plan_of(GOOD, name="t").rows)


def test_the_rows_of_factors_are_tuned_alike() -> None:
    content = {key: value for key, value in GOOD.items() if key not in ("rows", "baseline")}
    factors = {"loss": ["ce", "dice"], "model.base": [4, 8]}
    plan = plan_of({**content, "factors": factors, "tune": {"optimizer.lr": [0.1, 0.2]}}, name="t")
    assert len(plan.rows) == 4
    assert {row.tune for row in plan.rows} == {Tune(candidates=(("optimizer.lr=0.1",), ("optimizer.lr=0.2",)))}
    with pytest.raises(SeglabError, match="expected keys that the row does not state itself; came 'loss=ce' among"):
        plan_of({**content, "factors": factors, "tune": {"loss": ["focal", "ohem"]}}, name="t")


def test_a_tuned_row_may_stand_beside_the_same_one_untuned() -> None:
    assert len(plan_of(with_rows({"overrides": ["loss=ce"], "tune": {"optimizer.lr": [1, 2]}}), name="t").rows) == 3


def test_a_reduced_form_decides_how_long_its_trials_are() -> None:
    tune = {"optimizer.lr": [1, 2], "overrides": ["trainer.max_epochs=9", "data.fraction=0.5"]}
    row = reduced(tuned(tune), "smoke").rows[-1]
    assert row.tune is not None
    assert row.tune.overrides == ("data.fraction=0.5",)
    assert row.tune.candidates == (("optimizer.lr=1",), ("optimizer.lr=2",))


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ([1], r"rows\[2\]: tune: expected {KEY: \[VALUE, ...\], ...}, or false; came \[1\]"),
        ({}, "tune: expected one key of conf/train.yaml or more, each with its values; came none"),
        ({"seed": 1}, "tune: expected one key of conf/train.yaml or more"),
        ({"optimizer.lr": []}, "optimizer.lr: expected a list of values; came none - list what is to be tried"),
        ({"optimizer.lr": "1,2"}, "optimizer.lr: expected a list of values; came '1,2' - list what is to be tried"),
        ({"optimizer.lr": {"log": [1, 2]}}, r"came {'log': \[1, 2\]} - add trials: N to draw from a range"),
        ({"optimizer.lr": [1]}, "tune: expected two trials or more; came one: optimizer.lr=1 - make it an override"),
        ({"optimizer.lr": [1e-3, "1e-3"]}, "different values; came optimizer.lr=0.001 twice"),
        ({"sweep": ["a", "b"]}, "tune: sweep: sweep is decided by the table; came 'sweep=a'"),
        ({"optimizer..lr=": [1, 2]}, "expected KEY=VALUE as on the command line of .*; came 'optimizer..lr==1'"),
        ({"model.base": [4, 8]}, "expected keys that the row does not state itself; came 'model.base=8' among its"),
        ({"optimizer.lr": [1, 2], "trials": 1}, "trials: expected a whole number >= 2; came 1"),
        ({"optimizer.lr": [1, 2], "seed": "a"}, "seed: expected a whole number >= 0; came 'a'"),
        ({"optimizer.lr": [1, 2], "trials": 3}, "as many as there are combinations; came 3, and only 2 different"),
        ({"optimizer.lr": [], "trials": 3}, "optimizer.lr: expected a list of values; came none"),
        ({"optimizer.lr": {"lg": [1, 2]}, "trials": 3}, r"a list of values, or {log: \[LOW, HIGH\]}, .*; came {'lg'"),
        ({"optimizer.lr": {"log": [2, 1]}, "trials": 3}, r"log: expected two numbers, the lower one .*; came \[2, 1\]"),
        ({"optimizer.lr": {"log": [0, 1]}, "trials": 3}, r"log: expected two numbers > 0; came \[0, 1\]"),
        ({"optimizer.lr": {"log": 1}, "trials": 3}, "log: expected two numbers, the lower one first; came 1"),
        ({"model.depth": {"whole": [1, 2.5]}, "trials": 3}, r"whole: expected two whole numbers; came \[1, 2.5\]"),
        ({"optimizer.lr": [1, 2], "column": "mIoU"}, "column: expected a score of every validation, .* - did you mean"),
        ({"optimizer.lr": [1, 2], "column": "iou/*"}, "column: expected a score of every validation"),
        ({"optimizer.lr": [1, 2], "overrides": ["loss=ce,dice"]}, "tune: overrides: expected one value"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tune: object, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        tuned(tune)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"starts_from": "ce"}, "expected a row that needs no run of another one; came 'ce' - tune that row, and"),
        ({"learns_from": "ce"}, "tune: expected a row that needs no run of another one; came 'ce'"),
        ({"downsample": 2}, "row 'x': tune: expected a row that is trained; came downsample - leave one"),
    ],
)  # fmt: skip
def test_what_needs_another_run_is_not_tuned(row: dict, message: str) -> None:
    with pytest.raises(SeglabError, match=message):
        plan_of(with_rows({**row, "tune": {"optimizer.lr": [1, 2]}}), name="t")


def trial(score: float | None, outcome: str = "finished") -> Trial:
    return Trial(
        row="ce", values=(f"optimizer.lr={score}",), seed=1, fingerprint="f", column="miou", checkpoint="best",
        dataset="d", split="val", outcome=outcome, score=score,
    )  # type: ignore[arg-type]  # fmt: skip


def test_the_highest_score_is_chosen_and_of_equal_ones_the_first() -> None:
    first, second, third = trial(0.2), trial(0.3), trial(0.3)
    assert chosen([first, second, third]) is second
    assert chosen([third, second, first]) is third
    assert chosen([trial(0.0)]) is not None


def test_nothing_is_chosen_before_all_are_done_and_what_diverged_has_lost() -> None:
    for outcome in ("missing", "running", "interrupted", "stale", "failed"):
        assert chosen([trial(0.2), trial(None, outcome)]) is None
    assert chosen([trial(None, "diverged"), trial(0.01)]) == trial(0.01)
    assert chosen([trial(None, "diverged")]) is None
