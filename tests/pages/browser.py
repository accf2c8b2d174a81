"""A Chromium that a test drives through its own pipe (--remote-debugging-pipe): no driver needs to be installed.

Its fixtures are those of all tests; where there is no Chromium, they skip.
"""

import json
import os
import select
import shutil
import signal
import subprocess

import pytest

from tests.waiting import PATIENCE, wait_for

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = os.environ.get("SEGLAB_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
           "--hide-scrollbars", "--force-color-profile=srgb")  # fmt: skip
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}


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
        wait_for(lambda: self.value("location.href + document.readyState") == path.as_uri() + "complete")

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
    """A running Chromium, of all tests of a module."""
    if BROWSER is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium, elsewhere SEGLAB_BROWSER=PROGRAM")
    tab = Tab(tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.fixture
def tab(browser):
    """Its page; what the tests before have left in the log is gone."""
    browser.events.clear()
    return browser
