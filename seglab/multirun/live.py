"""Sweeps on the terminal: the jobs of one, or any display again and again while jobs run."""

import contextlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from seglab import runs
from seglab.display import comparison
from seglab.display.sheet import show
from seglab.multirun.overview import jobs_sheet
from seglab.multirun.status import Sweep

_REFRESH = 2.0  # seconds between two readings of the records
_QUIET = 60.0  # seconds without a running job, such as between two, after which watching ends
_COLOURS = {"finished": "green", "running": "cyan", "failed": "red", "damaged": "red", "stale": "yellow",
            "interrupted": "yellow"}  # fmt: skip


def show_sweep(sweep: Sweep, *, now: datetime) -> None:
    """Prints the jobs, and the comparison of the sweep where nothing is left to do."""
    if not sweep.jobs:
        print(f"{sweep.name}: no job has begun" + (f"; damaged: {sweep.damage}" if sweep.damage else ""))
        return
    show(jobs_sheet(sweep, now=now))
    records = [runs.read_record(job.folder) for job in sweep.jobs if job.status == "finished"]
    if sweep.is_finished and len(records) > 1:
        print()
        compared = [comparison.job_of(record) for record in records if record]
        show(comparison.comparison_sheet(compared, caption="comparison: best epoch of each finished job"))


def watch(read: Callable[[], list[Sweep]], display: Callable[[Sequence[Sweep]], None]) -> None:
    """Shows what `read` finds again and again, until nothing has run for a minute, nothing is left, or Ctrl-C."""
    # here, so that the command starts fast where nothing is watched
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def picture(sweeps: Sequence[Sweep]) -> Text:
        text = Text(_printed(display, sweeps), no_wrap=True, overflow="crop")
        for status, colour in _COLOURS.items():
            text.highlight_words([status], style=colour)
        return text

    ran = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), Live(console=Console(), auto_refresh=False) as live:
        while True:
            sweeps = read()
            live.update(picture(sweeps), refresh=True)
            if any(sweep.is_running for sweep in sweeps):
                ran = time.monotonic()
            if all(sweep.is_finished for sweep in sweeps) or time.monotonic() - ran > _QUIET:
                return
            time.sleep(_REFRESH)


def _printed(display: Callable[[Sequence[Sweep]], None], sweeps: Sequence[Sweep]) -> str:
    """What `display` prints, as wide as the terminal, without a last end of line."""
    encoding = sys.stdout.encoding  # which decides whether the lines are drawn in ASCII
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) as printed:
        display(sweeps)
    printed.seek(0)
    return printed.read().rstrip("\n")
