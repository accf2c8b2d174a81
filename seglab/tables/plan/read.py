"""What conf/table/NAME.yaml says, checked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from seglab import config
from seglab.data.corruptions.names import CORRUPTION
from seglab.display.ood import OOD
from seglab.errors import SeglabError, did_you_mean
from seglab.evaluation.columns import ALL_CLASSES, CLASS_IOU, COSTS, EXTRAS, MCE, SCORES, class_of, measured_by
from seglab.runs import yaml_file
from seglab.tables.plan import budgets, factors, margins, noise, settings, tested_on, tuning, until, yaml_values
from seglab.tables.plan.design import Design
from seglab.tables.plan.model import Plan, Published, Row
from seglab.tables.plan.tuning import NOT_TUNED, Tune
from seglab.tables.plan.yaml_values import check_unique, require

FOLDER = config.FOLDER / "table"
COLUMNS = (*SCORES, *COSTS)
_NOT_STATED = frozenset({"name", "budget", "noise", "until", "reached"})  # fields of a plan that are no keys of it


def read_plan(table: str | Path) -> Plan:
    """The plan in a YAML file, or in conf/table/ under this name.

    Raises:
        SeglabError: there is no such table, or it says something that no table can mean.
    """
    path = Path(table)
    if path.suffix != ".yaml":
        path = FOLDER / f"{table}.yaml"
        if not path.is_file():
            tables = names()
            raise SeglabError(
                f"no table {str(table)!r} in {FOLDER}{did_you_mean(str(table), tables)}\n  table can be: "
                f"{', '.join(tables) or '(there is none)'}"
            )
    try:
        written = path.read_text(encoding="utf-8")
        yaml_file.require_bounded(written, path)
        content = yaml.load(written, Loader=yaml_file.LOADER)
    except FileNotFoundError:
        raise SeglabError(f"{path}: expected the YAML file of a table; nothing is there - look into {FOLDER}") from None
    except yaml.YAMLError as error:
        raise SeglabError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return plan_of(content, name=path.stem)


def names(folder: Path = FOLDER) -> list[str]:
    """The tables in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def plan_of(content: Any, *, name: str) -> Plan:
    """The plan that the content of conf/table/`name`.yaml describes.

    Raises:
        SeglabError: names the first thing that is wrong, where it stands and what was expected.
    """
    where = f"table {name}"
    factorial = factors.read(content, where=where)
    instead = frozenset[str]() if factorial is None else frozenset({"rows"})  # of factors
    values = yaml_values.mapping(content, Plan, where=where, leave_out=_NOT_STATED | instead)
    rows = _rows(values, where=where) if factorial is None else factorial.rows
    require(bool(rows), f"{where}: rows", "one row or more", "none")
    tune = tuning.read(values, where=where)
    rows = _tuned(rows, tune, where=where)
    places = tested_on.read(values, where=where)
    baseline = yaml_values.text_or_texts(values, "baseline", where=where)
    if factorial is not None and values.get("baseline") is None:
        baseline = (rows[0].label,)
    for label in baseline:
        _check_label(label, [row.label for row in rows], where=f"{where}: baseline")
    published = tuple(
        _published(row, where=f"{where}: published[{index}]")
        for index, row in yaml_values.items(values, "published", where=where)
    )
    columns = yaml_values.texts(values, "columns", where=where)
    design = noise.read(values, where=where)
    seeds, rule = until.read(values, where=where) if design is None else (design.numbers, None)
    plan = Plan(
        name=name,
        title=yaml_values.text(values, "title", where=where),
        source=yaml_values.text(values, "source", where=where),
        rows=tested_on.expanded(rows, places, where=where),
        columns=columns,
        seeds=seeds,
        noise=design,
        until=rule,
        common=settings.overrides(values, "common", where=where),
        factors={} if factorial is None else factorial.factors,
        design=Design() if factorial is None else factorial.design,
        baseline=tuple(tested_on.label(label, place) for label in baseline for place in places) or baseline,
        tested_on=places,
        groups=_groups(values, where=where),
        evaluation=settings.evaluation(values, where=where),
        published=published,
        notes=yaml_values.texts(values, "notes", where=where),
        unsaid=yaml_values.texts(values, "unsaid", where=where),
        budgets=budgets.budgets(values, where=where),
        margin=margins.read(values, columns=columns, baseline=bool(baseline), where=where),
        ranks=yaml_values.flag(values, "ranks", where=where),
        transposed=yaml_values.flag(values, "transposed", where=where),
        tune=tune,
    )
    _check_as_a_whole(plan, where=where)
    return plan


def _tuned(rows: Sequence[Row], tune: Tune | None, *, where: str) -> tuple[Row, ...]:
    """The rows with their trials: those that they state, else those of the table."""
    tuned = []
    for row in rows:
        own = tune if row.tune is None and row.downsample is None else row.tune
        if own is None or own == NOT_TUNED:
            tuned.append(replace(row, tune=None))
            continue
        here = f"{where}: row {row.label!r}: tune"
        require(row.downsample is None, here, "a row that is trained", "downsample - leave one of the two out")
        require(row.needs is None, here, "a row that needs no run of another one",
                f"{row.needs!r} - tune that row, and state tune: false here")  # fmt: skip
        tuning.check_overrides(own, row.overrides, where=here)
        tuned.append(replace(row, tune=own))
    return tuple(tuned)


def _check_as_a_whole(plan: Plan, *, where: str) -> None:
    require(bool(plan.columns), f"{where}: columns", "one column or more", "none")
    require(bool(plan.seeds), f"{where}: seeds", "one seed or more", "none")
    labels = [row.label for row in plan.rows]
    check_unique([*labels, *(row.label for row in plan.published)], f"{where}: rows", "labels")
    check_unique(plan.columns, f"{where}: columns", "columns")
    check_unique(plan.seeds, f"{where}: seeds", "seeds")
    if plan.noise is not None:
        tuned = [row.label for row in plan.rows if row.tune is not None]
        noise.check(plan.noise, plan.budgets, of=[row.of for row in plan.published], tuned=tuned, where=where)
    _check_rows(plan, where=where)
    until.check(plan, where=where)
    extras = [extra for row in plan.rows for extra in plan.evaluation_of(row).get("extra") or []]
    for column in plan.columns:
        _check_column(column, plan, where=f"{where}: columns")
        extra = measured_by(column)
        if extra in EXTRAS and extra not in extras:
            raise SeglabError(
                f"{where}: columns: {column} is measured with evaluation.extra=[{extra}]; came "
                f"extra={list(dict.fromkeys(extras))} - add it"
            )
        if extra == CORRUPTION and not any(plan.evaluation_of(row).get(CORRUPTION) for row in plan.rows):
            raise SeglabError(f"{where}: columns: {column} is measured with evaluation.corruption=all, or some; came "
                              "none - add it")  # fmt: skip
        if column == MCE and not plan.baseline:
            raise SeglabError(f"{where}: columns: {MCE} is relative to the errors of a baseline; came none - name one")
        if extra == OOD and not any(plan.evaluation_of(row).get("ood") for row in plan.rows):
            raise SeglabError(
                f"{where}: columns: {column} is measured with evaluation.ood=NAME, on data with anomalies; came none - "
                "name a detector"
            )
    for published in plan.published:
        if published.of is not None:
            _check_label(published.of, labels, where=f"{where}: published {published.label!r}: of")
        for column in published.values:
            here = f"{where}: published {published.label!r}: values"
            require(column != ALL_CLASSES, here, "a class", f"{ALL_CLASSES!r} - write iou/CLASS for each")
            _check_column(column, plan, where=here)


def _check_rows(plan: Plan, *, where: str) -> None:
    """Raises SeglabError for two rows that are the same, and for a row that cannot start where it is said to."""
    labels = [row.label for row in plan.rows]
    seen = dict[tuple[object, ...], str]()
    for row in plan.rows:
        setting = (row.overrides, row.starts_from, row.learns_from, row.downsample, row.tune,
                   repr(plan.evaluation_of(row)))  # fmt: skip
        other = seen.setdefault(setting, row.label)
        require(other == row.label, f"{where}: rows", "a setting of its own for each row",
                f"the same overrides for {other!r} and {row.label!r}")  # fmt: skip
    rows = {row.label: row for row in plan.rows}
    for row in plan.rows:
        here = f"{where}: row {row.label!r}: {'starts_from' if row.learns_from is None else 'learns_from'}"
        chain, start = [row.label], row.needs
        while start is not None:
            _check_label(start, labels, where=here)
            chain.append(start)
            require(start not in chain[:-1], here, "rows that end at one with a start of its own",
                    f"{' from '.join(map(repr, chain))} - leave one out")  # fmt: skip
            require(rows[start].downsample is None, here, "a row that is trained",
                    f"{start!r}, which down-samples - name another")  # fmt: skip
            start = rows[start].needs


def _check_label(label: str, labels: list[str], *, where: str) -> None:
    if label not in labels:
        raise SeglabError(
            f"{where}: expected the label of a row ({', '.join(labels)}); came {label!r}{did_you_mean(label, labels)}"
        )


def _check_column(column: str, plan: Plan, *, where: str) -> None:
    """A class is looked up where the data set is known, in `configurations`."""
    if not class_of(column) and column not in COLUMNS:
        near = did_you_mean(column.lower(), [*COLUMNS, *(CLASS_IOU + group for group in plan.groups)])
        raise SeglabError(
            f"{where}: expected one of {', '.join(COLUMNS)}, or iou/ and a class or a group; came {column!r}{near}"
        )


def _rows(values: Mapping[str, Any], *, where: str) -> tuple[Row, ...]:
    stated = yaml_values.items(values, "rows", where=where)
    return tuple(_row(row, where=f"{where}: rows[{index}]") for index, row in stated)


def _row(content: Any, *, where: str) -> Row:
    values = yaml_values.mapping(content, Row, where=where, leave_out=frozenset({"training", "place", "levels"}))
    overrides = settings.overrides(values, "overrides", where=where)
    start, factor = yaml_values.said(values, "starts_from", where=where), values.get("downsample")
    if start is not None and any(override.lstrip("+").startswith("init_from=") for override in overrides):
        raise SeglabError(f"{where}: expected starts_from or an override init_from; came both - leave one out")
    teacher = yaml_values.said(values, "learns_from", where=where)
    names_one = any(override.lstrip("+").startswith("teacher=") for override in overrides)
    if teacher is not None and (start is not None or names_one):
        raise SeglabError(
            f"{where}: expected learns_from, starts_from or an override teacher; came two of them - leave one out"
        )
    if factor is not None:
        require(type(factor) is int and factor >= 2, f"{where}: downsample", "a whole number >= 2", repr(factor))
        alone = not overrides and start is None and teacher is None
        require(alone, f"{where}: downsample", "no overrides and no starts_from beside it",
                f"{', '.join(overrides) or f'starts_from: {start}'} - nothing is trained: leave it out")  # fmt: skip
        require(not values.get("evaluation"), f"{where}: downsample", "no evaluation beside it",
                f"{values.get('evaluation')} - no network sees an image: leave it out")  # fmt: skip
    return Row(
        label=yaml_values.text(values, "label", where=where),
        overrides=overrides,
        note=yaml_values.said(values, "note", where=where),
        starts_from=start,
        learns_from=teacher,
        downsample=factor,
        evaluation=settings.evaluation(values, where=where),
        tune=tuning.read(values, where=where),
    )


def _published(content: Any, *, where: str) -> Published:
    values = yaml_values.mapping(content, Published, where=where)
    scores = values["values"]
    require(isinstance(scores, dict), f"{where}: values", "{column: fraction}", repr(scores))
    for column, value in scores.items():
        _check_value(column, value, where=f"{where}: values.{column}")
    return Published(
        label=yaml_values.text(values, "label", where=where),
        values={str(column): float(value) for column, value in scores.items()},
        source=yaml_values.text(values, "source", where=where),
        split=yaml_values.said(values, "split", where=where),
        resolution=yaml_values.said(values, "resolution", where=where),
        pretraining=yaml_values.said(values, "pretraining", where=where),
        verified=yaml_values.flag(values, "verified", where=where),
        note=yaml_values.said(values, "note", where=where),
        of=yaml_values.said(values, "of", where=where),
    )


def _check_value(column: str, value: Any, *, where: str) -> None:
    """Raises SeglabError for what is no fraction, or in a column of costs no number; a class may be absent: NaN."""
    if class_of(column) is not None and type(value) is float and math.isnan(value):
        return  # absent in the source
    is_number = type(value) in (int, float) and math.isfinite(value)
    if column in COSTS:
        require(is_number and value >= 0, where, "a number >= 0", repr(value))
        return
    hint = " - is it in per cent?" if is_number and 1 < value <= 100 else ""
    require(is_number and 0 <= value <= 1, where, "a fraction from 0 to 1", f"{value!r}{hint}")


def _groups(values: Mapping[str, Any], *, where: str) -> dict[str, tuple[str, ...]]:
    groups = values.get("groups") or {}
    require(isinstance(groups, dict), f"{where}: groups", "{name: [class, ...]}", repr(groups))
    classes = {str(name): yaml_values.texts(groups, name, where=f"{where}: groups") for name in groups}
    for name, members in classes.items():
        require(bool(members), f"{where}: groups.{name}", "one class or more", "none")
        check_unique(members, f"{where}: groups.{name}", "classes")
    return classes
