"""Times of functions that take turns, so that what else the machine does meets all of them alike.

No test holds a time, as a neighbour on the machine would fail it: the files beside this one are commands that print
them.
"""

import statistics
import time
from collections.abc import Callable


def medians(*functions: Callable[[], object], rounds: int = 15) -> list[float]:
    """Milliseconds of CPU time of each function, called in turn; the first round is not counted."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(1 + rounds):
        for times, function in zip(seconds, functions, strict=True):
            start = time.process_time()
            function()
            times.append(time.process_time() - start)
    return [1000 * statistics.median(times[1:]) for times in seconds]
