"""`python -m seglab.check_data`: every file of every split is read, and all that is wrong is listed.

Nothing heavy is imported before the configuration is composed and checked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig

from seglab import config
from seglab.config import command

FAULTY = 1  # exit code of a data set with errors


@dataclass
class CheckDataConfig:
    """Root keys of conf/check_data.yaml."""

    data: Any = MISSING
    augment: Any = None
    seed: int = MISSING
    output: str = MISSING


config.register({"check_data_schema": CheckDataConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="check_data")
@command.reported
def task(cfg: DictConfig) -> bool:
    """Whether the data set has errors."""
    config.check(cfg, CheckDataConfig)
    from seglab.diagnostics.splits import check_data  # torch is imported here, after every cheap way to fail

    settings = HydraConfig.get()
    return check_data(cfg, Path(settings.runtime.output_dir), name=settings.runtime.choices["data"])


def main() -> None:
    command.run(task, finish=lambda results: FAULTY if any(results) else 0)


if __name__ == "__main__":
    main()
