"""The costs of a table as they are shown."""

from seglab.display.sheet import comma_separated, markdown
from seglab.tables.costs.costs import Cost
from seglab.tables.costs.sheet import cost_sheet
from seglab.tables.plan.model import Plan


def test_the_sheet_sums_up(plan: Plan) -> None:
    costs = [
        Cost(row="a", seeds=3, left=1, seconds=3600.0, measured=True, device="NVIDIA H100"),
        Cost(row="b", seeds=2, left=2, seconds=1800.0, device="NVIDIA H100", part="2 images of 96x192"),
        Cost(row="c", seeds=1, left=1),
    ]
    shown = markdown(cost_sheet(plan, costs))
    assert "T: 4 GPU hours without the rows that are unknown (measured: finished runs of the row; estimated" in shown
    assert "| a | measured, NVIDIA H100 |" in shown
    assert "| b | estimated, scaled |" in shown
    assert "| c | unknown: cost=true estimates it |" in shown
    assert "| all |  |  |  |  |  | 6 | 4 | 4 h 00 min |" in shown
    assert "left to be trained: 2 h 00 min" in shown
    assert "2 images of 96x192" in shown
    assert comma_separated(cost_sheet(plan, costs)).splitlines()[-1] == "all,,,,,,6,4,14400.0"
