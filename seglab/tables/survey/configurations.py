"""The configurations of a table's runs and of their evaluation, composed as the commands compose them."""

import json
from collections.abc import Sequence
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seglab import config, runs
from seglab.config.compose import compose
from seglab.config.messages import message_for
from seglab.config.overrides import quoted
from seglab.errors import SeglabError, did_you_mean, listed
from seglab.evaluation.columns import ALL_CLASSES, class_of
from seglab.labels import LabelSpace, label_space
from seglab.runs import init_from
from seglab.tables.plan.model import Plan, Row

_SOME_TEACHER = f"teacher={init_from.RUN}to-be-known"  # in the place of the run of another row


def configurations(
    plan: Plan, *, overrides: Sequence[str] = (), search_path: Sequence[str] = ()
) -> dict[tuple[str, int], DictConfig]:
    """{(label, seed): configuration} of every run, as `python -m seglab.train` would compose and check it.

    A row that starts or learns from another one names its run of the same seed by fingerprint: the same on every
    machine. A row of down-sampled ground truth has no seeds; it stands at the first.

    Args:
        overrides: of every run, behind those of its row.
        search_path: folders with groups of the user's own.

    Raises:
        SeglabError: a row's configuration is wrong, equal to another row's, or has not the classes of the columns.
    """
    composed: dict[tuple[str, int], DictConfig] = {}
    alike: dict[tuple[str, ...], DictConfig] = {}  # rows of ground truth are, and a composition takes a while
    for row in plan.rows:
        try:
            own = row.overrides if row.learns_from is None else (*row.overrides, _SOME_TEACHER)
            cfg = alike.get(own) or compose("train", [*plan.common, *own, *overrides], search_path=search_path).cfg
            alike[own] = cfg
            config.check(cfg)
            _check_classes(plan, label_space(runs.plain(cfg)["data"]["labels"]))
        except (SeglabError, HydraException, OmegaConfBaseException) as error:
            raise SeglabError(f"table {plan.name}, row {row.label!r}: {message_for(error)}") from error
        for seed in plan.seeds_of(row):
            composed[row.label, seed] = cfg.copy()
            for key, value in plan.seed_settings(seed).items():  # all that depends on the seed refers to these keys
                OmegaConf.update(composed[row.label, seed], key, value)
    for row in in_order(plan.rows):
        if row.needs is not None:
            for seed in plan.seeds_of(row):
                first = runs.fingerprint(runs.plain(composed[row.needs, seed]))
                composed[row.label, seed][row.needed_as] = f"{init_from.RUN}{first}"
    return composed


def in_order(rows: Sequence[Row]) -> list[Row]:
    """The rows, each behind the one that it starts or learns from; otherwise in their own order."""
    by_label = {row.label: row for row in rows}
    ordered: dict[str, Row] = {}

    def add(row: Row) -> None:
        if row.needs is not None and row.needs not in ordered:
            add(by_label[row.needs])
        ordered[row.label] = row

    for row in rows:
        add(row)
    return list(ordered.values())


def evaluation_settings(plan: Plan, *, row: Row | None = None, search_path: Sequence[str] = ()) -> DictConfig:
    """The configuration of `python -m seglab.evaluate` that scores the table's runs, on the first of several splits.

    Args:
        row: whose evaluation it is, where rows have their own.

    Raises:
        SeglabError: what the row states is no configuration.
    """
    try:
        cfg = compose("evaluate", evaluation_overrides(plan, row=row), search_path=search_path).cfg
        config.check(cfg, config.EvaluateConfig)
    except (SeglabError, HydraException, OmegaConfBaseException) as error:
        if row is None:
            raise
        raise SeglabError(f"table {plan.name}, row {row.label!r}: evaluation: {message_for(error)}") from error
    return cfg


def own_evaluations(plan: Plan, *, search_path: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """{label: resolved values of conf/evaluate.yaml} of the rows that state an evaluation of their own."""
    return {
        row.label: runs.plain(evaluation_settings(plan, row=row, search_path=search_path))
        for row in plan.rows
        if row.evaluation
    }


def evaluation_overrides(plan: Plan, *, row: Row | None = None, split: str | None = None) -> list[str]:
    """The plan's `evaluation` as it is typed: ["split=test", "scales=[0.75,1.0]"].

    Args:
        row: whose own keys go before the plan's.
        split: one of the plan's; None: where it has several, the first.
    """
    settings = dict(plan.evaluation) if row is None else plan.evaluation_of(row)
    if isinstance(settings.get("split"), list):
        settings["split"] = settings["split"][0]
    return [f"{key}={_typed(value)}" for key, value in {**settings, **({"split": split} if split else {})}.items()]


def _check_classes(plan: Plan, labels: LabelSpace) -> None:
    """Raises SeglabError for a column or a group of classes that the data set does not have."""
    class_names = [(f"groups.{group}", name) for group, members in plan.groups.items() for name in members]
    columns = {column: class_of(column) for column in plan.columns if column != ALL_CLASSES}
    class_names += [
        (f"columns: {column}", name) for column, name in columns.items() if name is not None and name not in plan.groups
    ]
    for where, name in class_names:
        if name not in labels.names:
            near = did_you_mean(name, [*labels.names, *plan.groups])
            raise SeglabError(
                f"{where}: expected a class of {labels.name}{' or a group' if where.startswith('c') else ''}; "
                f"came {name!r}{near or ' - it has ' + listed(labels.names)}"
            )


def _typed(value: Any) -> str:
    """A value in Hydra's grammar, in which JSON's numbers and words are at home."""
    if isinstance(value, list):
        return f"[{', '.join(map(_typed, value))}]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)
