"""A table with a row that is trained and one that is not."""

import pytest

from seglab.tables.plan.model import Plan
from seglab.tables.plan.read import plan_of


@pytest.fixture
def plan() -> Plan:
    rows = [{"label": "ce", "overrides": ["loss=ce"]}, {"label": "half", "downsample": 2}]
    return plan_of({"title": "T", "source": "s", "seeds": [1, 2], "rows": rows, "columns": ["miou"]}, name="t")
