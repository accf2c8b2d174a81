"""The page in a real browser, by mouse and keyboard: sorting, legend, origins, heat map; nothing is loaded or logged.

Chromium is driven through its own pipe (--remote-debugging-pipe), so that no driver needs to be installed.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from seglab.tables.comparison.comparison import compare
from seglab.tables.render.page import write_page

pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = os.environ.get("SEGLAB_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
if BROWSER is None:
    pytest.skip(
        "no Chromium on this machine; on Debian: apt-get install chromium, elsewhere set SEGLAB_BROWSER to its program",
        allow_module_level=True,
    )
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
           "--hide-scrollbars", "--force-color-profile=srgb")  # fmt: skip
PATIENCE = 60  # seconds
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowRight": 39, "ArrowDown": 40}


class Tab:
    """One page of a running Chromium, spoken to by the DevTools protocol: JSON messages that end in a zero byte."""

    def __init__(self, profile):
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        # Chromium reads its file descriptor 3 and writes to 4.
        shell = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", BROWSER, *OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            pass_fds=(read_commands, write_answers), stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(read_commands)
        os.close(write_answers)
        self._rest, self._last, self._session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self):
        os.close(self._commands)
        os.close(self._answers)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def call(self, method, **parameters):
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self):
        while b"\0" not in self._rest:
            assert select.select([self._answers], [], [], PATIENCE)[0], "Chromium does not answer"
            received = os.read(self._answers, 1 << 20)
            assert received, "Chromium has ended"
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path, *, width=1200, height=900, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + PATIENCE
        while self.value("location.href + document.readyState") != path.as_uri() + "complete":
            assert time.monotonic() < deadline, "the page does not load"
            time.sleep(0.02)

    def value(self, expression):
        """What the expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector):
        """A press and release of the mouse in the middle of the element."""
        place = self.value(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({block: 'center', inline: 'center'});"
            "const box = element.getBoundingClientRect();"
            "return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **place, button="left", clickCount=1)

    def press(self, key):
        code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        letter = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **code, **letter)
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def requests(self):
        urls = [event["params"]["request"]["url"] for event in self.named("Network.requestWillBeSent")]
        return [url for url in urls if not url.startswith("data:")]

    def complaints(self):
        """Errors and warnings of the console, exceptions, violations of the page's policy."""
        names = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for name in names for event in self.named(name)]

    def named(self, method):
        return [event for event in self.events if event.get("method") == method]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    tab = Tab(tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.fixture
def tab(browser):
    browser.events.clear()
    return browser


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
