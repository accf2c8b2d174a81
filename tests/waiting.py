"""How tests wait: for an event, as long as a busy machine may need for it; no test rests on how long something took."""

import time
from collections.abc import Callable
from typing import Any, Protocol

PATIENCE = 900  # seconds, after which something hangs: ten times what the longest wait takes on an idle machine


class Process(Protocol):
    def poll(self) -> int | None: ...
    def communicate(self) -> Any: ...


def wait_for(condition: Callable[[], Any], *processes: Process, pause: float = 0.01) -> Any:
    """The first true value of `condition`. Fails at once when one of the processes ends, whose doing it would be."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended = [process for process in processes if process.poll() is not None]
        if value := condition():  # asked last: it may have come true just before the end
            return value
        for process in ended:
            raise AssertionError(f"ended early: {process.communicate()}")
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)
