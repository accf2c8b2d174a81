"""`python -m seglab.sweeps`: how all sweeps stand, or the jobs of one, live while it runs.

Reads records alone: neither torch nor numpy is imported, and nothing is written.
"""

import contextlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.display import comparison
from seglab.display.sheet import show
from seglab.errors import SeglabError
from seglab.multirun.overview import jobs_sheet, overview_sheet
from seglab.multirun.status import Sweep, read_sweep, read_sweeps, sweep_folder

_REFRESH = 2.0  # seconds between two readings of the records
_QUIET = 60.0  # seconds without a running job, such as between two, after which watching ends
_COLOURS = {"finished": "green", "running": "cyan", "failed": "red", "damaged": "red", "stale": "yellow",
            "interrupted": "yellow"}  # fmt: skip


@dataclass
class SweepsConfig:
    """Root keys of conf/sweeps.yaml."""

    sweep: str | None = None
    live: bool | None = None
    output: str = MISSING


config.register({"sweeps_schema": SweepsConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="sweeps")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, SweepsConfig)
    folder = Path(cfg.output) / "sweeps"

    def read() -> list[Sweep]:
        return read_sweeps(folder) if cfg.sweep is None else [read_sweep(sweep_folder(folder, cfg.sweep))]

    def display(sweeps: Sequence[Sweep]) -> None:
        now = datetime.now().astimezone()
        if cfg.sweep is None:
            show(overview_sheet(sweeps, output=cfg.output, now=now))
        else:
            show_sweep(sweeps[0], now=now)

    on_terminal = sys.stdout.isatty()
    if cfg.live and not on_terminal:
        raise SeglabError("live=true expects a terminal; the output goes to a file or a pipe - leave live=true out")
    sweeps = read()
    running = any(sweep.is_running for sweep in sweeps)
    if cfg.live or (cfg.live is None and on_terminal and running):
        watch(read, display)
    else:
        display(sweeps)


def main() -> None:
    command.run(task)


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


if __name__ == "__main__":
    main()
