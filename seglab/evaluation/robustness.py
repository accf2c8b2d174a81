"""What may be asked of corrupted images, and what is made of their scores; nothing heavy is imported.

The error of a network is 1 - mIoU. Of a corruption c with severities s, against a reference network:

    CE_c = sum_s E_{s,c} / sum_s E^ref_{s,c},    mCE = mean over c of CE_c

(Hendrycks & Dietterich, ICLR 2019, section 4, whose error is that of the top label and whose reference is AlexNet).
"""

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from seglab.config.ranges import Range
from seglab.data.corruptions.names import ALL, GROUPS, NAMES, PUBLISHED, SEVERITIES
from seglab.errors import SeglabError
from seglab.evaluation.columns import CORRUPTION_MIOU, DEGRADATION


def _is_corruption(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(item in NAMES for item in value)
    return value is None or value in (ALL, PUBLISHED, *NAMES)


def _is_severity(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(type(item) is int and item in SEVERITIES for item in values)


RANGES = {
    "corruption": Range(
        f"null, {ALL}, {PUBLISHED}, or some of {', '.join(NAMES)}", _is_corruption, (ALL, PUBLISHED, *NAMES)
    ),
    "severity": Range("some of 1, 2, 3, 4, 5", _is_severity),
}


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for a reference without corruptions."""
    if settings["reference"] is not None and settings["corruption"] is None:
        raise SeglabError(
            f"reference={settings['reference']} is what corruption errors are relative to; came corruption=null - "
            "add corruption=all, or leave reference out"
        )


def result_of(miou: Mapping[str, Mapping[str, float]], *, clean: float) -> dict[str, Any]:
    """The scores that metrics.json holds.

    Args:
        miou: {corruption: {severity, as text: mIoU of the whole data set}}.
        clean: mIoU of the images as they are.

    Returns:
        miou as it is; mean: {corruption: over its severities}; groups: {group: {severity: over its corruptions}};
        CORRUPTION_MIOU: the mean over the corruptions; DEGRADATION: which share of clean that lacks.
    """
    mean = {name: fmean(values.values()) for name, values in miou.items()}
    groups = {
        group: {severity: fmean(miou[name][severity] for name in found) for severity in next(iter(miou.values()))}
        for group, names in GROUPS.items()
        if (found := [name for name in names if name in miou])
    }
    average = fmean(mean.values())
    lost = 1 - average / clean if clean > 0 else math.nan
    scores = {CORRUPTION_MIOU: average, DEGRADATION: lost}
    return {"clean": clean, "miou": miou, "mean": mean, "groups": groups, **scores}


def corruption_errors(mean: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """{corruption: CE_c}, 1 for a network as good as the reference; NaN where the reference makes no error.

    Args:
        mean: {corruption: mean mIoU over severities}.
        reference: the same of the reference, with all of these corruptions and over the same severities.
    """
    errors = {name: (1 - value, 1 - reference[name]) for name, value in mean.items()}
    return {name: mine / theirs if theirs > 0 else math.nan for name, (mine, theirs) in errors.items()}
