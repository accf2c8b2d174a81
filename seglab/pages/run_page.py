"""The page of a run, or of several: everything that lies in their folders, as one HTML file without network."""

import logging
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seglab import runs
from seglab.config.overrides import quoted
from seglab.display.comparison import differing, name_of
from seglab.display.numbers import NOT_THERE, duration, sides
from seglab.display.post import POST, post_words
from seglab.display.several import several_words
from seglab.metrics.titles import FIRST, NARROW
from seglab.pages.evaluation_files import EvaluationFiles
from seglab.pages.html import folded, scrolling, section, sortable, table, text
from seglab.pages.run_curves import points, run_curves, shared_curves
from seglab.pages.run_facts import caveats, configuration, costs, provenance, status
from seglab.pages.run_files import RunFiles, read_run
from seglab.pages.run_pictures import extremes, panels
from seglab.pages.run_scores import class_table, confusion_table, headline
from seglab.pages.shell import document
from seglab.pages.values import mapping, number, whole
from seglab.runs import environment, write_atomically

log = logging.getLogger("seglab")

NAME = "report.html"  # in the folder of a run or of a sweep

_PARTS = tuple(Path(__file__).with_name(name) for name in ("run.css", "run.js"))
_SHEETS = 12  # that the page of one run holds; those of several share them
_FEW = 4  # runs, of which a page shows the evaluations' pictures as well
_NO_SCRIPT = "<noscript><p>Without JavaScript nothing sorts, and all epochs stand below each other.</p></noscript>"


class _Part(NamedTuple):
    """What a section of a run's page is called, and its HTML; "" where there is nothing to tell."""

    key: str
    heading: str
    content: str


def write_page(folders: Sequence[Path], path: Path, *, title: str | None = None) -> int:
    """Writes the page of the runs in `folders`, at least one, and returns its size in bytes.

    What cannot be read is told of in the page.

    Args:
        title: of a page of several runs.
    """
    found = [read_run(folder) for folder in folders]
    hidden = set[str]().union(*(run.hidden for run in found))
    shared = environment.masked(title or f"{len(found)} runs", hidden)
    page = _page_of_one(found[0]) if len(found) == 1 else _page_of_many(found, shared)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, page)
    return len(page.encode())


def leave_page(folder: Path) -> None:
    """Leaves the page of a run in its folder. What was done before has ended well or badly: an error here is a warning
    and changes nothing of that."""
    try:
        write_page([folder], folder / NAME)
    except Exception as error:
        again = shlex.quote(f"run={quoted(runs.shown(folder))}")
        log.warning("the page of the run was not written (%s); to try again: python -m seglab.report %s", error, again)


def _page_of_one(run: RunFiles) -> str:
    data: dict[str, Any] = {"charts": {}, "confusions": {}}
    parts = [part for part in _parts(run, key="r", data=data, sheets=_SHEETS, with_extremes=True) if part.content]
    links = "".join(f'<li><a href="#{part.key}">{text(part.heading)}</a></li>' for part in parts)
    return document(
        run.name,
        header=f'{status(run)}<nav aria-label="sections"><ul class="links">{links}</ul></nav>',
        main=caveats(run, key="r") + "".join(section(*part) for part in parts),
        after=_NO_SCRIPT,
        data=data,
        parts=_PARTS,
    )


def _page_of_many(found: Sequence[RunFiles], title: str) -> str:
    data: dict[str, Any] = {"charts": {}, "confusions": {}}
    named = labels(found)
    few = len(found) <= _FEW
    own = []
    for index, (label, run) in enumerate(named.items()):
        key = f"r{index}"
        parts = _parts(run, key=key, data=data, sheets=_SHEETS // len(found), with_extremes=few)
        content = status(run) + caveats(run, key=key) + "".join(section(*part) for part in parts)
        told = headline(run.best, names=FIRST) or run.state.status
        own.append(folded(f"{label}: {told}", content, attributes=' class="run"'))
    main = [
        section("comparison", "Comparison", _comparison(named)),
        section("curves", "Curves", shared_curves(named, charts=data["charts"])),
        section("runs", "The runs", "".join(own)),
    ]
    header = f'<p class="source">{len(found)} runs, each with the scores of its best epoch</p>'
    return document(title, header=header, main="".join(main), after=_NO_SCRIPT, data=data, parts=_PARTS)


def _parts(run: RunFiles, *, key: str, data: dict[str, Any], sheets: int, with_extremes: bool) -> Iterator[_Part]:
    """The sections of a run.

    Args:
        key: of the run in the page.
        sheets: how many pictures of its epochs are shown.
        with_extremes: whether the best and the worst images of its evaluations are.
    """
    best = run.best
    yield _Part(f"{key}-curves", "Curves", run_curves(run, key=key, charts=data["charts"]))
    yield _Part(f"{key}-classes", "Classes", class_table(best, run.colours, label="scores of the classes"))
    matrix = "" if run.matrix is None else confusion_table(run.matrix, key=key, confusions=data["confusions"])
    yield _Part(f"{key}-confusion", "Confusion matrix", matrix)
    mious = {round(epoch): value for epoch, value in points(run.history, "val/miou") if epoch == round(epoch)}
    shown = panels(run.sheets, key=key, most=sheets, scores=mious, best=best.epoch)
    yield _Part(f"{key}-pictures", "Pictures over the epochs", shown)
    evaluated = "".join(
        _evaluation(evaluation, run, key=f"{key}-e{index}", data=data, with_extremes=with_extremes, is_open=index == 0)
        for index, evaluation in enumerate(run.evaluations)
    )
    yield _Part(f"{key}-evaluations", "Evaluations", evaluated)
    yield _Part(f"{key}-configuration", "Configuration", configuration(run))
    yield _Part(f"{key}-cost", "Cost", costs(run))
    yield _Part(f"{key}-provenance", "Provenance", provenance(run))


def _evaluation(
    evaluation: EvaluationFiles, run: RunFiles, *, key: str, data: dict[str, Any], with_extremes: bool, is_open: bool
) -> str:
    content = []
    for resolution, score in evaluation.scores.items():
        content.append(f"<p><b>{text(resolution)} size</b>: {text(headline(score))}</p>")
    if first := next(iter(evaluation.scores.values()), None):
        content.append(class_table(first, run.colours, label=f"classes of {evaluation.name}"))
    if evaluation.matrix is not None:
        content.append(
            folded("Confusion matrix", confusion_table(evaluation.matrix, key=key, confusions=data["confusions"]))
        )
    if with_extremes:
        content.append(extremes(evaluation.pictures, of=evaluation.name))
    return folded(f"{evaluation.name}: {_how(evaluation)}", "".join(content), is_open=is_open)


def _how(evaluation: EvaluationFiles) -> str:
    """'val, 8 images, size seen by the network 64x128, flipped as well'."""
    protocol = evaluation.protocol
    size = protocol.get("size")
    told = [
        str(protocol.get("split", "?")),
        f"{protocol.get('images', '?')} images",
        f"{protocol.get('checkpoint', '?')}.ckpt",
    ]
    told.append(f"the network sees {sides(size)}" if isinstance(size, list) else "images at their own size")
    if protocol.get("flip") is True:
        told.append("flipped as well")
    if isinstance(scales := protocol.get("scales"), list) and scales != [1.0]:
        told.append(f"scales {', '.join(map(str, scales))}")
    if isinstance(post := protocol.get(POST), dict):
        told.append(post_words(post))
    told += several_words(protocol)
    return ", ".join(told)


class _Typed(NamedTuple):
    """A run as `differing` compares them."""

    overrides: Mapping[str, str]


def labels(found: Sequence[RunFiles]) -> dict[str, RunFiles]:
    """{label: run}: what was typed differently, or the names where that does not tell them apart."""
    typed = [_Typed(_overrides(run)) for run in found]
    keys = [key for key in differing(typed) if key not in ("name", "sweep", "resume")]
    told = [name_of(job, keys, otherwise="(default)") for job in typed]
    if not keys or len(set(told)) < len(told):
        told = [run.name for run in found]
    if len(set(told)) < len(told):
        told = [f"{index}: {run.name}" for index, run in enumerate(found, 1)]
    return dict(zip(told, found, strict=True))


def _overrides(run: RunFiles) -> dict[str, str]:
    typed = [str(override).lstrip("+").partition("=") for override in run.record.get("overrides") or ()]
    return {key: value for key, _, value in typed}


def _comparison(named: Mapping[str, RunFiles]) -> str:
    """A <table> of the runs that can be sorted."""
    columns = [name for name in FIRST if any(name in run.best.metrics for run in named.values())]
    best = {
        name: max((run.best.metrics.get(name, -math.inf) for run in named.values()), default=0.0) for name in columns
    }
    heads = ["run", "status", *(f"{NARROW[name]} %" for name in columns), "val loss", "epoch", "M params", "time"]
    lines = [_compared(label, run, columns, best) for label, run in named.items()]
    losses = {str(mapping(run.record.get("choices")).get("loss")) for run in named.values()}
    note = '<p class="note small">val loss: the runs have different losses, it does not compare them</p>'
    written = scrolling(table(map(sortable, heads), lines, kind="scores compared"), label="comparison of the runs")
    return written + (note if len(losses) > 1 else "")


def _compared(label: str, run: RunFiles, columns: Sequence[str], best: Mapping[str, float]) -> str:
    cells = [f'<td class="word">{run.state.status}</td>']
    for name in columns:
        value = run.best.metrics.get(name, math.nan)
        shown = f"{100 * value:.1f}" if math.isfinite(value) else NOT_THERE
        cells.append(_sorted_cell(value, f"<strong>{shown}</strong>" if value == best[name] else shown))
    loss, epoch = run.best.metrics.get("loss", math.nan), run.best.epoch
    parameters, seconds = whole(run.record.get("parameters")), number(run.record.get("seconds"))
    cells.append(_sorted_cell(loss, f"{loss:.3f}"))
    cells.append(_sorted_cell(math.nan if epoch is None else epoch, str(epoch)))
    cells.append(_sorted_cell(number(parameters), f"{(parameters or 0) / 1e6:.3g}"))
    cells.append(_sorted_cell(seconds, duration(None if seconds != seconds else seconds)))
    name = f'<span class="small">{text(run.name)}</span>' if run.name != label else ""
    return f'<tr><th scope="row" data-value="{text(label)}">{text(label)}{name}</th>{"".join(cells)}</tr>'


def _sorted_cell(value: float, shown: str) -> str:
    return f'<td data-value="{value!r}">{shown}</td>' if math.isfinite(value) else f"<td>{NOT_THERE}</td>"
