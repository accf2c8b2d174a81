"""`python -m seglab.sweeps`: how all sweeps stand, or the jobs of one, live while it runs.

Reads records alone: neither torch nor numpy is imported, and nothing is written.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config
from seglab.config import command
from seglab.display.sheet import show
from seglab.errors import SeglabError
from seglab.multirun.live import show_sweep, watch
from seglab.multirun.overview import overview_sheet
from seglab.multirun.status import Sweep, read_sweep, read_sweeps, sweep_folder


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


if __name__ == "__main__":
    main()
