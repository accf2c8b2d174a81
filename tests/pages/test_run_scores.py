"""Classes as a table with bars, and the confusion matrix."""

import math

from seglab.display.confusion import Confusion
from seglab.pages.run_scores import class_table, confusion_table, headline
from seglab.pages.values import Score, score_of
from tests.pages.conftest import HOSTILE, MATRIX, NAMES, score
from tests.pages.html import Page


def test_classes_stand_with_bars_their_share_and_their_colour():
    page = Page(class_table(score_of(score(1)), {"road": "#804080"}, label="classes"))
    assert [one["text"] for one in page.find("th", scope="row")] == ["road", HOSTILE, "sky", "mean"]
    bars = [one["width"] for one in page.find("rect") if "fill" not in one]
    assert bars == ["0.0%", "33.3%"]  # the absent class has none
    assert [one["fill"] for one in page.find("rect") if "fill" in one] == ["#804080"]
    assert "absent" in page.find("p", class_="note small")[0]["text"]
    assert page.find("tfoot")[0]["text"] == "mean43.250.060.0–"


def test_without_a_score_there_is_no_table():
    assert class_table(Score(), {}, label="") == headline(Score()) == ""
    assert headline(Score(metrics={"miou": math.nan, "mdice": 0.5})) == "mean Dice 50.0 %"


def test_a_matrix_is_in_percent_of_each_true_class():
    confusions = {}
    page = Page(confusion_table(Confusion(NAMES, MATRIX), key="k", confusions=confusions))
    (heat,) = page.find("table", **{"data-confusion": "k"})
    assert heat["class"] == "heat confusion"
    cells = [(one["text"], one["class"]) for one in page.find("td", tabindex="-1")]
    assert cells == [
        ("90", "level5 plus right"), ("10", "level1 plus"), ("", "level0"),
        ("30", "level2 plus"), ("60", "level3 plus right"), ("10", "level1 plus"),
        *[("–", "absent")] * 3,
    ]  # fmt: skip
    mistakes = page.find("table", class_="numbers mistakes")[0]["text"]
    assert mistakes.endswith(f"{HOSTILE}road30.060.030road{HOSTILE}10.020.010{HOSTILE}sky10.020.010")
    assert confusions["k"]["counts"] == MATRIX


def test_41_classes_have_small_cells_and_a_short_list_of_mistakes():
    names = tuple(f"class {index}" for index in range(41))
    matrix = Confusion(names, tuple(tuple(1 + (row == column) for column in range(41)) for row in range(41)))
    text = confusion_table(matrix, key="k", confusions={})
    page = Page(text)
    assert page.find("table", **{"data-confusion": "k"})[0]["class"] == "heat confusion many"
    assert len(page.find("tr")) == 1 + 12 + 1 + 41
    assert len(text) < 120_000


def test_one_class_has_no_mistakes():
    page = Page(confusion_table(Confusion(("crack",), ((5,),)), key="k", confusions={}))
    assert len(page.find("table")) == 1
    assert page.find("td")[0]["text"] == "100"


def test_pixels_of_none_of_the_classes_have_a_column():
    page = Page(confusion_table(Confusion(("a",), ((3, 1),)), key="k", confusions={}))
    assert [one["text"] for one in page.find("td", tabindex="-1")] == ["75", "25"]
    assert any(one["text"] == "none of them" for one in page.find("th"))
