"""One table from plan to page: surveyed, trained where asked for, compared, shown, written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seglab import runs
from seglab.display import sheet
from seglab.errors import SeglabError
from seglab.tables.analysis.analyses import findings
from seglab.tables.analysis.power_figure import power_figure
from seglab.tables.analysis.power_sheet import power_sheets
from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.costs import power, speed
from seglab.tables.costs.estimate import estimate_missing, known_costs
from seglab.tables.costs.sheet import cost_sheet
from seglab.tables.launch import launch
from seglab.tables.launch.trials import train_trials
from seglab.tables.plan.budgets import form, picked
from seglab.tables.plan.columns import classes_of, expanded
from seglab.tables.plan.model import Measurement, Plan
from seglab.tables.plan.read import FOLDER
from seglab.tables.plan.tuning import Trial
from seglab.tables.render import csv_file, latex, sheets
from seglab.tables.render.page import write_page
from seglab.tables.survey import looks, trials_file
from seglab.tables.survey.composed import compose
from seglab.tables.survey.configurations import configurations
from seglab.tables.survey.ensembles import to_be_scored
from seglab.tables.survey.inventory import committed_csv, listed, take
from seglab.tables.survey.measurements import write_csv
from seglab.tables.survey.pilot import of_survey, of_tables
from seglab.tables.survey.survey import Survey, lines
from seglab.tables.survey.trials import look
from seglab.tables.survey.wanted import fingerprints

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {"markdown": "md", "latex": "tex", "csv": "csv", "html": "html"}
_TEXTS = {"markdown": sheets.markdown, "latex": latex.latex, "csv": csv_file.to_csv}  # the page has pictures as well


def home_of(name: str, folders: list[Path]) -> Path:
    """The folder with the table's YAML, beside which its measurements lie."""
    return next(folder for folder in folders if (folder / f"{name}.yaml").is_file())


def list_tables(folders: list[Path], settings: Mapping[str, Any], *, search_path: list[str]) -> None:
    """Prints every table with its title and its state."""
    output, overrides = Path(settings["output"]), settings["overrides"]
    for line in listed(folders, output=output, overrides=overrides, search_path=search_path):
        print(line, flush=True)
    print("with table=NAME one is shown; with cost=true what it costs; with run=true what is missing is trained first")


class Table:
    """One table, or a reduced form of it, and what is known of its runs."""

    def __init__(self, plan: Plan, settings: Mapping[str, Any], *, home: Path, search_path: list[str]) -> None:
        self._stated = plan
        self._settings = settings
        self._search_path = search_path
        self._output = Path(settings["output"])
        self._home = home
        self._form = form(plan)
        self._picked = picked(plan, settings["rows"])
        self._look()

    def _look(self) -> None:
        """Takes in what the trials of its rows have chosen so far, and composes the table's runs."""
        given = {"overrides": self._settings["overrides"], "search_path": self._search_path}
        trials = trials_file.read(trials_file.committed(self._stated, self._home))
        self._tuned = look(self._stated, output=self._output, committed=trials, **given)
        self._plan = self._tuned.plan
        self._composed = compose(self._plan, **given)

    def make(self) -> int:
        """Trains what is to be trained, shows the table and writes it; 1 where something that was to be run is left."""
        run, survey = self._settings["run"], self.survey()
        if run:
            self._require_data(survey)
        if self._settings["cost"]:
            self._show_costs(survey)
            if not run and not self._settings["power"]:
                return 0
        if self._settings["power"]:
            self._show_power(survey)
            return 0
        if self._settings["speed"]:
            speed.write(speed.here(self._plan, self._output), speed.measure(self._plan, self._composed))
        if run and self._is_left(survey):
            if not self._settings["cost"] and self._is_dear(survey):
                self._show_costs(survey)
            self._print_state(survey)
            survey = self._run(survey)
        self._print_state(survey)
        print()
        self._show(survey)
        if self._settings["record"]:
            self._record(survey)
        return int(run and self._is_left(survey))

    def survey(self) -> Survey:
        return take(
            self._plan,
            self._composed,
            home=self._home,
            output=self._output,
            outdated_too=not self._settings["overrides"],
            tuned=self._tuned,
        )

    def _require_data(self, survey: Survey) -> None:
        """Raises SeglabError where a data set that is to be read is not there, before anything is trained."""
        readers = {f"row {state.row}": self._composed.configurations[state.row, state.seed]["data"]
                   for state in survey.states
                   if state.row in self._picked and state.status not in ("measured", "committed")}  # fmt: skip
        if readers:
            readers["its evaluation"] = self._composed.evaluation.get("data")
            own = self._composed.own.items()
            readers |= {f"the evaluation of {row}": one.get("data") for row, one in own if row in self._picked}
        for what, data in readers.items():
            if data is None or data.get("prepare"):  # the run's own data; drawn where it is not there
                continue
            root = data["root"]
            if root is None or not Path(root).is_dir():
                came = "it is not set" if root is None else f"'{root}' does not exist"
                raise SeglabError(
                    f"table={self._plan.name}, {what}: expected the folder of the data set in data.root; {came} - set "
                    "it with \"overrides=['data.root=FOLDER']\" or its environment variable, or pick others: rows=[...]"
                )

    def _is_left(self, survey: Survey) -> bool:
        """Whether a run is left of those that were asked for."""
        states = [state for state in survey.states if state.row in self._picked]
        together = to_be_scored(self._plan, states)
        return bool(together) or any(state.status not in ("measured", "committed") for state in states)

    def _is_dear(self, survey: Survey) -> bool:
        """Whether to say first what it costs: not that of two steps, nor what the finished runs tell."""
        costs = known_costs(survey, self._composed, output=self._output)
        unknown = [cost for cost in costs if cost.left and not cost.measured and cost.row in self._picked]
        return bool(unknown) and self._plan.budget != "smoke"

    def _show_costs(self, survey: Survey) -> None:
        estimate_missing(survey, self._composed, output=self._output)
        sheet.show(cost_sheet(self._plan, known_costs(survey, self._composed, output=self._output)))
        print(flush=True)

    def _show_power(self, survey: Survey) -> None:
        """Prints how many seeds show what, and writes it with its figure."""
        named, column = self._settings["pilot"], self._settings["column"]
        measured = (
            [of_survey(survey)]
            if named is None
            else of_tables(
                [named] if isinstance(named, str) else named,
                folders=[self._home, FOLDER],
                output=self._output,
                search_path=self._search_path,
            )
        )
        answer = power.answer(
            survey, self._composed, measured,
            column=column, difference=self._settings["difference"], output=self._output,
        )  # fmt: skip
        parts = power_sheets(answer)
        for part in parts:
            sheet.show(part)
            print()
        folder = self._folder()
        if self._settings["write"]:
            _write_figure(power_figure(answer), folder / f"{self._form}.power.png")
        if "markdown" in self._settings["write"]:
            path = folder / f"{self._form}.power.md"
            runs.write_atomically(path, "\n".join(map(sheet.markdown, parts)))
            print(runs.shown(path.absolute()))

    def _print_state(self, survey: Survey) -> None:
        costs = known_costs(survey, self._composed, output=self._output)
        estimates = {cost.row: cost.seconds for cost in costs if cost.seconds is not None and not cost.measured}
        print("\n".join(lines(survey, estimates)), flush=True)

    def _run(self, before: Survey) -> Survey:
        """The survey after training and evaluating what could be, look after look where seeds are added."""
        if any(state.status == "untuned" and state.row in self._picked for state in before.states):
            train_trials(self._stated, self._tuned, **self._given())
            self._look()
            before = self.survey()
        after = self._train(before)
        while after.plan.reached != before.plan.reached and self._is_left(after):
            self._print_state(after)
            before, after = after, self._train(after)
        return after

    def _given(self) -> dict[str, Any]:
        """What was typed of how trainings are started."""
        return {"output": self._output, "overrides": self._settings["overrides"], "search_path": self._search_path,
                "retry_failed": self._settings["retry_failed"], "rows": self._picked}  # fmt: skip

    def _train(self, before: Survey) -> Survey:
        """The survey after what it misses was tried once."""
        launch.train_missing(before, **self._given())
        trained = [state for state in self.survey().to_evaluate() if state.row in self._picked]
        launch.evaluate_trained(trained, self._plan, search_path=self._search_path)
        scored = [state for state in self.survey().states if state.row in self._picked]
        launch.evaluate_ensembles(scored, self._plan, search_path=self._search_path)
        return self.survey()

    def _show(self, survey: Survey) -> None:
        """Prints the table and writes it in the formats asked for."""
        plan = expanded(self._plan, classes_of(self._composed.configurations))
        comparison = compare(plan, survey.measurements(), survey.images(), trials=survey.trials)
        comparison = self._told_of_looks(comparison)
        sheets.show(comparison)
        speeds = self._speeds()
        for part in speeds:
            sheet.show(part)
            print()
        folder = self._folder()
        figures = self._draw_findings(comparison, folder)
        for name in self._settings["write"]:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self._form}.{FORMATS[name]}"
            if name == "html":
                write_page(comparison, path, pictures=survey.pictures(), figures=figures)
            else:
                text = _TEXTS[name](comparison)
                below = "".join(f"\n{sheet.markdown(part)}" for part in speeds) if name == "markdown" else ""
                runs.write_atomically(path, text + below)
            print(runs.shown(path.absolute()))
        if corruptions := survey.corruptions():
            self._draw_robustness(corruptions, folder / f"{self._form}.robustness.png")

    def _told_of_looks(self, comparison: Comparison) -> Comparison:
        """The comparison with a warning where the looks are not those that were planned; keeps which were made."""
        here = self._output / "tables" / self._form / looks.FILE
        warning = looks.keep(comparison, [here, looks.committed_looks(self._plan, self._home)])
        return comparison if warning is None else replace(comparison, warnings=(*comparison.warnings, warning))

    def _folder(self) -> Path:
        """Where the table is written."""
        return Path(self._settings["folder"] or self._output / "tables" / self._form)

    def _draw_findings(self, comparison: Comparison, folder: Path) -> dict[str, Path]:
        """{name of a finding: its figure} of those that have one, written as the page is."""
        drawn: dict[str, Path] = {}
        for finding in findings(comparison) if self._settings["write"] else []:
            if finding.figure is not None:
                drawn[finding.name] = folder / f"{self._form}.{finding.name}.png"
                _write_figure(finding.figure(), drawn[finding.name])
        return drawn

    def _draw_robustness(self, corruptions: Mapping[str, list[Mapping[str, Any]]], path: Path) -> None:
        from seglab.display.robustness import figure_of_rows

        _write_figure(figure_of_rows(corruptions), path)

    def _speeds(self) -> list[sheet.Sheet]:
        """A sheet of how fast the networks are; none where nobody has measured it."""
        speeds = speed.known(self._plan, self._composed, home=self._home, output=self._output)
        return [speed.speed_sheet(self._plan, speeds)] if speeds else []

    def _record_speeds(self) -> bool:
        """Whether there were some to be kept; a failure is none."""
        speeds = speed.known(self._plan, self._composed, home=self._home, output=self._output)
        measured = {row: values for row, values in speeds.items() if "error" not in values}
        if measured:
            path = speed.committed(self._plan, self._home)
            speed.write(path, measured)
            print(f"{runs.shown(path.absolute())}: the speed of {len(measured)} networks, to be committed")
        return bool(measured)

    def _record_trials(self, survey: Survey) -> bool:
        """Whether there were some to be kept."""
        trials = [trial for of_row in survey.trials.values() for trial in of_row if trial.is_done]
        if trials:
            if self._settings["overrides"]:
                plain = look(self._stated, overrides=(), search_path=self._search_path, output=self._output).trials
                self._require_stated(trials, {trial.fingerprint for of_row in plain.values() for trial in of_row})
            path = trials_file.committed(self._plan, self._home)
            trials_file.write(path, trials)
            print(f"{runs.shown(path.absolute())}: {len(trials)} trials, to be committed")
        return bool(trials)

    def _require_stated(self, found: Sequence[Measurement | Trial], planned: set[str]) -> None:
        """Raises SeglabError for what is of another configuration than the table's, by `overrides`."""
        if self._settings["overrides"] and any(one.fingerprint not in planned for one in found):
            raise SeglabError(
                "record=true: expected measurements of the table as its YAML states it; came others, by overrides="
                f"{self._settings['overrides']} - write them into the table's YAML first"
            )

    def _record(self, survey: Survey) -> None:
        measurements = survey.measurements()
        is_recorded = not self._settings["overrides"] and self._record_speeds()
        is_recorded |= self._record_trials(survey)
        if not measurements:
            if is_recorded:
                return
            raise SeglabError(f"record=true: expected measurements of {self._form}; there is none - add run=true")
        plain = configurations(self._plan, search_path=self._search_path)
        planned = fingerprints(self._plan, plain, settings=self._composed.evaluation)
        self._require_stated(measurements, planned)
        path = committed_csv(self._plan, self._home)
        write_csv(path, measurements)
        print(f"{runs.shown(path.absolute())}: {len(measurements)} measurements, to be committed")
        here = self._output / "tables" / self._form / looks.FILE
        if here.is_file():
            path = looks.committed_looks(self._plan, self._home)
            runs.write_atomically(path, here.read_text(encoding="utf-8"))
            print(f"{runs.shown(path.absolute())}: which looks were made, to be committed")


def _write_figure(figure: Figure, path: Path) -> None:
    from seglab.display import draw  # OpenCV and numpy, which few tables need
    from seglab.runs.png import write_png

    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, draw.rendered(figure))
    print(runs.shown(path.absolute()))
