"""The differences that tell how far a score strays from seed to seed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seglab import runs
from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.read import FOLDER, read_plan
from seglab.tables.survey import trials_file
from seglab.tables.survey.composed import compose
from seglab.tables.survey.inventory import committed_csv
from seglab.tables.survey.measurements import write_csv
from seglab.tables.survey.pilot import of_survey, of_tables, pilots
from seglab.tables.survey.trials import look
from seglab.tables.survey.wanted import wanted
from tests.tables.comparison.losses import CE, DICE, FOCAL, PROTOCOL, all_measured, measured, plan, with_protocol
from tests.tables.survey.finished import PLAN, evaluation, surveyed

TUNED = """
title: Tuned
source: here
common: [data=synthetic]
seeds: [1, 2]
rows:
  - {label: ce, overrides: [loss=ce]}
  - {label: dice, overrides: [loss=dice], tune: {optimizer.lr: [1e-3, 1e-2], seed: 9}}
columns: [miou]
baseline: ce
evaluation: {split: val}
"""


def test_rows_are_paired_with_their_baseline_by_seed() -> None:
    (pilot,) = pilots([compare(plan(), all_measured())], "miou")
    assert pilot.name == "losses"
    assert [(row.label, row.baseline) for row in pilot.rows] == [("dice", "ce"), ("focal", "ce")]
    assert pilot.rows[0].differences == pytest.approx(np.array(DICE) - np.array(CE))
    assert pilot.rows[1].differences == pytest.approx(np.array(FOCAL) - np.array(CE))


def test_a_class_and_a_group_are_columns_too() -> None:
    for column in ("iou/road", "iou/thin things"):
        (pilot,) = pilots([compare(plan(), all_measured())], column)
        assert pilot.rows[0].differences == pytest.approx(np.array(DICE) - np.array(CE))


def test_only_seeds_of_both_count_and_rows_that_do_not_stray_are_left_out() -> None:
    same = [measured("focal", seed, miou - 0.1) for seed, miou in enumerate(CE, 1)]  # always as far from ce
    runs = [one for one in all_measured() if one.row != "focal" and one.key != ("dice", 2)]
    (pilot,) = pilots([compare(plan(), [*runs, *same])], "miou")
    assert [row.label for row in pilot.rows] == ["dice"]
    assert pilot.rows[0].differences == pytest.approx([DICE[0] - CE[0], DICE[2] - CE[2]])


def test_an_undefined_score_is_no_seed() -> None:
    runs = [replace(one, class_iou={**one.class_iou, "road": math.nan}) if one.key == ("dice", 1) else one
            for one in all_measured()]  # fmt: skip
    (pilot,) = pilots([compare(plan(), runs)], "iou/road")
    assert len(pilot.rows[0].differences) == 2


def test_rows_of_another_protocol_are_not_paired() -> None:
    runs = [with_protocol(one, split="test") if one.row == "focal" else one for one in all_measured()]
    (pilot,) = pilots([compare(plan(), runs)], "miou")
    assert [row.label for row in pilot.rows] == ["dice"]


def test_no_pilot_is_told() -> None:
    one_seed = [one for one in all_measured() if one.seed == 1]
    for few in ([], one_seed):
        with pytest.raises(SeglabError, match=r"strays from its baseline's over two seeds or more, measured in losses; "
                           r"there is none - train some \(run=true\), or name .* pilot=\[NAME\]"):  # fmt: skip
            pilots([compare(plan(), few)], "miou")


def test_an_unknown_column_is_told() -> None:
    with pytest.raises(SeglabError, match=r"column=mio: expected a score that losses was measured by, miou, .* - did"):
        pilots([compare(plan(), all_measured())], "mio")


def test_an_unknown_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(SeglabError, match=r"pilot=synthetic_loses: expected the name of a table, .* - did you mean "):
        of_tables(["synthetic_loses"], folders=[tmp_path, FOLDER], output=tmp_path, search_path=[])


def test_a_committed_table_is_read(tmp_path: Path) -> None:
    (comparison,) = of_tables(["synthetic_skips"], folders=[tmp_path, FOLDER], output=tmp_path, search_path=[])
    (pilot,) = pilots([comparison], "miou")
    assert {row.baseline for row in pilot.rows} == {"concat"}
    assert all(len(row.differences) == 3 for row in pilot.rows)


def test_what_was_measured_of_another_configuration_is_no_pilot(add, tmp_path: Path) -> None:
    for row, mious in {"ce": (0.50, 0.52), "dice": (0.53, 0.56)}.items():
        for seed, miou in enumerate(mious, 1):
            add(f"runs/{row}{seed}", row, seed, evaluation(miou))
    committed = surveyed(tmp_path).measurements()
    compared = replace(PLAN, baseline=("ce",))
    valid = of_survey(surveyed(tmp_path / "elsewhere", plan=compared, committed=committed))
    assert [row.label for row in pilots([valid], "miou")[0].rows] == ["dice"]
    changed = [replace(one, fingerprint="another") for one in committed]
    shown = surveyed(tmp_path / "elsewhere", plan=compared, committed=changed)
    assert len(shown.measurements()) == 4
    with pytest.raises(SeglabError, match="measured in t; there is none"):
        pilots([of_survey(shown)], "miou")


def test_a_pilot_whose_yaml_has_changed_since_is_none(tmp_path: Path) -> None:
    text = (FOLDER / "synthetic_skips.yaml").read_text()
    assert "trainer.max_epochs=" in text
    (tmp_path / "synthetic_skips.yaml").write_text(text.replace("trainer.max_epochs=", "trainer.max_epochs=1"))
    (tmp_path / "synthetic_skips.csv").write_text((FOLDER / "synthetic_skips.csv").read_text())
    (comparison,) = of_tables(["synthetic_skips"], folders=[tmp_path], output=tmp_path, search_path=[])
    with pytest.raises(SeglabError, match="measured in synthetic_skips; there is none"):
        pilots([comparison], "miou")


def test_a_tuned_pilot_is_measured_with_what_its_trials_chose(add, tmp_path: Path) -> None:
    """Of which the last is the best: a table that takes no look at its trials stands with the first."""
    (tmp_path / "tuned.yaml").write_text(TUNED)
    plan, output = read_plan(tmp_path / "tuned.yaml"), tmp_path / "outputs"
    empty = look(plan, overrides=(), search_path=(), output=output).trials["dice"]
    done = [replace(trial, outcome="finished", score=score) for trial, score in zip(empty, (0.5, 0.6), strict=True)]
    trials_file.write(trials_file.committed(plan, tmp_path), done)
    tuned = look(plan, overrides=(), search_path=(), output=output, committed=done)
    composed = compose(tuned.plan, overrides=(), search_path=())
    protocols = {
        label: wanted(plan, row, seed=1, config=runs.plain(composed.configurations[label, 1]),
                      settings=composed.evaluation).protocols["val"]
        for label, row in {row.label: row for row in plan.rows}.items()
    }  # fmt: skip
    mious = {("ce", 1): 0.50, ("ce", 2): 0.52, ("dice", 1): 0.53, ("dice", 2): 0.56}
    kept = [
        measured(row, seed, miou, fingerprint=runs.fingerprint(runs.plain(composed.configurations[row, seed])),
                 protocol={**PROTOCOL, **protocols[row]})
        for (row, seed), miou in mious.items()
    ]  # fmt: skip
    write_csv(committed_csv(plan, tmp_path), kept)
    (comparison,) = of_tables(["tuned"], folders=[tmp_path], output=output, search_path=[])
    (pilot,) = pilots([comparison], "miou")
    assert pilot.rows[0].differences == pytest.approx([0.03, 0.04])
