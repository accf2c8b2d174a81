"""The page of a run in a real browser: slider, curves, classes, confusion matrix; by mouse and by keyboard."""

import json

import pytest

from seglab.display.confusion import confusion_csv
from seglab.pages.run_page import write_page
from tests.pages.conftest import HOSTILE, metrics, score

pytestmark = pytest.mark.slow

NAMES = (*(f"class {index}" for index in range(40)), HOSTILE)


@pytest.fixture
def page(run_folder):
    """Of a run with 41 classes, one of which has a hostile name."""
    folder = run_folder(best=score(1, NAMES), names=NAMES)
    (folder / "metrics.csv").write_text(metrics(12, NAMES[:40]))
    matrix = [[1 + 50 * (row == column) for column in range(41)] for row in range(41)]
    (folder / "confusion.csv").write_text(confusion_csv(matrix, NAMES))
    write_page([folder], folder / "report.html")
    return folder / "report.html"


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_the_window_and_loads_and_logs_nothing(tab, page, width, scheme):
    tab.open(page, width=width, scheme=scheme)
    tab.value("for (const one of document.querySelectorAll('details')) one.open = true")
    assert tab.value("document.documentElement.scrollWidth") <= width
    light = tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    tab.click("table.confusion tbody tr:nth-child(3) td:nth-child(4)")
    tab.click(".panels input")
    tab.click(".classes thead button")
    assert tab.value("window.broken") is None
    assert tab.requests() == [page.as_uri()]
    assert tab.complaints() == []


def test_the_slider_shows_one_epoch_at_a_time(tab, page):
    tab.open(page)
    shown = "[...document.querySelectorAll('.panels img')].filter((one) => !one.hidden).map((one) => one.dataset.told)"
    told = "document.querySelector('.panels output').textContent"
    assert tab.value(shown) == ["epoch 3, mIoU 5.0 %"] == [tab.value(told)]
    tab.value("document.querySelector('.panels input').focus()")
    tab.press("ArrowLeft")
    assert tab.value(shown) == ["epoch 2, mIoU 10.0 %, the best"] == [tab.value(told)]
    assert tab.value("document.querySelector('.panels input').getAttribute('aria-valuetext')") == tab.value(told)


def test_the_curves_tell_their_values_to_keyboard_and_mouse(tab, page):
    tab.open(page)
    tab.value("document.querySelector('svg[data-chart=r-scores]').focus()")
    readout = (
        "document.querySelector('svg[data-chart=r-scores]').closest('figure').querySelector('.readout').textContent"
    )
    assert tab.value(readout) == "epoch 12: mIoU 5.0, mean Dice 15.0, pixel accuracy 90.0"
    tab.press("Home")
    tab.press("ArrowRight")
    assert tab.value(readout).startswith("epoch 2: mIoU 10.0")
    tab.click("figure:has(svg[data-chart=r-scores]) .legend button")
    tab.value("document.querySelector('svg[data-chart=r-scores]').focus()")
    assert tab.value(readout) == "epoch 2: mean Dice 20.0, pixel accuracy 90.0"


def test_every_class_on_demand(tab, page):
    tab.open(page)
    assert tab.value("document.querySelector('svg[data-chart=r-IoU]').checkVisibility()") is False
    tab.click("details:has(svg[data-chart=r-IoU]) > summary")
    assert tab.value("document.querySelector('svg[data-chart=r-IoU]').checkVisibility()") is True
    tab.click("figure:has(svg[data-chart=r-IoU]) .all")
    visible = (
        "[...document.querySelectorAll('svg[data-chart=r-IoU] g')]"
        ".filter((one) => getComputedStyle(one).display !== 'none').length"
    )
    assert tab.value(visible) == 0
    tab.click("figure:has(svg[data-chart=r-IoU]) .legend button")
    assert tab.value(visible) == 1


def test_the_confusion_matrix_tells_its_cells(tab, page):
    tab.open(page)
    tab.value("document.querySelector('table.confusion td[tabindex=\"0\"]').focus()")
    readout = "document.querySelector('.scroll:has(table.confusion) + .readout').textContent"
    diagonal = "class 0 predicted as class 0: 51 pixels, 56.0 % of the ground truth, 56.0 % of the prediction"
    assert tab.value(readout) == diagonal
    tab.press("ArrowRight")
    assert tab.value(readout).startswith("class 0 predicted as class 1: 1 pixels, 1.1 % of the ground truth")
    last = "table.confusion tbody tr:last-child td:last-child"
    tab.value(f"document.querySelector('{last}').focus()")
    assert tab.value(readout).startswith(f"{HOSTILE} predicted as {HOSTILE}: 51 pixels")


def test_classes_sort_and_the_mean_stays_below(tab, page):
    tab.open(page)
    tab.click(".classes thead th:nth-child(2) button")
    first = tab.value("document.querySelector('.classes tbody tr th').textContent")
    assert first == NAMES[39]  # the last class is absent
    assert tab.value("document.querySelector('.classes tfoot th').textContent") == "mean"


def test_every_control_and_region_has_a_name(tab, page):
    tab.open(page)
    tab.call("Accessibility.enable")
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "slider", "region", "link", "img", "image", "group"}
    unnamed = [
        node["role"]["value"]
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles - {"group"} and not node.get("name", {}).get("value")
    ]
    assert unnamed == [], json.dumps(unnamed)
