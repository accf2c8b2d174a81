"""What a page tells of a row when it is chosen: its scores in words, its differences, where its numbers come from."""

from collections.abc import Iterator
from typing import Any

from seglab.display.numbers import duration
from seglab.evaluation.columns import COSTS, title
from seglab.tables.comparison.comparison import Block, Comparison, PublishedResult
from seglab.tables.comparison.protocol import shown, words
from seglab.tables.comparison.rows import RowResult
from seglab.tables.plan.model import Measurement
from seglab.tables.render.published import stated
from seglab.tables.render.words import estimate, number, sentence


def details(comparison: Comparison) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, details) of each row of each table, as page.js shows them."""
    for index, block in enumerate(comparison.blocks):
        for position, row in enumerate(block.rows):
            yield f"b{index}-r{position}", _measured_details(row, block)
        for position, published in enumerate(block.published):
            yield f"b{index}-p{position}", _published_details(published)
    for position, published in enumerate(comparison.published_apart):
        yield f"apart-p{position}", _published_details(published)


def _measured_details(row: RowResult, block: Block) -> dict[str, Any]:
    scores = []
    for column, score in row.columns.items():
        seeds = ", ".join(number(column, value) for value in score.values)
        lines = [f"{estimate(column, score)} (seeds: {seeds})" if column not in COSTS else estimate(column, score)]
        if column in row.differences and not row.is_baseline:
            lines.append(sentence(row.differences[column]))
        scores.append({"column": column, "title": title(column), "lines": lines})
    shared = [(words(key), shown(key, block.protocol)) for key in block.protocol]
    runs = [
        {"title": f"Seed {run.seed}" if run.seconds else "Origin", "facts": _origin(run, block)}
        for run in row.measurements
    ]
    return {
        "label": row.label,
        "note": row.note,
        "scores": scores,
        "facts": [],
        "runs": [*runs, {"title": "Protocol", "facts": shared}],
    }


def _origin(run: Measurement, block: Block) -> list[tuple[str, str]]:
    """Where the numbers of one run come from; of its protocol, what it does not share with its block."""
    own = [(f"protocol: {words(key)}", shown(key, run.protocol)) for key in run.protocol if key not in block.protocol]
    threads = f", {run.threads} thread{'s' if run.threads != 1 else ''}" if run.threads else ""
    facts = [
        ("folder", run.folder),
        ("commit", run.commit),
        ("command", run.command),
        ("device", f"{run.device}{threads}"),
        ("training took", duration(run.seconds) if run.seconds else ""),
        ("fingerprint", run.fingerprint),
        ("parameters", f"{run.parameters:,}" if run.parameters else ""),
        ("FLOPs of one image", f"{run.flops:.4g}" if run.flops else ""),
    ]
    return [*(fact for fact in facts if fact[1]), *own]  # without a training there are no costs


def _published_details(result: PublishedResult) -> dict[str, Any]:
    row = result.published
    facts = [("source", row.source)]
    facts += stated(row).items()
    facts.append(("verified", "yes: read in the source, or computed again" if row.verified else "no"))
    facts += [("differs", difference) for difference in result.differs]
    facts += [("cannot be compared", unknown) for unknown in result.unchecked]
    scores = [
        {"column": column, "title": title(column), "lines": [number(column, value)]}
        for column, value in row.values.items()
    ]
    return {"label": row.label, "note": row.note, "scores": scores, "facts": facts, "runs": []}
