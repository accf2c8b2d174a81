"""`python -m seglab.runs`: the runs with their status, score, age and size; one of them; those that failed at once.

A command, which may import from every room. It reads records alone: neither torch nor numpy is imported.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig

from seglab import config
from seglab.config import command
from seglab.config.ranges import one_of, require
from seglab.display.sheet import show
from seglab.multirun import run_list
from seglab.runs.find import named_run

_GROUPS = ("data", "model", "loss", "optimizer")


@dataclass
class RunsConfig:
    """Root keys of conf/runs.yaml."""

    run: str | None = None
    status: str | None = None
    clean: bool = MISSING
    sure: bool = MISSING
    output: str = MISSING
    data: Any = None
    model: Any = None
    loss: Any = None
    optimizer: Any = None


config.register({"runs_schema": RunsConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="runs")
@command.reported
def task(cfg: DictConfig) -> None:
    asked = cfg.copy()
    asked.update(dict.fromkeys(_GROUPS))  # whose options only say what to look for
    config.check(asked, RunsConfig)
    if cfg.status is not None:
        require({"status": cfg.status}, {"status": one_of(*run_list.STATUSES)})
    if cfg.run is not None:
        run_list.show_run(named_run(cfg.run, key="run", output=cfg.output))
        return
    found = run_list.read_runs(Path(cfg.output))
    if cfg.clean:
        run_list.clean([run for run in found if run.is_empty], sure=cfg.sure)
        return
    choices = HydraConfig.get().runtime.choices
    wanted = {group: choices[group] for group in _GROUPS if choices[group] is not None}
    kept = [run for run in found if run.fits(wanted, status=cfg.status)]
    show(run_list.runs_sheet(kept, of=len(found), output=cfg.output, now=datetime.now().astimezone()))


def main() -> None:
    command.run(task)


if __name__ == "__main__":
    main()
