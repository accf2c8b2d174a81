"""`python -m seglab.benchmark`: parameters, operations, memory and images a second of a network.

Nothing heavy is imported before the configuration is composed and checked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.config.ranges import one_of, require, size, whole
from seglab.display.comparison import show_and_write
from seglab.display.sheet import show

if TYPE_CHECKING:
    from seglab.diagnostics.network import Costs

_RANGES = {
    "size": size(),
    "batch_size": whole(1),
    "repetitions": whole(0),
    "precision": one_of("32-true", "16-mixed", "bf16-mixed"),
}


@dataclass
class BenchmarkConfig:
    """Root keys of conf/benchmark.yaml."""

    data: Any = MISSING
    model: Any = MISSING
    activation: Any = MISSING
    size: list[int] = MISSING
    batch_size: int = MISSING
    device: str = MISSING
    precision: str = MISSING
    channels_last: bool = MISSING
    compile: bool = MISSING
    repetitions: int = MISSING
    training: bool = MISSING
    seed: int = MISSING
    augment: Any = None


config.register({"benchmark_schema": BenchmarkConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="benchmark")
@command.reported
def task(cfg: DictConfig) -> tuple["Costs", Path]:
    """What the network costs, and the folder of a multirun, whose jobs are run in this process one by one."""
    config.check(cfg, BenchmarkConfig)
    settings = runs.plain(cfg)
    require(settings, _RANGES)
    hydra_settings = HydraConfig.get()
    return benchmark(settings, title=hydra_settings.runtime.choices["model"]), Path(hydra_settings.sweep.dir)


def main() -> None:
    command.run(task, finish=_compare)


def benchmark(settings: dict[str, Any], *, title: str) -> "Costs":
    """What the network costs; prints it."""
    # torch, after every cheap way to fail
    from seglab.diagnostics.network import cost_sheet, measure

    costs = measure(settings, title=title)
    show(cost_sheet(costs))
    return costs


def _compare(results: list[tuple["Costs", Path]]) -> int:
    if len(results) > 1:
        from seglab.diagnostics.network import comparison_sheet

        show_and_write(comparison_sheet([costs for costs, _ in results]), results[-1][1])
    return 0


if __name__ == "__main__":
    main()
