"""The differences that tell how far a score strays from seed to seed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seglab.errors import SeglabError
from seglab.tables.comparison.comparison import compare
from seglab.tables.plan.read import FOLDER
from seglab.tables.survey.pilot import of_tables, pilots
from tests.tables.comparison.losses import CE, DICE, FOCAL, all_measured, measured, plan, with_protocol


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
    for runs in ([], one_seed):
        with pytest.raises(SeglabError, match=r"strays from its baseline's over two seeds or more, measured in losses; "
                           r"there is none - train some \(run=true\), or name .* pilot=\[NAME\]"):  # fmt: skip
            pilots([compare(plan(), runs)], "miou")


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
