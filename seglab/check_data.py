"""`python -m seglab.check_data`: every file of every split is read, and all that is wrong is listed.

Nothing heavy is imported before the configuration is composed and checked.
"""

import logging
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.errors import SeglabError

if TYPE_CHECKING:
    from seglab.data.module import DataModule
    from seglab.data.source import Source

log = logging.getLogger("seglab")
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
    config.check(cfg, CheckDataConfig)
    settings = HydraConfig.get()
    return check_data(cfg, Path(settings.runtime.output_dir), name=settings.runtime.choices["data"])


def main() -> None:
    command.run(task, finish=lambda found_errors: FAULTY if any(found_errors) else 0)


def check_data(cfg: DictConfig, folder: Path, *, name: str) -> bool:
    """Whether the data set has errors; they are printed, and written into `folder` with everything else."""
    from seglab.config.instantiate import instantiate
    from seglab.diagnostics import dataset_report
    from seglab.diagnostics.dataset import Problem, check_split, compare_splits

    data: DataModule = instantiate(runs.plain(cfg)["data"])
    data.prepare_data()
    sources, unlisted = _sources(data)
    reports = [check_split(split, source) for split, source in sources.items()]
    problems = [Problem("error", part, message) for part, message in unlisted.items()]
    problems += [problem for report in reports for problem in report.problems]
    for first, second in combinations(reports, 2):
        problems += compare_splits(first, second)
    dataset_report.write(reports, problems, folder, labels=data.label_space)
    dataset_report.show(reports, problems, title=f"{name}, {data.label_space.name}")
    errors = sum(problem.level == "error" for problem in problems)
    log.info("%s, all of it in %s", "no error" if errors == 0 else f"errors: {errors}", runs.shown(folder))
    return errors > 0


def _sources(data: "DataModule") -> tuple[dict[str, "Source"], dict[str, str]]:
    """The splits by name, those of equal files once, and what is wrong with splits that cannot even be listed.

    Raises SeglabError when all of them fail alike: then it is the folder that is wrong.
    """
    sources: dict[str, Source] = {}
    unlisted: dict[str, str] = {}
    for part in ("train", "val", "test"):
        try:
            source = data.source(part)
        except SeglabError as error:
            unlisted[part] = str(error)
            continue
        twin = next((name for name, other in sources.items() if list(other.samples) == list(source.samples)), None)
        if twin is None:
            sources[part] = source
        else:  # Cityscapes publishes no test labels: its test split is val once more
            sources[f"{twin} = {part}"] = sources.pop(twin)
    if not sources and len(set(unlisted.values())) == 1:
        raise SeglabError(next(iter(unlisted.values())))
    return sources, unlisted


if __name__ == "__main__":
    main()
