"""Pieces of HTML: words stay words, and what is empty is left out."""

from seglab.pages.html import bullets, facts, folded, listing, section, table, text, warnings
from tests.pages.conftest import HOSTILE
from tests.pages.html import Page


def test_words_stay_words_in_texts_and_in_attributes():
    page = Page(f'<p title="{text(HOSTILE)}">{text(HOSTILE)}</p>{bullets([HOSTILE])}{facts([(HOSTILE, HOSTILE)])}')
    assert page.find("img") == []
    assert page.find("p")[0]["title"] == page.find("p")[0]["text"] == HOSTILE
    assert [one["text"] for tag in ("li", "dt", "dd") for one in page.find(tag)] == [HOSTILE] * 3


def test_what_is_empty_is_left_out():
    assert bullets([]) == facts([("a", None), ("b", "")]) == folded("more", "") == section("k", "Title", "") == ""
    assert listing("k", "Title", []) == warnings([]) == ""
    assert [one["text"] for one in Page(facts([("a", 0), ("b", None)])).find("dt")] == ["a"]


def test_a_section_is_named_by_its_heading():
    page = Page(section("k", "Title & more", "<p>text</p>") + warnings(["careful"]))
    for one in page.find("section"):
        assert page.find("h2", id=one["aria-labelledby"])
    assert [one["text"] for one in page.find("h2")] == ["Title & more", "Read this first"]


def test_a_foot_stays_outside_of_the_lines_that_are_sorted():
    page = Page(table(["<th>a</th>"], ["<tr><td>1</td></tr>"], foot="<tr><td>mean</td></tr>"))
    assert page.find("tbody")[0]["text"] == "1"
    assert page.find("tfoot")[0]["text"] == "mean"
