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
    while not (value := condition()):
        for process in processes:
            assert process.poll() is None, f"ended early: {process.communicate()}"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)
    return value
