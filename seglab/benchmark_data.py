"""`python -m seglab.benchmark_data`: images a second of the data loader, beside those of simpler ones."""

from dataclasses import dataclass
from typing import Any

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command


@dataclass
class BenchmarkDataConfig:
    """Root keys of conf/benchmark_data.yaml."""

    data: Any = MISSING
    augment: Any = MISSING
    seed: int = MISSING
    workers: int = MISSING
    repetitions: int = MISSING
    passes: int = MISSING


config.register({"benchmark_data_schema": BenchmarkDataConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="benchmark_data")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, BenchmarkDataConfig)
    settings = runs.plain(cfg)
    # torch and Lightning, after every cheap way to fail
    from seglab.config.instantiate import instantiate
    from seglab.diagnostics.loader import measure, report

    data = instantiate(settings["data"])
    rates = measure(
        data,
        augmentation=instantiate(settings["augment"]),
        batch_size=settings["data"]["batch_size"],
        workers=settings["workers"],
        repetitions=settings["repetitions"],
        passes=settings["passes"],
    )
    print(report(rates, size=settings["data"]["size"], workers=settings["workers"]))


def main() -> None:
    command.run(task)


if __name__ == "__main__":
    main()
