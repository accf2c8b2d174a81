"""`python -m seglab.calibrate`: temperatures for a trained run, fitted on its validation split and kept in its folder.

Nothing heavy is imported before the configuration is composed and checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.config.ranges import one_of, require, size, whole
from seglab.errors import SeglabError
from seglab.runs import find
from seglab.runs.calibration import METHODS

_RANGES = {
    "method": one_of(*METHODS),
    "checkpoint": one_of("best", "last"),
    "limit": whole(1, also=(None,)),
    "size": size("run", "image"),
    "pixels": whole(1000),
    "threads": whole(1),
    "seed": whole(0),
}


@dataclass
class CalibrateConfig:
    """Root keys of conf/calibrate.yaml."""

    run: str | None = None
    method: str = MISSING
    checkpoint: str = MISSING
    split: str = MISSING
    root: str | None = None
    limit: int | None = None
    size: Any = MISSING
    pixels: int = MISSING
    device: str = MISSING
    threads: int = MISSING
    augment: Any = None
    seed: int = MISSING


config.register({"calibrate_schema": CalibrateConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="calibrate")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, CalibrateConfig)
    settings = find.with_run(runs.plain(cfg))
    check(settings)
    from seglab.evaluation.calibrate import calibrate  # torch and all the rest

    calibrate(settings)


def main() -> None:
    command.run(task)


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, out of range, or a run that is not there."""
    require(settings, _RANGES)
    if settings["run"] is None:
        raise SeglabError("run is not set; expected the name or the folder of a trained run - add run=NAME")
    if find.is_exported(settings["run"]):
        raise SeglabError(
            f"run={settings['run']} is exported; expected the run that it came from - calibrate that, and export it "
            "with calibrated=METHOD"
        )
    find.require_run(Path(settings["run"]), runs.CONFIG, f"checkpoints/{settings['checkpoint']}.ckpt")


if __name__ == "__main__":
    main()
