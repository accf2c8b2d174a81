"""The reduced forms of a table: `smoke` shows that every row works, `short` measures it with less."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seglab.errors import SeglabError, did_you_mean
from seglab.tables.plan import settings, tuning, yaml_values
from seglab.tables.plan.model import Budget, Plan, Row
from seglab.tables.plan.yaml_values import check_unique, require

BUDGETS = ("smoke", "short")  # what a table may state; `full` is the table itself
FULL = "full"

# No cache: of a data set of thousands of images, two batches are read.
_SMOKE_OVERRIDES = (
    "trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1",
    "trainer.check_val_every_n_epoch=1", "trainer.val_check_interval=null", "data.cache=null",
)  # fmt: skip
_SMOKE_IMAGES = 2  # of an evaluation
_SMOKE_NOTE = "two training steps, one validation step: it shows that every row works, the scores say nothing"


def reduced(plan: Plan, budget: str) -> Plan:
    """The plan in a reduced form, marked in its title and its labels; `full` is the plan itself.

    Its `name` stays that of the table; `form` names the files of a form.

    Raises:
        SeglabError: the table has no such form.
    """
    if budget == FULL:
        return plan
    chosen = {"smoke": _smoke(plan), **plan.budgets}.get(budget)
    if chosen is None:
        forms = [FULL, "smoke", *(name for name in plan.budgets if name != "smoke")]
        raise SeglabError(
            f"table {plan.name} has no form {budget!r}; expected one of {', '.join(forms)}{did_you_mean(budget, forms)}"
            + (" - or state `budgets: {short: {overrides: [...]}}` in its YAML" if budget == "short" else "")
        )
    note = f"{budget} form of {plan.name}: {chosen.note or ', '.join(chosen.overrides) or 'fewer seeds'}"
    return replace(
        plan,
        title=marked(plan.title, budget),
        rows=tuple(_reduced_row(row, chosen, budget) for row in plan.rows),
        seeds=chosen.seeds or plan.seeds,
        until=None if chosen.seeds else plan.until,
        baseline=tuple(marked(label, budget) for label in plan.baseline),
        evaluation={**plan.evaluation, **chosen.evaluation},
        notes=(note, *plan.notes),
        budgets={},
        budget=budget,
    )


def form(plan: Plan) -> str:
    """'s002_losses.short': of its folder, its files and its CSV. No form is taken for another one."""
    return plan.name if plan.budget == FULL else f"{plan.name}.{plan.budget}"


def typed(plan: Plan) -> list[str]:
    """['table=s002_losses', 'budget=short']: how the form is named on the command line."""
    return [f"table={plan.name}", *([] if plan.budget == FULL else [f"budget={plan.budget}"])]


def marked(text: str, budget: str) -> str:
    """'u_lite (short)'."""
    return text if budget == FULL else f"{text} ({budget})"


def picked(plan: Plan, rows: Sequence[str] | None) -> list[str]:
    """The labels of the rows to be trained: those named, as in the full table, and those that they start from."""
    by_label = {row.label: row for row in plan.rows}
    if rows is None:
        return list(by_label)
    labels: list[str] = []
    for name in rows:
        label: str | None = name if name in by_label else marked(name, plan.budget)
        if label not in by_label:
            raise SeglabError(f"rows={name!r}: expected labels of rows, {', '.join(by_label)}"
                              f"{did_you_mean(name, by_label) or ' - correct it'}")  # fmt: skip
        while label is not None and label not in labels:
            labels.append(label)
            label = by_label[label].needs
    return labels


def _smoke(plan: Plan) -> Budget:
    """The form that every table has without stating it."""
    return Budget(
        overrides=_SMOKE_OVERRIDES,
        seeds=plan.seeds[:1],
        evaluation={"limit": _SMOKE_IMAGES, "panels": 1},
        note=_SMOKE_NOTE,
    )


def _reduced_row(row: Row, budget: Budget, name: str) -> Row:
    return replace(
        row,
        label=marked(row.label, name),
        training=None if row.training is None else marked(row.training, name),
        overrides=row.overrides if row.downsample is not None else (*row.overrides, *budget.overrides),
        starts_from=None if row.starts_from is None else marked(row.starts_from, name),
        learns_from=None if row.learns_from is None else marked(row.learns_from, name),
        evaluation={key: budget.evaluation.get(key, value) for key, value in row.evaluation.items()},
        tune=None if row.tune is None else tuning.shortened(row.tune, budget.overrides),
    )


def budgets(values: Mapping[str, Any], *, where: str) -> dict[str, Budget]:
    """What the key `budgets` of a table states.

    Raises:
        SeglabError: names the first thing that is wrong.
    """
    stated = values.get("budgets") or {}
    require(isinstance(stated, dict), f"{where}: budgets", "{short: {overrides: [...], ...}}", repr(stated))
    for name in stated:
        if name not in BUDGETS:
            near = did_you_mean(str(name), BUDGETS) or f"; expected some of {', '.join(BUDGETS)}"
            full = " - full is the table itself" if name == "full" else near
            raise SeglabError(f"{where}: no budget {name!r}{full}")
    return {name: _budget(content, where=f"{where}: budgets.{name}") for name, content in stated.items()}


def _budget(content: Any, *, where: str) -> Budget:
    values = yaml_values.mapping(content, Budget, where=where)
    seeds = yaml_values.whole_numbers(values, "seeds", where=where)
    require(bool(seeds) or values.get("seeds") is None, f"{where}: seeds", "one seed or more", "none")
    check_unique(seeds, f"{where}: seeds", "seeds")
    return Budget(
        overrides=settings.overrides(values, "overrides", where=where),
        seeds=seeds or None,
        evaluation=settings.evaluation(values, where=where),
        note=yaml_values.said(values, "note", where=where),
    )
