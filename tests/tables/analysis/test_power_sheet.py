"""What power=true says: what was seen, what n seeds show, how many a difference takes, and how long."""

import math

import numpy as np
import pytest

from seglab.display import draw
from seglab.tables.analysis.family import family_detectable
from seglab.tables.analysis.power import detectable, seeds_for
from seglab.tables.analysis.power_figure import power_figure
from seglab.tables.analysis.power_sheet import Answer, Question, answered, power_sheets

ROW = np.array([0.2, 1.2, 0.7])  # deviation 0.5 points
PILOTS = {"seen": {"dice minus ce": ROW, "focal minus ce": ROW - 3}}


def answer(**changes: object) -> Answer:
    asked = {"title": "Losses", "column": "mIoU", "rows": 2, "pilots": PILOTS, "seconds": 60.0, **changes}
    return answered(Question(**asked))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found() -> Answer:
    return answer(difference=1.0, spent=180.0)


def test_the_deviation_is_listed_with_its_interval(found: Answer) -> None:
    sheet, _ = power_sheets(found)
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        ["seen", "dice minus ce", "3", "0.50"],
        ["seen", "focal minus ce", "3", "0.50"],
    ]
    assert sheet.mean is not None
    assert sheet.mean[3].text == "0.50"
    low, high = found.deviation.low, found.deviation.high
    assert f"95 % interval {low:.2g} to {high:.2g} (chi-square with 3.2 degrees of freedom" in sheet.notes[0]


def test_each_number_of_seeds_has_its_smallest_differences_and_its_time(found: Answer) -> None:
    _, sheet = power_sheets(found)
    assert "the smallest difference in mIoU that n seeds show with 80 % power, in points" in sheet.caption
    assert [row[0].text for row in sheet.rows] == [str(n) for n in range(2, 21)]
    five = sheet.rows[3]
    assert float(five[1].exact) == pytest.approx(0.5 * detectable(5))
    assert float(five[2].exact) == pytest.approx(found.deviation.low * detectable(5))
    assert float(five[3].exact) == pytest.approx(found.deviation.high * detectable(5))
    assert float(five[4].exact) == pytest.approx(0.5 * family_detectable(5, 2))
    assert five[7].text == "5 min 00 s"


def test_a_named_difference_takes_so_many_seeds(found: Answer) -> None:
    _, sheet = power_sheets(found)
    n = seeds_for(2.0)
    assert n == 5
    fewest, most = seeds_for(1 / found.deviation.low), seeds_for(1 / found.deviation.high)
    assert sheet.notes[0] == (
        f"1 point in one row alone: {n} seeds ({fewest} to {most} by the deviation's interval), 5 min 00 s"
    )
    assert sheet.notes[1].startswith("1 point in one of 2 rows (Holm): 6 seeds (")
    assert any("with 6 seeds it is found in" in note and "as one of 2" in note for note in sheet.notes)
    assert "all rows take: baseline and rows from the start; 3 min 00 s of it are trained" in sheet.notes


def test_what_is_unknown_is_said() -> None:
    _, sheet = power_sheets(answer(seconds=None))
    assert {row[7].text for row in sheet.rows} == {"–"}
    assert "difference=POINTS names one, and tells how many seeds it takes" in sheet.notes
    assert any("the time is unknown: no run of this table is finished - cost=true" in note for note in sheet.notes)
    _, partly = power_sheets(answer(unknown=["dice"]))
    assert any(note.startswith("without the time of dice, which is unknown") for note in partly.notes)


def test_seeds_that_are_added_until_it_is_settled_take_more() -> None:
    def told(**changes: object) -> list[str]:
        return [note for note in power_sheets(answer(**changes))[1].notes if "until it is settled" in note]

    assert told() == []
    (note,) = told(looks=(3, 5, 9))
    assert "its p-values, of up to 3 looks with 3 to 9 seeds, take more of them to show as much" in note


def test_a_difference_too_small_to_be_shown() -> None:
    _, sheet = power_sheets(answer(difference=0.001))
    assert "0.001 points in one row alone: more than 1000 seeds" in sheet.notes[0]
    assert "min" not in sheet.notes[0]


def test_the_figure_draws_the_numbers_of_the_sheet(found: Answer) -> None:
    figure = power_figure(found)
    curves, smallest = figure.axes
    lines = {line.get_label(): line for line in curves.get_lines()}
    at = np.asarray(lines["5 seeds"].get_xdata())
    reached = float(np.interp(80.0, np.asarray(lines["5 seeds"].get_ydata()), at))
    assert reached == pytest.approx(found.alone[5], rel=2e-3)
    drawn = {line.get_label(): np.asarray(line.get_ydata()) for line in smallest.get_lines()}
    assert drawn["one of 2 rows, Holm"] == pytest.approx([found.family[n] for n in range(3, 21)])
    assert drawn["asked for"] == pytest.approx([1.0, 1.0])
    assert np.ptp(draw.rendered(figure)) > 0
    assert math.isfinite(found.family[2])
