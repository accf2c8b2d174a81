"""Curves as a drawing."""

import math

import pytest

from seglab.pages.chart import COLOURS, Group, Line, chart, values
from tests.pages.html import Page


def drawn(groups, **changes):
    options = {"label": "L", "x_title": "epoch", "y_title": "loss", "x_range": (1, 5), "legend": "curves", **changes}
    return Page(chart(groups, **options))


def test_curves_are_drawn_to_scale_with_a_gap_and_the_best_marked():
    points = [(1, 0.0), (2, 25.0), (3, math.nan), (4, 100.0), (5, math.inf)]
    page = drawn([Group("a", 3, [Line(points, "told", best=(4, 100.0))])])
    curve, best = page.find("path")
    assert curve["d"] == "M0.0000 1.0000h0L0.2500 0.7500M0.7500 0.0000h0"
    assert (best["d"], best["class"]) == ("M0.7500 0.0000h0", "best")
    assert page.find("title")[0]["text"] == "told"
    assert [one["text"] for one in page.find("text", class_="tick")] == [
        "0", "20", "40", "60", "80", "100", "1", "2", "3", "4", "5"
    ]  # fmt: skip


@pytest.mark.parametrize("points", [[], [(1, math.nan)]])
def test_no_drawing_without_a_value(points):
    assert chart([Group("a", 0, [Line(points, "")])], label="", x_title="", y_title="", x_range=(1, 1), legend="") == ""


@pytest.mark.parametrize("value", [0.0, 1e-5, 3e-4, 1e6, -2.0])
def test_a_curve_that_does_not_move_has_a_scale(value):
    page = drawn([Group("a", 0, [Line([(1, value), (5, value)], "")])])
    assert "nan" not in page.find("path")[0]["d"]
    assert len(page.find("line", class_="grid")) >= 2


def test_a_single_point_is_a_dot():
    page = drawn([Group("a", 0, [Line([(3, 0.5)], "")])], x_range=(3, 3))
    assert page.find("path")[0]["d"].startswith("M0.5000 ")
    assert [one["text"] for one in page.find("text", class_="tick")][-1] == "3"


def test_41_curves_differ_by_colour_and_dashes():
    page = drawn([Group(f"class {index}", index, [Line([(1, index)], "")]) for index in range(3 * COLOURS)])
    assert len({one["class"] for one in page.find("g")}) == 3 * COLOURS
    assert [one["text"] for one in page.find("button")][-1] == "hide all"


def test_values_are_those_that_are_known():
    groups = [Group("a", 7, [Line([(1, 0.123456), (2, math.nan)], "")])]
    told = values(groups, x_title="epoch", x_range=(1, 2), form=".2f")
    assert told == {"x": "epoch", "range": [1, 2], "lines": [["a", 0, [[1, "0.12"]]]]}
    page = drawn(groups, key="k")
    assert page.find("svg", tabindex="0")[0]["data-chart"] == "k"
    assert "arrow keys" in page.find("svg", tabindex="0")[0]["aria-label"]
    assert drawn(groups).find("svg", tabindex="0") == []
