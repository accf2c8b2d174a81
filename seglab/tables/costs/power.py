"""How many seeds a table needs: what its pilots tell of the deviation, and what its rows cost."""

from collections.abc import Sequence
from pathlib import Path

from seglab.errors import SeglabError
from seglab.evaluation.columns import COSTS, title
from seglab.tables.analysis.power_sheet import Answer, Question, answered
from seglab.tables.comparison.comparison import Comparison
from seglab.tables.costs.estimate import known_costs
from seglab.tables.plan.model import Plan
from seglab.tables.survey.composed import Composed
from seglab.tables.survey.pilot import pilots
from seglab.tables.survey.survey import Survey


def answer(
    survey: Survey,
    composed: Composed,
    measured: Sequence[Comparison],
    *,
    column: str | None,
    difference: float | None,
    output: Path,
) -> Answer:
    """What n seeds of the table show.

    Args:
        measured: the tables whose deviation over seeds is taken.
        column: of which; None: the first score of the table.
        difference: in percentage points, that is to be shown.

    Raises:
        SeglabError: the table has no baseline, the column is none that was measured, or no row has two seeds.
    """
    plan = survey.plan
    rows = _compared(plan)
    column = column or next((name for name in plan.columns if name not in COSTS), "miou")
    tables = pilots(measured, column)
    labels = {row.label for row in plan.rows}  # the trials of a tuned row are made once, not with each seed
    costs = [cost for cost in known_costs(survey, composed, output=output) if cost.row in labels]
    known = [(cost.seconds, cost) for cost in costs if cost.seconds is not None]
    question = Question(
        title=plan.title,
        column=title(column).removesuffix(" %"),
        rows=rows,
        pilots={
            pilot.name: {f"{row.label} minus {row.baseline}": 100 * row.differences for row in pilot.rows}
            for pilot in tables
        },
        difference=difference,
        seconds=sum(seconds for seconds, _ in known) if known else None,
        spent=sum(seconds * (cost.seeds - cost.left) for seconds, cost in known),
        unknown=[cost.row for cost in costs if cost.seconds is None],
        looks=() if plan.until is None else plan.until.looks,
    )
    return answered(question)


def _compared(plan: Plan) -> int:
    """How many rows are compared with one baseline, at most: those of a block, and blocks are known when measured."""
    if not plan.baseline or not plan.compared:
        raise SeglabError(
            f"power=true: expected rows and a baseline that they are compared with; {plan.name} has "
            f"{'no other row' if plan.baseline else 'no baseline'} - state `baseline: LABEL` in its YAML"
        )
    places = max(1, len(plan.tested_on))  # each has a baseline and a family of its own
    return (len(plan.compared) + len(plan.baseline)) // places - 1
