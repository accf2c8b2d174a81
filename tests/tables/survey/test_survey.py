"""How far a table is, in words, and what can be compared of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seglab.errors import SeglabError
from seglab.runs.find import find_runs
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.model import Row, Until
from seglab.tables.plan.noise import SeedDesign
from seglab.tables.survey.survey import Survey, counts, lines, once, survey
from tests.tables.survey.finished import PLAN, SETTINGS, SPLITS, config, evaluation, statuses, surveyed


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


def test_seeds_are_asked_for_look_by_look(add, tmp_path: Path) -> None:
    rule = Until(column="miou", half_width=None, or_differs=True, first=2, step=1, at_most=4)
    plan = replace(PLAN, seeds=rule.seeds, until=rule, baseline=("ce",))
    every = {(row, seed): config(row, seed) for row in ("ce", "dice") for seed in rule.seeds}

    def found() -> Survey:
        return survey(plan, every, settings=SETTINGS, output=tmp_path, committed=(), outdated_too=True)

    assert [state.key for state in found().states] == [("ce", 1), ("ce", 2), ("dice", 1), ("dice", 2)]
    for seed, (ce, dice) in enumerate([(0.50, 0.51), (0.52, 0.50), (0.51, 0.53)], 1):
        add(f"runs/ce{seed}", "ce", seed, evaluation(ce))
        if seed < 3:
            add(f"runs/dice{seed}", "dice", seed, evaluation(dice))
    assert found().to_train("dice", retry_failed=False) == [3]
    assert found().plan.reached == {"ce": 3, "dice": 3}
    assert counts(found()) == "6 runs: 5 measured here, 1 missing"
    add("runs/dice3", "dice", 3, evaluation(0.53))
    assert found().to_train("dice", retry_failed=False) == found().to_train("ce", retry_failed=False) == [4]


def test_committed_measurements_of_another_configuration_make_no_look(add, tmp_path: Path) -> None:
    rule = Until(column="miou", half_width=None, or_differs=True, first=2, step=1, at_most=4)
    plan = replace(PLAN, seeds=rule.seeds, until=rule, baseline=("ce",))
    for row, mious in {"ce": (0.50, 0.52), "dice": (0.80, 0.8201)}.items():
        for seed, miou in enumerate(mious, 1):
            add(f"before/runs/{row}{seed}", row, seed, evaluation(miou))
    committed = surveyed(tmp_path / "before").measurements()
    every = {(row, seed): config(row, seed) for row in ("ce", "dice") for seed in rule.seeds}
    changed = {which: OmegaConf.merge(cfg, {"loss": f"{which[0]}_changed"}) for which, cfg in every.items()}

    def found(configurations: dict) -> Survey:
        return survey(plan, configurations, settings=SETTINGS, output=tmp_path / "here", committed=committed,
                      outdated_too=True)  # fmt: skip

    settled = found(every)
    assert compare(settled.plan, settled.measurements()).decisions["dice"].settled == "differs"
    anew = found(changed)
    assert compare(anew.plan, anew.measurements()).decisions["dice"].looks == 0
    assert counts(anew) == "4 runs: 4 missing"


def test_without_a_finished_run_the_time_is_unknown(tmp_path: Path) -> None:
    assert "an unknown time" in "\n".join(lines(surveyed(tmp_path)))


def test_images_are_compared_where_there_is_one_split(add, tmp_path: Path) -> None:
    for place, row in (("runs/a", "ce"), ("runs/b", "dice")):
        folder = add(place, row, 1, evaluation(0.5), evaluation(0.25, split="val")) / "evaluations" / "x"
        folder.mkdir(parents=True)
        (folder / "per_image.csv").write_text(
            "name,resolution,class,intersection,truth,prediction\nfirst,original,road,1,2,2\n"
        )
    assert set(surveyed(tmp_path).images()) == {("ce", 1), ("dice", 1)}
    assert surveyed(tmp_path, plan=SPLITS).images() == {}


def test_ranks_are_told_by_images_of_all_seeds(add, tmp_path: Path) -> None:
    for seed in (1, 2):
        folder = add(f"runs/{seed}", "ce", seed, evaluation(0.5)) / "evaluations" / "x"
        folder.mkdir(parents=True)
        (folder / "per_image.csv").write_text(
            "name,resolution,class,intersection,truth,prediction\nfirst,original,road,1,2,2\n"
        )
    assert surveyed(tmp_path).images() == {}  # two seeds are compared over seeds
    assert set(surveyed(tmp_path, plan=replace(PLAN, ranks=True)).images()) == {("ce", 1), ("ce", 2)}


def test_two_rows_of_one_configuration_are_refused(tmp_path: Path) -> None:
    same = {("ce", 1): config("ce", 1), ("dice", 1): config("ce", 1)}
    with pytest.raises(SeglabError, match="'ce' and 'dice' compose to the same configuration"):
        survey(PLAN, same, settings=SETTINGS, output=tmp_path, committed=(), outdated_too=True)


def test_a_broken_record_is_left_out(add, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = add("runs/a", "ce", 1)
    (folder / "record.json").write_text("{")
    assert find_runs(tmp_path) == {}
    assert "is not JSON" in caplog.text


def test_one_run_serves_the_rows_that_differ_in_their_evaluation(add, tmp_path: Path) -> None:
    add("runs/a", "ce", 1, evaluation(0.5), evaluation(0.6, flip=True))
    add("runs/b", "ce", 2, evaluation(0.4))
    rows = (PLAN.rows[0], Row(label="mirrored", evaluation={"flip": True}))
    plan = replace(PLAN, rows=rows)
    same = {(row.label, seed): config("ce", seed) for row in rows for seed in plan.seeds}

    def taken(output: Path) -> Survey:
        return survey(plan, same, settings=SETTINGS, output=output, committed=(), outdated_too=True,
                      own={"mirrored": {**SETTINGS, "flip": True}})  # fmt: skip

    found = taken(tmp_path)
    assert statuses(found) == {("ce", 1): "measured", ("ce", 2): "measured", ("mirrored", 1): "measured",
                               ("mirrored", 2): "trained"}  # fmt: skip
    assert [one.metrics["miou"] for one in found.measurements()] == [0.5, 0.4, 0.6]
    nowhere = taken(tmp_path / "nowhere")
    assert [state.key for state in once(nowhere.states)] == [("ce", 1), ("ce", 2)]


def test_scores_of_corrupted_images_are_read_where_they_were_measured(add, tmp_path: Path) -> None:
    corruption = {"names": ["rain"], "severities": [1], "seed": 1, "version": 1}
    for place, seed in (("runs/a", 1), ("runs/b", 2)):
        folder = add(place, "ce", seed, evaluation(0.5, corruption=corruption)) / "evaluations" / "x"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(f'{{"corruption": {{"clean": 0.{seed}}}}}')
    assert surveyed(tmp_path).corruptions() == {}, "the table asks for none"
    found = surveyed(tmp_path, corruption="rain").corruptions()
    assert found == {"ce": [{"clean": 0.1}, {"clean": 0.2}]}
    repeated = SeedDesign(values={"init": (1,)}, crossed=True, repeat=True)  # of which the second run is the repetition
    noisy = surveyed(tmp_path, plan=replace(PLAN, noise=repeated), corruption="rain").corruptions()
    assert noisy == {"ce": [{"clean": 0.1}]}
