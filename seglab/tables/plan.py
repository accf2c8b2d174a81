"""What conf/table/NAME.yaml says, checked."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from seglab import config
from seglab.errors import SeglabError, did_you_mean
from seglab.tables.model import Plan, Published, Row

FOLDER = config.FOLDER / "table"
SCORES = ("miou", "mdice", "accuracy", "mean_accuracy", "fwiou")  # of every evaluation
COSTS = ("parameters", "flops", "seconds")  # of every run
EXTRAS = {  # column: the `extra` of the evaluation that measures it
    "boundary_f1": "boundary", "boundary_iou": "boundary", "ece": "calibration",
    "batch_absent1": "named", "image_gt_present": "named", "image_gt_present_iou": "named",
    "accuracy_void_wrong": "named",
}  # fmt: skip
OFFICIAL = ("official_iou", "official_iiou", "official_category_iou", "official_category_iiou")  # of Cityscapes
COLUMNS = (*SCORES, *EXTRAS, *OFFICIAL, *COSTS)
CLASS_IOU = "iou/"  # and the name of a class, or of a group

# Of conf/evaluate.yaml, what a table does not decide.
_NOT_OF_A_TABLE = frozenset({"run", "predictions", "truth", "processes", "root", "device", "threads", "output"})
EVALUATION = tuple(field.name for field in fields(config.EvaluateConfig) if field.name not in _NOT_OF_A_TABLE)


def read_plan(table: str | Path) -> Plan:
    """The plan in a YAML file, or in conf/table/ under this name.

    Raises:
        SeglabError: there is no such table, or it says something that no table can mean.
    """
    path = Path(table)
    if path.suffix != ".yaml":
        path = FOLDER / f"{table}.yaml"
        if not path.is_file():
            known = names()
            raise SeglabError(
                f"no table {str(table)!r} in {FOLDER}{did_you_mean(str(table), known)}\n  table can be: "
                f"{', '.join(known) or '(there is none)'}"
            )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    values = _mapping(content, Plan, where=where, leave_out=frozenset({"name"}))
    rows = tuple(_row(row, where=f"{where}: rows[{index}]") for index, row in _list(values, "rows", where=where))
    _require(bool(rows), f"{where}: rows", "one row or more", "none")
    published = tuple(
        _published(row, where=f"{where}: published[{index}]") for index, row in _list(values, "published", where=where)
    )
    plan = Plan(
        name=name,
        title=_text(values, "title", where=where),
        source=_text(values, "source", where=where),
        rows=rows,
        columns=_texts(values, "columns", where=where),
        seeds=_seeds(values, where=where),
        common=_overrides(values, "common", where=where),
        baseline=None if values.get("baseline") is None else _text(values, "baseline", where=where),
        groups=_groups(values, where=where),
        evaluation=_evaluation(values, where=where),
        published=published,
        notes=_texts(values, "notes", where=where),
    )
    _check_as_a_whole(plan, where=where)
    return plan


def _check_as_a_whole(plan: Plan, *, where: str) -> None:
    _require(bool(plan.columns), f"{where}: columns", "one column or more", "none")
    _require(bool(plan.seeds), f"{where}: seeds", "one seed or more", "none")
    labels = [row.label for row in plan.rows]
    _check_unique([*labels, *(row.label for row in plan.published)], f"{where}: rows", "labels")
    _check_unique(plan.columns, f"{where}: columns", "columns")
    _check_unique(plan.seeds, f"{where}: seeds", "seeds")
    if plan.baseline is not None and plan.baseline not in labels:
        raise SeglabError(
            f"{where}: baseline: expected the label of a row ({', '.join(labels)}); "
            f"came {plan.baseline!r}{did_you_mean(plan.baseline, labels)}"
        )
    settings = [(row.label, row.overrides) for row in plan.rows]
    for index, (label, overrides) in enumerate(settings):
        for other, theirs in settings[:index]:
            _require(overrides != theirs, f"{where}: rows", "a setting of its own for each row",
                     f"the same overrides for {other!r} and {label!r}")  # fmt: skip
    asked = plan.evaluation.get("extra") or []
    for column in plan.columns:
        _check_column(column, plan, where=f"{where}: columns")
        if column in EXTRAS and EXTRAS[column] not in asked:
            raise SeglabError(
                f"{where}: columns: {column} is measured with evaluation.extra=[{EXTRAS[column]}]; came "
                f"extra={list(asked)} - add it"
            )
    for published in plan.published:
        for column in published.values:
            _check_column(column, plan, where=f"{where}: published {published.label!r}: values")


def _check_column(column: str, plan: Plan, *, where: str) -> None:
    """A class is looked up where the data set is known, in `configurations`."""
    if column.startswith(CLASS_IOU) and len(column) > len(CLASS_IOU):
        return
    if column not in COLUMNS:
        near = did_you_mean(column.lower(), [*COLUMNS, *(CLASS_IOU + group for group in plan.groups)])
        raise SeglabError(
            f"{where}: expected one of {', '.join(COLUMNS)}, or iou/ and a class or a group; came {column!r}{near}"
        )


def _row(content: Any, *, where: str) -> Row:
    values = _mapping(content, Row, where=where)
    overrides = _overrides(values, "overrides", where=where)
    return Row(label=_text(values, "label", where=where), overrides=overrides, note=_said(values, "note", where=where))


def _published(content: Any, *, where: str) -> Published:
    values = _mapping(content, Published, where=where)
    verified = values.get("verified", False)
    _require(type(verified) is bool, f"{where}: verified", "true or false", repr(verified))
    scores = values["values"]
    _require(isinstance(scores, dict), f"{where}: values", "{column: fraction}", repr(scores))
    for column, value in scores.items():
        _check_value(column, value, where=f"{where}: values.{column}")
    return Published(
        label=_text(values, "label", where=where),
        values={str(column): float(value) for column, value in scores.items()},
        source=_text(values, "source", where=where),
        split=_said(values, "split", where=where),
        resolution=_said(values, "resolution", where=where),
        pretraining=_said(values, "pretraining", where=where),
        verified=verified,
        note=_said(values, "note", where=where),
    )


def _check_value(column: str, value: Any, *, where: str) -> None:
    """Raises SeglabError for what is no fraction, or in a column of costs no number."""
    is_number = type(value) in (int, float) and math.isfinite(value)
    if column in COSTS:
        _require(is_number and value >= 0, where, "a number >= 0", repr(value))
        return
    hint = " - is it in per cent?" if is_number and 1 < value <= 100 else ""
    _require(is_number and 0 <= value <= 1, where, "a fraction from 0 to 1", f"{value!r}{hint}")


def _groups(values: Mapping[str, Any], *, where: str) -> dict[str, tuple[str, ...]]:
    groups = values.get("groups") or {}
    _require(isinstance(groups, dict), f"{where}: groups", "{name: [class, ...]}", repr(groups))
    found = {str(name): _texts(groups, name, where=f"{where}: groups") for name in groups}
    for name, members in found.items():
        _require(bool(members), f"{where}: groups.{name}", "one class or more", "none")
        _check_unique(members, f"{where}: groups.{name}", "classes")
    return found


def _evaluation(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    evaluation = values.get("evaluation") or {}
    _require(isinstance(evaluation, dict), f"{where}: evaluation", "keys of conf/evaluate.yaml", repr(evaluation))
    for key in evaluation:
        if str(key).partition(".")[0] not in EVALUATION:
            near = did_you_mean(str(key), EVALUATION)
            raise SeglabError(
                f"{where}: no key {key!r} in evaluation{near or '; expected some of ' + ', '.join(EVALUATION)}"
            )
    return evaluation


def _overrides(values: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    """Those of one run: several values of a key are refused, and so are the keys that the table itself gives."""
    overrides = _texts(values, key, where=where)
    for override in overrides:
        try:
            (parsed,) = OverridesParser.create().parse_overrides([override])
        except OverrideParseException as error:
            raise SeglabError(
                f"{where}: {key}: expected KEY=VALUE as on the command line of seglab.train; came {override!r}"
            ) from error
        if parsed.is_sweep_override():
            raise SeglabError(f"{where}: {key}: expected one value; came {override!r} - make a row of each value")
        name = parsed.key_or_group
        if name in ("seed", "sweep", "output", "resume", "retry_failed") or name.startswith("hydra."):
            raise SeglabError(f"{where}: {key}: {name} is decided by the table; came {override!r} - leave it out")
    return overrides


def _mapping(content: Any, schema: type, *, where: str, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`content` as a mapping with keys of the dataclass `schema`, all those in it that have no default."""
    known = {field.name: field for field in fields(schema) if field.name not in leave_out}
    _require(isinstance(content, dict), where, f"a mapping with {', '.join(known)}", repr(content))
    for key in content:
        if key not in known:
            near = did_you_mean(str(key), known)
            raise SeglabError(f"{where}: no key {key!r}{near or '; expected some of ' + ', '.join(known)}")
    for key, field in known.items():
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and content.get(key) is None:
            raise SeglabError(f"{where}: expected the key {key!r}; it is not there - add it")
    return content


def _list(values: Mapping[str, Any], key: str, *, where: str) -> Iterator[tuple[int, Any]]:
    content = values.get(key)
    _require(content is None or isinstance(content, list), f"{where}: {key}", "a list", repr(content))
    return enumerate(content or ())


def _texts(values: Mapping[str, Any], key: str, *, where: str) -> tuple[str, ...]:
    return tuple(_checked_text(text, where=f"{where}: {key}") for _, text in _list(values, key, where=where))


def _text(values: Mapping[str, Any], key: str, *, where: str) -> str:
    return _checked_text(values[key], where=f"{where}: {key}")


def _checked_text(text: Any, *, where: str) -> str:
    _require(isinstance(text, str) and text.strip() != "", where, "a text", f"{text!r} - put it in quotes")
    return text


def _said(values: Mapping[str, Any], key: str, *, where: str) -> str | None:
    return None if values.get(key) is None else _text(values, key, where=where)


def _seeds(values: Mapping[str, Any], *, where: str) -> tuple[int, ...]:
    seeds = tuple(seed for _, seed in _list(values, "seeds", where=where))
    for seed in seeds:
        _require(type(seed) is int and seed >= 0, f"{where}: seeds", "whole numbers >= 0", repr(seed))
    return seeds


def _check_unique(items: Sequence[object], where: str, what: str) -> None:
    twice = [item for index, item in enumerate(items) if item in items[:index]]
    _require(not twice, where, f"different {what}", f"{', '.join(map(str, twice))} twice - rename or remove one")


def _require(right: bool, where: str, expected: str, came: str) -> None:
    if not right:
        raise SeglabError(f"{where}: expected {expected}; came {came}")
