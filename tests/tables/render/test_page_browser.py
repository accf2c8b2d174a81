"""The page in a real browser, by mouse and keyboard: sorting, legend, origins, heat map; nothing loaded or logged."""

import json
from dataclasses import replace

import pytest

from seglab.tables.comparison.comparison import compare
from seglab.tables.render.page import write_page

pytestmark = pytest.mark.slow


@pytest.fixture
def page(comparison, tmp_path):
    path = tmp_path / "page.html"
    write_page(comparison, path)
    return path


def labels(tab):
    return tab.value("[...document.querySelectorAll('.scores tbody tr .open')].map((one) => one.textContent)")


def test_page_loads_and_logs_nothing(tab, page):
    tab.open(page)
    tab.click(".scores tbody tr")
    assert tab.requests() == [page.as_uri()]
    assert tab.complaints() == []


def test_the_policy_stops_a_script_and_a_request_that_slip_in(tab, page):
    slipped = "<script>window.slipped = 1</script><img src='http://127.0.0.1:9/x.png'>"
    page.write_text(page.read_text().replace("<main>", "<main>" + slipped))
    tab.open(page)
    assert tab.value("window.slipped") is None
    texts = json.dumps(tab.complaints())
    assert "script-src" in texts
    assert "img-src" in texts


def test_titles_sort_by_value_with_what_is_missing_last(tab, page):
    tab.open(page)
    plan = labels(tab)
    assert plan == ["ce", "dice", "focal", "row 10", "<script>window.broken = 1</script>", "DeepLab of others"]
    head = ".scores thead th:nth-child(2)"
    sort = f"document.querySelector({head!r}).getAttribute('aria-sort')"

    tab.click(head + " button")
    assert tab.value(sort) == "descending"
    values = "[...document.querySelectorAll('.scores tbody td:nth-child(2)')].map((one) => one.dataset.value)"
    descending = tab.value(values)
    assert [float(one) for one in descending] == sorted(map(float, descending), reverse=True)
    assert descending != sorted(descending, reverse=True)  # as words, 0.1 of a row would stand before 1e-05

    tab.click(head + " button")
    assert tab.value(sort) == "ascending"
    assert tab.value(values) == descending[::-1]
    tab.click(head + " button")
    assert tab.value(sort) == "none"
    assert labels(tab) == plan

    tab.click(".scores thead th:nth-child(3) button")  # the published row has no such score
    assert labels(tab)[-1] == "DeepLab of others"
    tab.click(".scores thead th:nth-child(3) button")
    assert labels(tab)[-1] == "DeepLab of others"


def test_sorting_by_keyboard(tab, page):
    tab.open(page)
    tab.value("document.querySelector('.scores thead button').focus()")
    tab.press("Enter")
    assert tab.value("document.querySelector('.scores th').getAttribute('aria-sort')") == "ascending"
    assert labels(tab)[1:] == ["ce", "DeepLab of others", "dice", "focal", "row 10"]


def test_a_transposed_table_sorts_its_classes_and_tells_of_its_rows(tab, comparison, tmp_path):
    runs = [run for row in comparison.blocks[0].rows for run in row.measurements]
    path = tmp_path / "transposed.html"
    write_page(compare(replace(comparison.plan, transposed=True, columns=("miou", "iou/*", "parameters")), runs), path)
    tab.open(path, width=360)
    titles = "[...document.querySelectorAll('.scores tbody th')].map((one) => one.textContent)"
    values = "[...document.querySelectorAll('.scores tbody td:nth-child(3)')].map((one) => Number(one.dataset.value))"
    plan = tab.value(titles)
    assert plan[0] == "mIoU %"
    assert plan[-2:] == ["M params", "seeds"]
    tab.click(".scores thead th:nth-child(3) .sort")  # of dice
    known = [one for one in tab.value(values) if one is not None]
    assert known == sorted(known, reverse=True)
    assert len(known) == 4
    assert tab.value(titles)[-2:] == ["M params", "seeds"]
    assert tab.value("document.querySelector('dialog').open") is False
    tab.click(".scores thead th:nth-child(3) .open")
    assert tab.value("document.querySelector('dialog h2').textContent") == "dice"
    tab.press("Escape")
    tab.click(".scores tbody tr:nth-child(2) td:nth-child(4)")
    assert tab.value("document.querySelector('dialog h2').textContent") == "focal"
    assert tab.value("document.documentElement.scrollWidth") <= 360
    assert tab.complaints() == []


def test_legend_hides_and_shows_a_row(tab, page):
    tab.open(page)
    button = ".legend button:nth-child(2)"
    shown = "getComputedStyle(document.querySelector('g[data-line=\"1\"]')).display"
    pressed = f"document.querySelector({button!r}).getAttribute('aria-pressed')"
    assert (tab.value(shown), tab.value(pressed)) == ("inline", "true")
    tab.click(button)
    assert (tab.value(shown), tab.value(pressed)) == ("none", "false")
    tab.press("Enter")  # the button has the focus
    assert (tab.value(shown), tab.value(pressed)) == ("inline", "true")


def test_origin_of_a_row_opens_and_closes(tab, page):
    tab.open(page)
    tab.click(".scores tbody tr:nth-child(2) td[data-column='mdice']")
    told = tab.value("document.querySelector('dialog').innerText")
    for part in ("dice", "runs/dice-2", "0123abc", "python -m seglab.train loss=dice seed=2", "Seed 3", "cpu, 1 thread",
                 "11 min 40 s", "fingerprint-dice-2", "paired t", "resolution", "original"):  # fmt: skip
        assert part in told
    assert tab.value("document.querySelector('dt.chosen').textContent") == "mean Dice %"
    tab.press("Escape")
    assert tab.value("document.querySelector('dialog').open") is False

    tab.value("document.querySelector('.scores tbody tr:nth-child(5) .open').focus()")
    tab.press("Enter")
    assert tab.value("document.querySelector('dialog h2').textContent") == "<script>window.broken = 1</script>"
    assert tab.value("window.broken") is None
    tab.click("dialog .close")
    assert tab.value("document.activeElement.textContent") == "<script>window.broken = 1</script>"  # it goes back


def test_heat_map_tells_the_interval_to_keyboard_and_to_the_eye(tab, page):
    tab.open(page)
    tab.value("document.querySelector('.heat tbody td[tabindex=\"0\"]').focus()")
    readout = "document.querySelector('.readout').textContent"
    assert tab.value(readout).startswith("dice, road: ")
    tab.press("ArrowDown")
    tab.press("ArrowRight")
    assert tab.value(readout).startswith("focal, pole: ")
    assert "95 % " in tab.value(readout)

    spread = "getComputedStyle(document.querySelector('.heat .spread')).display"
    assert tab.value(spread) == "none"
    tab.click(".intervals input")
    assert tab.value(spread) == "block"


@pytest.mark.parametrize("width", [360, 1600])
def test_page_is_no_wider_than_the_window(tab, page, width):
    tab.open(page, width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width


def test_dark_where_the_reader_asks_for_it(tab, page):
    colours = []
    for scheme in ("light", "dark"):
        tab.open(page, scheme=scheme)
        colours.append(tab.value("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
