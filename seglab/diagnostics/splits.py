"""All splits of a data set checked and compared; what is wrong is printed and written."""

import logging
from itertools import combinations
from pathlib import Path

from omegaconf import DictConfig

from seglab import runs
from seglab.config.instantiate import instantiate
from seglab.data.module import DataModule
from seglab.data.source import Source
from seglab.diagnostics import dataset_report
from seglab.diagnostics.dataset import Problem, check_split, compare_splits
from seglab.errors import SeglabError

log = logging.getLogger("seglab")


def check_data(cfg: DictConfig, folder: Path, *, name: str) -> bool:
    """Whether the data set has errors; they are printed, and written into `folder` with everything else."""
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


def _sources(data: DataModule) -> tuple[dict[str, Source], dict[str, str]]:
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
