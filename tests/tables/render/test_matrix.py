"""Trained on x, tested on y, as it is shown."""

import math
from dataclasses import replace

from seglab.display import sheet
from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.read import plan_of
from seglab.tables.render import latex, sheets
from seglab.tables.render.matrix import matrix_sheet
from tests.tables.comparison.losses import measured

MIOU = {("day", "day"): 0.5, ("day", "wet"): 0.2, ("wet", "day"): 0.4, ("wet", "wet"): 0.3}


def compared(leave_out: str = "", *, without: str = "") -> Comparison:
    plan = plan_of(
        {
            "title": "Weather", "source": "invented", "columns": ["parameters", "miou"], "seeds": [1, 2],
            "baseline": "day",
            "rows": [{"label": "day"}, {"label": "wet", "overrides": ["data=acdc"]}],
            "tested_on": {"day": {"data": "synthetic"}, "wet": {"data": "acdc"}},
        },
        name="t",
    )  # fmt: skip
    runs = []
    for (training, place), miou in MIOU.items():
        for seed in plan.seeds:
            run = measured(f"{training} on {place}", seed, miou + 0.01 * seed)
            classes = {**run.class_iou, "pole": math.nan} if place == "wet" else run.class_iou
            if place == "wet":
                classes = {name: iou for name, iou in classes.items() if name != without}
            protocol = {**run.protocol, "dataset": place, "images": len(place), "fingerprint": place}
            runs.append(replace(run, class_iou=classes, protocol=protocol))
    return compare(plan, [run for run in runs if run.row != leave_out])


def test_a_line_for_each_training_and_a_column_for_each_place():
    shown = matrix_sheet(compared())
    assert shown.header == ["trained on", "day", "wet"]
    assert [[cell.text for cell in row] for row in shown.rows] == [
        ["day", "51.5 ± 0.7", "21.5 ± 0.7"],
        ["wet", "41.5 ± 0.7", "31.5 ± 0.7"],
    ]
    assert shown.caption == "Weather: mIoU %, trained on (line) and tested on (column)"
    assert shown.notes == [
        "day: train neither there nor predicted, left out of its means",
        "wet: pole, train neither there nor predicted, left out of its means",
    ]


def test_what_the_mapping_leaves_out_is_said():
    assert matrix_sheet(compared(without="sign")).notes[2:] == [
        "day on wet: without sign, which are no classes there",
        "wet on wet: without sign, which are no classes there",
    ]


def test_what_is_not_measured_is_a_dash():
    assert [cell.text for cell in matrix_sheet(compared("wet on day")).rows[1]] == ["wet", "–", "31.5 ± 0.7"]


def test_it_stands_above_the_places_each_with_its_baseline_in_all_forms():
    comparison = compared()
    assert [[row.label for row in block.rows] for block in comparison.blocks] == [
        ["day on day", "wet on day"],
        ["day on wet", "wet on wet"],
    ]
    assert [block.rows[1].differences["miou"].n for block in comparison.blocks] == [2, 2]
    assert comparison.split_because == ()
    first, *_ = sheets.sheets(comparison)
    assert first.header[0] == "trained on"
    assert sheet.markdown(first) in sheets.markdown(comparison)
    assert r"day & 51.5 $\pm$ 0.7 & 21.5 $\pm$ 0.7 \\" in latex.latex(comparison)
