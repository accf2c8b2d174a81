"""Trained on x, tested on y: the rows of a table whose YAML says where each of its trainings is tested."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seglab.tables.plan import settings
from seglab.tables.plan.model import Row
from seglab.tables.plan.yaml_values import require


def read(values: Mapping[str, Any], *, where: str) -> dict[str, dict[str, Any]]:
    """{title: keys of conf/evaluate.yaml} that the key `tested_on` states; nothing where it is left out.

    Raises:
        SeglabError: names the first thing that is wrong.
    """
    stated = values.get("tested_on") or {}
    require(isinstance(stated, dict), f"{where}: tested_on", "{title: {data: NAME, ...}}", repr(stated))
    places = {}
    for title, keys in stated.items():
        here = f"{where}: tested_on.{title}"
        require(isinstance(keys, dict) and keys.get("data") is not None, here, "{data: NAME, ...}", repr(keys))
        places[str(title)] = settings.evaluation({"evaluation": keys}, where=here)
    return places


def expanded(rows: Sequence[Row], places: Mapping[str, Mapping[str, Any]], *, where: str) -> tuple[Row, ...]:
    """A row for each training and place, which one run serves; the rows themselves where no place is stated."""
    if not places:
        return tuple(rows)
    first = next(iter(places))
    for row in rows:
        require(row.downsample is None, f"{where}: tested_on", "rows that are trained", f"{row.label!r}, which is not")
        twice = sorted({"data", "split"} & row.evaluation.keys())
        require(not twice, f"{where}: row {row.label!r}: evaluation", "no data set beside tested_on", ", ".join(twice))
    return tuple(
        replace(
            row,
            label=label(row.label, place),
            training=row.label,
            place=place,
            starts_from=None if row.starts_from is None else label(row.starts_from, first),
            learns_from=None if row.learns_from is None else label(row.learns_from, first),
            evaluation={**row.evaluation, **keys},
        )
        for row in rows
        for place, keys in places.items()
    )


def label(training: str, place: str) -> str:
    return f"{training} on {place}"
