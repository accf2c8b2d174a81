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
    from seglab.tables.composed import Composed
    from seglab.tables.model import Measurement, Plan
    from seglab.tables.state import Survey

log = logging.getLogger("seglab")

FORMATS = {"markdown": "md", "latex": "tex", "csv": "csv", "html": "html"}

_code = 0  # of a good end: 1 where something is left that was to be run


@dataclass
class TableConfig:
    """Root keys of conf/table.yaml."""

    table: Any = None
    budget: str = MISSING
    cost: bool = MISSING
    run: bool = MISSING
    rows: list[str] | None = None
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
        from seglab.tables.budgets import reduced
        from seglab.tables.plan import plan_of

        name = HydraConfig.get().runtime.choices["table"]
        plan = reduced(plan_of(OmegaConf.to_container(cfg.table, resolve=False), name=name), settings["budget"])
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
    asked = [key for key in ("cost", "run", "record") if settings[key]]
    if asked and (settings["table"] is None or settings["readme"] is not None):
        raise SeglabError(f"{asked[0]}=true is for one table; expected table=NAME and no readme=... - name the table")
    if settings["rows"] is not None and not settings["run"]:
        raise SeglabError("rows=[...] picks what is trained; expected run=true with it - add it, or leave rows out")
    if settings["record"] and settings["budget"] == "smoke":
        raise SeglabError("record=true: expected measurements; budget=smoke makes none - take budget=short or full")


def home_of(name: str, folders: list[Path]) -> Path:
    """The folder with the table's YAML, beside which its measurements lie."""
    return next(folder for folder in folders if (folder / f"{name}.yaml").is_file())


def list_tables(folders: list[Path], settings: Mapping[str, Any], *, search_path: list[str]) -> None:
    """Prints every table with its title and its state."""
    from seglab.tables.inventory import listed

    output, overrides = Path(settings["output"]), settings["overrides"]
    for line in listed(folders, output=output, overrides=overrides, search_path=search_path):
        print(line, flush=True)
    print("with table=NAME one is shown; with cost=true what it costs; with run=true what is missing is trained first")


class Table:
    """One table, or a reduced form of it, and what is known of its runs."""

    def __init__(self, plan: "Plan", settings: Mapping[str, Any], *, home: Path, search_path: list[str]) -> None:
        from seglab.tables.budgets import form, picked
        from seglab.tables.composed import compose

        self._plan = plan
        self._settings = settings
        self._search_path = search_path
        self._output = Path(settings["output"])
        self._home = home
        self._form = form(plan)
        self._picked = picked(plan, settings["rows"])
        self._composed: Composed = compose(plan, overrides=settings["overrides"], search_path=search_path)

    def make(self) -> int:
        """Trains what is to be trained, shows the table and writes it; 1 where something that was to be run is left."""
        run, survey = self._settings["run"], self.survey()
        if self._settings["cost"]:
            self._show_costs(survey)
            if not run:
                return 0
        if run and self._is_left(survey):
            if not self._settings["cost"] and self._is_dear(survey):
                self._show_costs(survey)
            self._print_state(survey)
            survey = self._run(survey)
        self._print_state(survey)
        print()
        self._show(survey)
        if self._settings["record"]:
            self._record(survey.measurements())
        return int(run and self._is_left(survey))

    def survey(self) -> "Survey":
        from seglab.tables.inventory import take

        return take(
            self._plan,
            self._composed,
            home=self._home,
            output=self._output,
            outdated_too=not self._settings["overrides"],
        )

    def _is_left(self, survey: "Survey") -> bool:
        """Whether a run is left of those that were asked for."""
        states = [state for state in survey.states if state.row in self._picked]
        return any(state.status not in ("measured", "committed") for state in states)

    def _is_dear(self, survey: "Survey") -> bool:
        """Whether to say first what it costs: not that of two steps, nor what the finished runs tell."""
        from seglab.tables.estimate import known_costs

        costs = known_costs(survey, self._composed, output=self._output)
        unknown = [cost for cost in costs if cost.left and not cost.measured and cost.row in self._picked]
        return bool(unknown) and self._plan.budget != "smoke"

    def _show_costs(self, survey: "Survey") -> None:
        from seglab import sheet
        from seglab.tables.cost_sheet import cost_sheet
        from seglab.tables.estimate import estimate_missing, known_costs

        estimate_missing(survey, self._composed, output=self._output)
        sheet.show(cost_sheet(self._plan, known_costs(survey, self._composed, output=self._output)))
        print(flush=True)

    def _print_state(self, survey: "Survey") -> None:
        from seglab.tables.estimate import known_costs
        from seglab.tables.state import lines

        costs = known_costs(survey, self._composed, output=self._output)
        estimates = {cost.row: cost.seconds for cost in costs if cost.seconds is not None and not cost.measured}
        print("\n".join(lines(survey, estimates)), flush=True)

    def _run(self, before: "Survey") -> "Survey":
        """The survey after training and evaluating what could be."""
        from seglab.tables import launch

        launch.train_missing(
            before,
            output=self._output,
            overrides=self._settings["overrides"],
            search_path=self._search_path,
            retry_failed=self._settings["retry_failed"],
            rows=self._picked,
        )
        trained = [state for state in self.survey().to_evaluate() if state.row in self._picked]
        launch.evaluate_trained(trained, self._plan, search_path=self._search_path)
        return self.survey()

    def _show(self, survey: "Survey") -> None:
        """Prints the table and writes it in the formats asked for."""
        from seglab.tables import render
        from seglab.tables.columns import classes_of, expanded
        from seglab.tables.comparison import compare

        plan = expanded(self._plan, classes_of(self._composed.configurations))
        comparison = compare(plan, survey.measurements(), survey.images())
        render.show(comparison)
        folder = Path(self._settings["folder"] or self._output / "tables" / self._form)
        for name in self._settings["write"]:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self._form}.{FORMATS[name]}"
            if name == "html":
                from seglab.tables.page import write_page

                write_page(comparison, path, pictures=survey.pictures())
            else:
                runs.write_atomically(path, _text(name)(comparison))
            print(runs.shown(path.absolute()))

    def _record(self, measurements: list["Measurement"]) -> None:
        from seglab.tables.configurations import configurations
        from seglab.tables.inventory import committed_csv
        from seglab.tables.measurements import write_csv
        from seglab.tables.wanted import fingerprints

        if not measurements:
            raise SeglabError(f"record=true: expected measurements of {self._form}; there is none - add run=true")
        plain = configurations(self._plan, search_path=self._search_path)
        planned = fingerprints(self._plan, plain, settings=self._composed.evaluation)
        if self._settings["overrides"] and any(each.fingerprint not in planned for each in measurements):
            raise SeglabError(
                "record=true: expected measurements of the table as its YAML states it; came others, by overrides="
                f"{self._settings['overrides']} - write them into the table's YAML first"
            )
        path = committed_csv(self._plan, self._home)
        write_csv(path, measurements)
        print(f"{runs.shown(path.absolute())}: {len(measurements)} measurements, to be committed")


def _text(name: str) -> Any:
    from seglab.tables import latex, render, spreadsheet

    return {"markdown": render.markdown, "latex": latex.latex, "csv": spreadsheet.to_csv}[name]


if __name__ == "__main__":
    main()
