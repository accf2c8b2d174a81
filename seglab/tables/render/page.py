"""A comparison as one HTML file that asks no network for anything: tables, heat map, curves, pictures, origins."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seglab.errors import SeglabError
from seglab.pages.html import bullets, listing, scrolling, text, warnings
from seglab.pages.pictures import embedded
from seglab.pages.shell import document
from seglab.runs import write_atomically
from seglab.tables.analysis.analyses import findings
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Block, Comparison, PublishedResult
from seglab.tables.comparison.protocol import shown, words
from seglab.tables.plan.model import Plan
from seglab.tables.render.page_curves import learning_curves
from seglab.tables.render.page_details import details
from seglab.tables.render.page_scores import heat_map, published_table, score_table
from seglab.tables.render.page_transposed import transposed_published, transposed_table
from seglab.tables.render.published import published_notes
from seglab.tables.render.sheet_table import sheet_table
from seglab.tables.render.sheets import baseline_of, best_rows, margin_notes, missing_words, protocol_words, unmeasured
from seglab.tables.render.words import ABSENT, estimate, number

_PICTURE_WIDTH = 1200  # pixels at most, of an embedded picture
_BROAD = 2.2  # times as wide as high: such a picture stands on a line of its own
_PARTS = tuple(Path(__file__).with_name(name) for name in ("page.css", "page.js"))
_DIALOG = """<dialog aria-labelledby="details-title">
<div class="bar"><h2 id="details-title"></h2><button type="button" class="close" aria-label="close">×</button></div>
<div class="details"></div>
</dialog>
<noscript><p>Without JavaScript the tables do not sort and the origin of a row does not open.</p></noscript>"""


def write_page(
    comparison: Comparison,
    path: Path,
    *,
    pictures: Mapping[str, Path] | None = None,
    figures: Mapping[str, Path] | None = None,
) -> None:
    """Writes the page; it holds its own style and script, and a policy that lets nothing else run or be loaded.

    Args:
        pictures: {label: file} of sample predictions, shown side by side and embedded reduced.
        figures: {name of a finding: file} of those that were drawn.

    Raises:
        SeglabError: a picture cannot be read.
    """
    plan = comparison.plan
    sections = [_warnings(comparison), *_blocks(comparison)]
    sections += [_finding(finding, (figures or {}).get(finding.name)) for finding in findings(comparison)]
    sections.append(listing("u", "Left unsaid by the source", plan.unsaid))
    page = document(
        plan.title,
        header=f'<p class="source">{text(plan.source)}</p>{bullets(plan.notes)}',
        main="".join([*sections, _pictures(pictures or {})]),
        after=_DIALOG,
        data=dict(details(comparison)),
        parts=_PARTS,
    )
    write_atomically(path, page)


def _warnings(comparison: Comparison) -> str:
    lines = list(comparison.warnings)
    if missing := missing_words(comparison):
        lines.append(f"planned and {missing}")
    return warnings(lines)


def _blocks(comparison: Comparison) -> Iterator[str]:
    plan = comparison.plan
    if comparison.split_because:
        yield "<p>The rows were not all measured the same way. They stand in separate blocks, and nothing is compared "
        yield f"across them, because these differ:</p>{bullets(comparison.split_because)}"
    colours = {row.label: index for index, row in enumerate(plan.rows)}
    drawn = set[str]()  # one training is scored on several splits, and has one curve
    for index, block in enumerate(comparison.blocks):
        heading = block.title or "Scores"
        if len(comparison.blocks) > 1:
            heading = f"Block {index + 1}: {heading}"
        show = transposed_table if plan.transposed else score_table
        table = show(block, plan.columns, key=f"b{index}", absent=unmeasured(comparison, block))
        yield f"<section><h2>{text(heading)}</h2>{_protocol(block)}{_reading(plan, block)}"
        yield f"{scrolling(table, label=heading)}{_sources(block.published)}</section>"
        yield _heat(block)
        if not drawn.issuperset(folders := {run.folder for row in block.rows for run in row.measurements}):
            yield _curves(block, colours)
        drawn |= folders
    if comparison.published_apart:
        show_apart = transposed_published if plan.transposed else published_table
        table = show_apart(comparison.published_apart, plan.columns, key="apart")
        yield "<section><h2>Published, measured in another way</h2><p>These stand beside no block, because their "
        yield f"sources state a protocol that none of them has.</p>{scrolling(table, label='published')}"
        yield f"{_sources(comparison.published_apart)}</section>"


def _sources(published: Sequence[PublishedResult]) -> str:
    """The numbered notes, below the table: one is often that of many rows."""
    _, notes = published_notes(published)
    return "".join(f'<p class="note small">{text(note)}</p>' for note in notes)


def _protocol(block: Block) -> str:
    if not block.rows:
        return "<p>Nothing is measured yet.</p>"
    facts = "".join(f"<dt>{text(words(key))}</dt><dd>{text(shown(key, block.protocol))}</dd>" for key in block.protocol)
    return f"<details><summary>Protocol: {text(protocol_words(block))}</summary><dl>{facts}</dl></details>"


def _reading(plan: Plan, block: Block) -> str:
    """What the cells mean, and what can be clicked."""
    parts = []
    if any(score.std is not None for row in block.rows for score in row.columns.values()):
        over = "seeds" if plan.noise is None else "runs that share seeds"
        parts.append(f"Each score is a mean ± standard deviation over {over}.")
    if any(row.differences for row in block.rows):
        parts.append(f"Below it the difference to the baseline <b>{text(baseline_of(block))}</b> in points, its 95 % "
                     "interval and p after Holm's correction; grey where it is not significant.")  # fmt: skip
        parts += [f"{text(note)}." for note in margin_notes(plan, block)]
    elif plan.baseline and block.rows and not any(row.is_baseline for row in block.rows):
        parts.append("The baseline was not measured in this way, so no differences are shown.")
    if any(best_rows(block, column) for column in plan.columns):
        parts.append("Bold: the best mean.")
    measured = {estimate(column, row.columns[column]) for row in block.rows for column in plan.columns}
    published = {
        number(column, value) for result in block.published for column, value in result.published.values.items()
    }
    if ABSENT in measured | published:
        parts.append("NaN: the class is neither in the ground truth nor predicted.")
    sorts = "The arrows beside a title sort" if plan.transposed else "A click on a title sorts"
    tells = "a cell" if plan.transposed else "a row"
    hint = f'<p class="hint">{sorts}; a click on {tells} tells where its numbers come from.</p>'
    return (f"<p>{' '.join(parts)}</p>" if parts else "") + hint


def _heat(block: Block) -> str:
    """A section; nothing where there is nothing to compare."""
    table = heat_map(block)
    if not table:
        return ""
    box = '<label class="intervals"><input type="checkbox"> intervals in the cells</label>'
    explained = f"<p>Row minus baseline, in points of IoU. {box}</p>"
    return f"<section><h3>Differences in IoU class by class</h3>{explained}{table}</section>"


def _finding(finding: Finding, figure: Path | None) -> str:
    """A section of its sheets, each a table with its caption and notes, and of its figure."""
    parts = [sheet_table(part, key=f"{finding.name}{index}") for index, part in enumerate(finding.sheets)]
    if figure is not None:
        parts.append(embedded(figure, width=_PICTURE_WIDTH).tag(f"figure: {finding.name}"))
    return f"<section>{''.join(parts)}</section>"


def _curves(block: Block, colours: Mapping[str, int]) -> str:
    """A section; nothing where nothing was trained, or no run kept its curve."""
    curves = learning_curves(block, colours=colours)
    return f"<section><h3>Learning curves</h3>{curves}</section>" if curves else ""


def _pictures(pictures: Mapping[str, Path]) -> str:
    if not pictures:
        return ""
    figures = "".join(_figure(label, path) for label, path in pictures.items())
    return f'<section><h2>Sample predictions</h2><div class="pictures">{figures}</div></section>'


def _figure(label: str, path: Path) -> str:
    try:
        picture = embedded(path, width=_PICTURE_WIDTH)
    except OSError as error:
        raise SeglabError(
            f"{path} is no picture that can be read ({error}); expected the sample predictions of {label!r}"
            " - evaluate the run again, or render the page without pictures"
        ) from error
    kind = ' class="broad"' if picture.width > _BROAD * picture.height else ""
    image = picture.tag(f"sample predictions of {label}")
    return f"<figure{kind}>{image}<figcaption>{text(label)}</figcaption></figure>"
