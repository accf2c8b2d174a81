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
from seglab.errors import SeglabError, did_you_mean

if TYPE_CHECKING:
    from seglab.diagnostics.network import Costs

_PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")

# Of the jobs of a multirun, which are run here one after the other.
_measured: list["Costs"] = []
_folder: Path


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
def task(cfg: DictConfig) -> None:
    config.check(cfg, BenchmarkConfig)
    settings = runs.plain(cfg)
    check(settings)
    hydra_settings = HydraConfig.get()
    _measured.append(benchmark(settings, title=hydra_settings.runtime.choices["model"]))
    global _folder
    _folder = Path(hydra_settings.sweep.dir)


def main() -> None:
    command.run(task, finish=_compare)


def benchmark(settings: dict[str, Any], *, title: str) -> "Costs":
    """What the network costs; prints it."""
    from seglab.diagnostics.network import (
        cost_sheet,
        measure,  # torch is imported here, after every cheap way to fail
    )
    from seglab.display.sheet import show

    costs = measure(settings, title=title)
    show(cost_sheet(costs))
    return costs


def check(settings: dict[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices or out of range."""
    size = settings["size"]
    if len(size) != 2 or min(size) < 1:
        raise SeglabError(f"size is {size}; expected [height, width], whole numbers >= 1")
    for key in ("batch_size", "repetitions"):
        if settings[key] < 1:
            raise SeglabError(f"{key} is {settings[key]}; expected a whole number >= 1")
    if (precision := settings["precision"]) not in _PRECISIONS:
        near = did_you_mean(precision, _PRECISIONS)
        raise SeglabError(f"precision is {precision!r}; expected one of {', '.join(_PRECISIONS)}{near}")


def _compare() -> int:
    if len(_measured) > 1:
        from seglab.diagnostics.network import comparison_sheet
        from seglab.display.sheet import comma_separated, markdown, show

        sheet = comparison_sheet(_measured)
        show(sheet)
        runs.write_atomically(_folder / "comparison.md", markdown(sheet))
        runs.write_atomically(_folder / "comparison.csv", comma_separated(sheet))
        print(f"{runs.shown(_folder)}/comparison.md, comparison.csv")
    return 0


if __name__ == "__main__":
    main()
