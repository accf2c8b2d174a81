"""A table of down-sampled ground truth, and how it is measured."""

from pathlib import Path

from seglab import runs
from seglab.tables.launch import launch
from seglab.tables.plan.model import Plan
from seglab.tables.survey.configurations import configurations, evaluation_settings
from seglab.tables.survey.survey import Survey, survey

OFFICIAL = {
    "official_iou": "averageScoreClasses", "official_iiou": "averageScoreInstClasses",
    "official_category_iou": "averageScoreCategories", "official_category_iiou": "averageScoreInstCategories",
}  # fmt: skip


def surveyed(plan: Plan, output: Path, **changes) -> Survey:
    given = {"committed": [], "outdated_too": True}
    settings = runs.plain(evaluation_settings(plan))
    return survey(plan, configurations(plan), settings=settings, output=output, **{**given, **changes})


def measure(plan: Plan, output: Path, **changes) -> Survey:
    launch.train_missing(
        surveyed(plan, output), output=output, overrides=[], search_path=[], retry_failed=False, **changes
    )
    return surveyed(plan, output)
