"""A comparison as one HTML file that asks no network for anything: tables, heat map, curves, pictures, origins."""

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image, UnidentifiedImageError

from seglab.errors import SeglabError
from seglab.report import duration
from seglab.runs import write_atomically
from seglab.tables.comparison import Block, Comparison, PublishedResult, RowResult
from seglab.tables.model import Measurement
from seglab.tables.page_curves import learning_curves
from seglab.tables.page_scores import heat_map, published_table, score_table
from seglab.tables.page_text import estimate, number, sentence, text, title
from seglab.tables.plan import COSTS
from seglab.tables.protocol import shown, words
from seglab.tables.render import protocol_words

_PICTURE_WIDTH = 1200  # pixels at most, of an embedded picture
_BROAD = 2.2  # times as wide as high: such a picture stands on a line of its own


def write_page(comparison: Comparison, path: Path, *, pictures: Mapping[str, Path] | None = None) -> None:
    """Writes the page; it holds its own style and script, and a policy that lets nothing else run or be loaded.

    Args:
        pictures: {label: file} of sample predictions, shown side by side and embedded reduced.

    Raises:
        SeglabError: a picture cannot be read.
    """
    plan = comparison.plan
    style, script = _part("page.css"), _part("page.js")
    page = Template(_part("page.html")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=text(plan.title),
        source=text(plan.source),
        notes=_list(plan.notes),
        warnings=_warnings(comparison),
        blocks="".join(_blocks(comparison)),
        pictures=_pictures(pictures or {}),
        data=_safe_json(dict(_details(comparison))),
    )
    write_atomically(path, page)


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Only this style and this script, known by their hashes: markup that slips in through a label stays dead."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script)
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _safe_json(value: Any) -> str:
    """JSON that can close no script element, whatever its strings hold."""
    written = json.dumps(value, allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>" if lines else ""


def _warnings(comparison: Comparison) -> str:
    lines = list(comparison.warnings)
    if comparison.missing:
        missing = ", ".join(f"{row} (seed {seed})" for row, seed in comparison.missing)
        lines.append(f"planned and not measured: {missing}")
    if not lines:
        return ""
    return f'<section class="warnings" aria-labelledby="w"><h2 id="w">Read this first</h2>{_list(lines)}</section>'


def _blocks(comparison: Comparison) -> Iterator[str]:
    columns = comparison.plan.columns
    if comparison.split_because:
        yield "<p>The rows were not all measured the same way. They stand in separate blocks, and nothing is compared "
        yield f"across them, because these differ:</p>{_list(comparison.split_because)}"
    if not comparison.blocks:
        yield "<p>Nothing has been measured yet.</p>"
    colours = {row.label: index for index, row in enumerate(comparison.plan.rows)}
    for index, block in enumerate(comparison.blocks):
        heading = block.title or "Scores"
        if len(comparison.blocks) > 1:
            heading = f"Block {index + 1}: {heading}"
        table = _scrolling(score_table(block, columns, key=f"b{index}"), label=heading)
        yield f"<section><h2>{text(heading)}</h2>{_protocol(block)}{_reading(block)}{table}</section>"
        yield f"<section><h3>Differences in IoU class by class</h3>{_heat(block)}</section>"
        curves = learning_curves(block, colours=colours) or "<p>No run has a curve.</p>"
        yield f"<section><h3>Learning curves</h3>{curves}</section>"
    if comparison.published_apart:
        table = published_table(comparison.published_apart, columns, key="apart")
        yield "<section><h2>Published, measured in another way</h2><p>These stand beside no block, because their "
        yield f"sources state a protocol that none of them has.</p>{_scrolling(table, label='published')}</section>"


def _scrolling(table: str, *, label: str) -> str:
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(label)}">{table}</div>'


def _protocol(block: Block) -> str:
    facts = "".join(f"<dt>{text(words(key))}</dt><dd>{text(shown(key, block.protocol))}</dd>" for key in block.protocol)
    return f"<details><summary>Protocol: {text(protocol_words(block))}</summary><dl>{facts}</dl></details>"


def _reading(block: Block) -> str:
    """What the cells mean."""
    baseline = next((row.label for row in block.rows if row.is_baseline), None)
    compared = (
        f"Below it the difference to the baseline <b>{text(baseline)}</b> in points, its 95 % interval and p after "
        "Holm's correction; grey where it is not significant. "
        if baseline is not None
        else "The baseline was not measured in this way, so no differences are shown. "
    )
    return (
        f"<p>Each score is a mean ± standard deviation over seeds. {compared}Bold: the best mean.</p>"
        '<p class="hint">A click on a title sorts; a click on a row tells where its numbers come from.</p>'
    )


def _heat(block: Block) -> str:
    table = heat_map(block)
    if not table:
        return "<p>Nothing to compare: these rows have no baseline beside them.</p>"
    box = '<label class="intervals"><input type="checkbox"> intervals in the cells</label>'
    return f"<p>Row minus baseline, in points of IoU. {box}</p>{table}"


def _pictures(pictures: Mapping[str, Path]) -> str:
    if not pictures:
        return "<section><h2>Sample predictions</h2><p>No pictures were given for this page.</p></section>"
    figures = "".join(_figure(label, path) for label, path in pictures.items())
    return f'<section><h2>Sample predictions</h2><div class="pictures">{figures}</div></section>'


def _figure(label: str, path: Path) -> str:
    """The picture embedded as WebP, which every browser of today reads and which keeps label maps crisp and small."""
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise SeglabError(
            f"{path} is no picture that can be read ({error}); expected the sample predictions of {label!r}"
            " - evaluate the run again, or render the page without pictures"
        ) from error
    picture.thumbnail((_PICTURE_WIDTH, 4 * _PICTURE_WIDTH))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=82)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    kind = ' class="broad"' if picture.width > _BROAD * picture.height else ""
    image = (
        f'<img src="data:image/webp;base64,{encoded}" width="{picture.width}" height="{picture.height}" '
        f'alt="sample predictions of {text(label)}">'
    )
    return f"<figure{kind}>{image}<figcaption>{text(label)}</figcaption></figure>"


def _details(comparison: Comparison) -> Iterator[tuple[str, dict[str, Any]]]:
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
    for column, found in row.columns.items():
        seeds = ", ".join(number(column, value) for value in found.values)
        lines = [f"{estimate(column, found)} (seeds: {seeds})" if column not in COSTS else estimate(column, found)]
        if column in row.differences and not row.is_baseline:
            lines.append(sentence(row.differences[column]))
        scores.append({"column": column, "title": title(column), "lines": lines})
    shared = [(words(key), shown(key, block.protocol)) for key in block.protocol]
    runs = [{"title": f"Seed {run.seed}", "facts": _origin(run, block)} for run in row.measurements]
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
    flops = [] if run.flops is None else [("FLOPs of one image", f"{run.flops:.4g}")]
    return [
        ("folder", run.folder),
        ("commit", run.commit),
        ("command", run.command),
        ("device", f"{run.device}, {run.threads} threads" if run.threads != 1 else f"{run.device}, 1 thread"),
        ("training took", duration(run.seconds)),
        ("fingerprint", run.fingerprint),
        ("parameters", f"{run.parameters:,}"),
        *flops,
        *own,
    ]


def _published_details(result: PublishedResult) -> dict[str, Any]:
    row = result.published
    facts = [("source", row.source)]
    stated = {"split": row.split, "resolution": row.resolution, "pre-training": row.pretraining}
    facts += [(name, value or "not stated") for name, value in stated.items()]
    facts.append(("verified", "yes: read in the source, or computed again" if row.verified else "no"))
    facts += [("differs", difference) for difference in result.differs]
    facts += [("cannot be compared", unknown) for unknown in result.unchecked]
    scores = [
        {"column": column, "title": title(column), "lines": [number(column, value)]}
        for column, value in row.values.items()
    ]
    return {"label": row.label, "note": row.note, "scores": scores, "facts": facts, "runs": []}
