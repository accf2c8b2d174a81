"""`python -m seglab.table`: the table of an ablation, from finished runs and committed measurements.

Nothing heavy is imported: what is to be trained is trained by other processes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from seglab import command, config, runs
from seglab.errors import SeglabError, did_you_mean

if TYPE_CHECKING:
    from seglab.tables.model import Measurement, Plan
    from seglab.tables.state import Survey

log = logging.getLogger("seglab")

FORMATS = {"markdown": "md", "latex": "tex", "csv": "csv", "html": "html"}

_code = 0  # of a good end: 1 where something is left that was to be run


@dataclass
class TableConfig:
    """Root keys of conf/table.yaml."""

    table: Any = None
    run: bool = MISSING
    retry_failed: bool = MISSING
    overrides: list[str] = MISSING
    output: str = MISSING
    write: list[str] = MISSING
    folder: str | None = None
    record: bool = MISSING
    readme: str | None = None


config.register({"table_schema": TableConfig})


@hydra.main(version_base="1.3", config_path=str(config.FOLDER), config_name="table")
@command.reported
def task(cfg: DictConfig) -> None:
    global _code
    config.check(cfg, TableConfig)
    settings = runs.plain(cfg)
    check(settings)
    sources = HydraConfig.get().runtime.config_sources
    folders = [Path(source.path) / "table" for source in sources if source.schema == "file"]
    own = [source.path for source in sources if source.provider not in ("main", "hydra", "schema")]
    if settings["readme"] is not None:
        from seglab.tables import readme

        changed = readme.update(Path(settings["readme"]))
        print(f"{settings['readme']}: {'rendered again' if changed else 'is up to date'}")
    elif cfg.table is None:
        list_tables(folders, settings, search_path=own)
    else:
        from seglab.tables.plan import plan_of

        name = HydraConfig.get().runtime.choices["table"]
        plan = plan_of(OmegaConf.to_container(cfg.table, resolve=False), name=name)
        _code = Table(plan, settings, home=home_of(name, folders), search_path=own).make()


def main() -> None:
    command.run(task, finish=lambda: _code)


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a value that is none of its key's choices, or keys that do not go together."""
    for value in settings["write"]:
        if value not in FORMATS:
            near = did_you_mean(value, FORMATS)
            raise SeglabError(f"write holds {value!r}; expected some of {', '.join(FORMATS)}{near}")
    if settings["readme"] is not None and not Path(settings["readme"]).is_file():
        raise SeglabError(f"readme={settings['readme']}: expected a Markdown file; nothing is there - correct the path")
    asked = [key for key in ("run", "record") if settings[key]]
    if asked and (settings["table"] is None or settings["readme"] is not None):
        raise SeglabError(f"{asked[0]}=true is for one table; expected table=NAME and no readme=... - name the table")


def home_of(name: str, folders: list[Path]) -> Path:
    """The folder with the table's YAML, beside which its measurements lie."""
    return next(folder for folder in folders if (folder / f"{name}.yaml").is_file())


def list_tables(folders: list[Path], settings: Mapping[str, Any], *, search_path: list[str]) -> None:
    """Prints every table with its title and its state, which one that cannot be read does not keep from the others."""
    from seglab.tables.plan import names, read_plan
    from seglab.tables.state import counts

    for home, name in ((folder, name) for folder in folders for name in names(folder)):
        try:
            plan = read_plan(home / f"{name}.yaml")
            survey = Table(plan, settings, home=home, search_path=search_path).survey()
            print(f"{name}: {plan.title}\n    {counts(survey)}")
        except SeglabError as error:
            print(f"{name}\n    cannot be used: {error}")
    print("python -m seglab.table table=NAME shows one; with run=true it trains first what is missing")


class Table:
    """One table and what is known of its runs."""

    def __init__(self, plan: "Plan", settings: Mapping[str, Any], *, home: Path, search_path: list[str]) -> None:
        self._plan = plan
        self._settings = settings
        self._search_path = search_path
        self._output = Path(settings["output"])
        self._csv = home / f"{plan.name}.csv"

    def make(self) -> int:
        """Trains what is to be trained, shows the table and writes it; 1 where something that was to be run is left."""
        from seglab.tables.state import lines

        survey = self.survey()
        if self._settings["run"] and not survey.is_complete():
            print("\n".join(lines(survey)), flush=True)
            survey = self._run(survey)
        print("\n".join(lines(survey)))
        print()
        self._show(survey)
        if self._settings["record"]:
            self._record(survey.measurements())
        return int(self._settings["run"] and not survey.is_complete())

    def survey(self) -> "Survey":
        from seglab.tables.configurations import configurations, evaluation_settings
        from seglab.tables.measurements import read_csv
        from seglab.tables.state import survey

        overrides = self._settings["overrides"]
        return survey(
            self._plan,
            configurations(self._plan, overrides=overrides, search_path=self._search_path),
            settings=runs.plain(evaluation_settings(self._plan, search_path=self._search_path)),
            output=self._output,
            committed=read_csv(self._csv),
            outdated_too=not overrides,
        )

    def _run(self, before: "Survey") -> "Survey":
        """The survey after training and evaluating what could be."""
        from seglab.tables import launch

        launch.train_missing(
            before,
            output=self._output,
            overrides=self._settings["overrides"],
            search_path=self._search_path,
            retry_failed=self._settings["retry_failed"],
        )
        trained = self.survey()
        launch.evaluate_trained(trained.to_evaluate(), self._plan, search_path=self._search_path)
        return self.survey()

    def _show(self, survey: "Survey") -> None:
        """Prints the table and writes it in the formats asked for."""
        from seglab.tables import render
        from seglab.tables.comparison import compare

        comparison = compare(self._plan, survey.measurements(), survey.images())
        render.show(comparison)
        folder = Path(self._settings["folder"] or self._output / "tables" / self._plan.name)
        for name in self._settings["write"]:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self._plan.name}.{FORMATS[name]}"
            if name == "html":
                from seglab.tables.page import write_page

                write_page(comparison, path, pictures=survey.pictures())
            else:
                runs.write_atomically(path, _text(name)(comparison))
            print(runs.shown(path.absolute()))

    def _record(self, measurements: list["Measurement"]) -> None:
        from seglab.tables.configurations import configurations
        from seglab.tables.measurements import write_csv

        if not measurements:
            raise SeglabError(f"record=true: expected measurements of {self._plan.name}; there is none - add run=true")
        plain = configurations(self._plan, search_path=self._search_path)
        planned = {runs.fingerprint(runs.plain(cfg)) for cfg in plain.values()}
        if self._settings["overrides"] and any(each.fingerprint not in planned for each in measurements):
            raise SeglabError(
                "record=true: expected measurements of the table as its YAML states it; came others, by overrides="
                f"{self._settings['overrides']} - write them into the table's YAML first"
            )
        write_csv(self._csv, measurements)
        print(f"{runs.shown(self._csv.absolute())}: {len(measurements)} measurements, to be committed")


def _text(name: str) -> Any:
    from seglab.tables import latex, render, spreadsheet

    return {"markdown": render.markdown, "latex": latex.latex, "csv": spreadsheet.to_csv}[name]


if __name__ == "__main__":
    main()
