"""Every table of conf/table, found by itself: read, and composed in its reduced forms.

The rows of the tables themselves are composed and trained for two steps in tests/data/test_experiments.py, where the
stand-in data are.
"""

from pathlib import Path

import pytest

from seglab import runs
from seglab.tables.plan.budgets import reduced
from seglab.tables.plan.read import FOLDER, names, read_plan
from seglab.tables.survey.configurations import configurations, evaluation_settings, own_evaluations
from seglab.tables.survey.survey import survey
from tests.exhaustive import one_in

# questions of our own: no source, nothing left unsaid
OURS = (
    "synthetic_",
    "camvid_queries",
    "camvid_small_classes",
    "camvid_calibration",
    "camvid_corruptions",
    "camvid_unknown",
    "camvid_losses",
    "camvid_pretraining",
    "camvid_one_video",
    "camvid_augment",
    "camvid_resolution",
    "camvid_activations",
)
FORMS = [(name, form) for name in names() for form in sorted({"smoke", *read_plan(name).budgets})]


@pytest.mark.parametrize("name", names())
def test_opens_with_what_it_is_and_its_command(name: str) -> None:
    head = (FOLDER / f"{name}.yaml").read_text().partition("\ntitle:")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    assert any(f"python -m seglab.table table={name} run=true" in line for line in head)
    assert max(map(len, (FOLDER / f"{name}.yaml").read_text().splitlines())) <= 160


@pytest.mark.parametrize("name", [name for name in names() if not name.startswith(OURS)])
def test_says_where_its_numbers_come_from(name: str) -> None:
    plan = read_plan(name)
    assert plan.published or any("no number" in text for text in (plan.source, *plan.notes))
    assert plan.unsaid


@pytest.mark.slow
@pytest.mark.parametrize(("name", "form"), one_in(6, FORMS), ids=[f"{name}-{form}" for name, form in FORMS])
def test_every_reduced_form_can_be_run(name: str, form: str, tmp_path: Path) -> None:
    """No two of its rows are the same experiment; then those of the table itself are not, either."""
    full = read_plan(name)
    plan = reduced(full, form)
    settings = runs.plain(evaluation_settings(plan))
    found = survey(
        plan, configurations(plan), settings=settings, output=tmp_path, committed=[], outdated_too=False,
        own=own_evaluations(plan),
    )  # fmt: skip
    assert {state.row for state in found.states} == {f"{row.label} ({form})" for row in full.rows}
    assert len(found.states) <= len(full.rows) * len(full.seeds)
