"""Progress bars on standard error, where that is a terminal; elsewhere nothing is shown."""

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_PAUSE = 0.2  # seconds between two refreshes


@contextmanager
def progress_bar(*, auto_refresh: bool = True) -> Iterator["Progress"]:
    """A bar with a line for each `track` or `add_task`; it vanishes at its end.

    Args:
        auto_refresh: by a thread of its own; without it whoever advances the bar refreshes it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), auto_refresh=auto_refresh, transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:  # fmt: skip
        yield progress


def tracked(items: Iterator[T], *, count: int, title: str) -> Generator[T, None, None]:
    """The items, beside a bar that counts them. No thread is started: processes may be forked meanwhile."""
    if not sys.stderr.isatty():
        yield from items
        return
    with progress_bar(auto_refresh=False) as progress:
        task, shown = progress.add_task(title, total=count), 0.0
        for item in items:
            yield item
            progress.advance(task)
            if time.monotonic() - shown > _PAUSE:
                progress.refresh()
                shown = time.monotonic()
