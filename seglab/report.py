"""`python -m seglab.report`: one HTML page of a run, of several, or of a sweep, for a browser without network.

Reads what lies in the folders; no torch is imported, unless a run has not come to its end: its confusion matrix lies in
its checkpoint alone.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from omegaconf import MISSING, DictConfig

from seglab import config, runs
from seglab.config import command
from seglab.errors import SeglabError
from seglab.multirun.status import read_sweep, sweep_folder
from seglab.pages import run_page
from seglab.runs import find

log = logging.getLogger("seglab")


@dataclass
class ReportConfig:
    """Root keys of conf/report.yaml."""

    run: Any = None
    sweep: str | None = None
    curves: bool = MISSING
    output: str | None = None


config.register({"report_schema": ReportConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="report")
@command.reported
def task(cfg: DictConfig) -> None:
    config.check(cfg, ReportConfig)
    settings = runs.plain(cfg)
    folders, home = chosen(settings["run"], sweep=settings["sweep"])
    path = Path(settings["output"]) if settings["output"] else home / run_page.NAME
    if path.is_dir():
        raise SeglabError(
            f"output={path} is a folder; expected the name of the page's file, such as {path / run_page.NAME}"
        )
    size = run_page.write_page(folders, path, title=home.name)
    print(f"{runs.shown(path.absolute())}, {size / 1e6:.1f} MB, {len(folders)} run{'s' if len(folders) != 1 else ''}")
    if settings["curves"]:
        from seglab.pages.curves_file import write_curves  # OpenCV and matplotlib

        print(runs.shown(write_curves(folders, path.with_name("curves.png")).absolute()))


def chosen(run: Any, *, sweep: str | None) -> tuple[list[Path], Path]:
    """The folders of the runs that were asked for, and the folder that their page belongs into.

    Args:
        run: a run by any of its names, the folder of a sweep, or a list of such.
        sweep: name of a sweep in outputs/sweeps.

    Raises:
        SeglabError: nothing was asked for, or it is not there.
    """
    asked = [str(name) for name in run] if isinstance(run, list) else [] if run is None else [str(run)]
    if bool(asked) == (sweep is not None):
        came = "both" if asked else "neither"
        raise SeglabError(
            f"expected run=NAME, run=[NAME,NAME] or sweep=NAME; came {came} - python -m seglab.runs lists the runs"
        )
    if sweep is not None:
        home = sweep_folder(Path(find.OUTPUT) / "sweeps", sweep)
        return _begun_jobs(home), home
    folders = list(dict.fromkeys(folder for name in asked for folder in _folders(name)))
    if len(asked) > 1:
        return folders, Path(find.OUTPUT)
    return folders, Path(asked[0]) if folders[0].parent == Path(asked[0]) else folders[0]


def _folders(name: str) -> list[Path]:
    """Of the run that is called so, or of the jobs of the sweep in this folder."""
    path = Path(name)
    is_run = (path / runs.RECORD).is_file() or (path / runs.CONFIG).is_file()
    is_sweep = path.is_dir() and not is_run and any(path.glob(f"*/{runs.RECORD}"))
    return _begun_jobs(path) if is_sweep else [find.named_run(name, key="run")]


def _begun_jobs(folder: Path) -> list[Path]:
    """The jobs of a sweep that have a record, in the order of its plan."""
    jobs: Sequence[Path] = [job.folder for job in read_sweep(folder).jobs if (job.folder / runs.RECORD).is_file()]
    if not jobs:
        raise SeglabError(
            f"{runs.shown(folder.absolute())}: expected a sweep with at least one begun job; came none - start it first"
        )
    return list(jobs)


def main() -> None:
    command.run(task)


if __name__ == "__main__":
    main()
