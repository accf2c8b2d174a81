"""Where the noise comes from: the components of variance of each row, where the table gives each source seeds."""

import math
from collections.abc import Sequence

import numpy as np

from seglab.display.numbers import NOT_THERE, word
from seglab.display.sheet import Cell, Sheet
from seglab.evaluation.columns import COSTS, title
from seglab.tables.analysis.finding import Finding
from seglab.tables.comparison.comparison import Block, Comparison
from seglab.tables.comparison.rows import RowResult
from seglab.tables.comparison.variance_components import Component, crossed, one_at_a_time
from seglab.tables.plan.model import Measurement
from seglab.tables.plan.noise import SeedDesign

_WORDS = {"init": "initial weights", "order": "order of images", "augment": "augmentation and dropout"}


def noise(comparison: Comparison) -> Finding | None:
    """A sheet for each block: the deviation that each source makes in the first column of scores, and its share."""
    plan = comparison.plan
    column = next((column for column in plan.columns if column not in COSTS), None)
    if plan.noise is None or column is None:
        return None
    sheets = [_sheet(column, plan.noise, block) for block in comparison.blocks if block.rows]
    return Finding(name="noise", sheets=sheets) if sheets else None


def _sheet(column: str, design: SeedDesign, block: Block) -> Sheet:
    lines, notes = [], []
    for row in block.rows:
        components = _components(design, row, column)
        if isinstance(components, str):
            notes.append(f"{row.label}: no components: {components}")
            continue
        lines += [_line(row.label, component, design) for component in components]
        if negative := [_words(one, design) for one in components if one.estimate < 0]:
            notes.append(f"{row.label}: estimated below zero, set to zero: {', '.join(negative)}")
    notes += [_repeated(row, design) for row in block.rows]
    where = f" ({block.title})" if block.title else ""
    return Sheet(
        caption=f"Where the noise of {title(column).removesuffix(' %')} comes from{where}",
        header=["row", "what varies", "deviation, points", "95 % interval", "share of variance %"],
        rows=lines,
        words=2,
        notes=[*_method(design), *notes],
    )


def _components(design: SeedDesign, row: RowResult, column: str) -> list[Component] | str:
    """Those of a row; in words, why there are none."""
    by_number = dict(zip(row.seeds, row.columns[column].values, strict=True))
    scores = [by_number.get(number) for number in range(1, len(design.combinations) + 1)]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return f"{len(known)} of {len(scores)} runs are measured, and all are needed"
    if len(set(known)) == 1:
        return "no run differs from another"
    varied = [source for source, seeds in design.values.items() if len(seeds) > 1]
    if design.crossed:
        shape = [len(design.values[source]) for source in varied]
        return crossed(np.array(known).reshape(shape), tuple(varied))
    first, runs = known[0], {}
    rest = iter(known[1:])
    for source, seeds in design.values.items():
        if len(seeds) > 1:
            runs[source] = np.array([first, *(next(rest) for _ in seeds[1:])])
    return one_at_a_time(runs)


def _line(label: str, component: Component, design: SeedDesign) -> list[Cell]:
    deviation, low, high = (math.sqrt(value) for value in (component.variance, component.low, component.high))
    share = NOT_THERE if math.isnan(component.share) else f"{100 * component.share:.0f}"
    return [
        word(label), word(_words(component, design)), Cell(f"{100 * deviation:.2f}", repr(deviation)),
        word(f"{100 * low:.2f} to {100 * high:.2f}"), Cell(share, repr(component.share)),
    ]  # fmt: skip


def _words(component: Component, design: SeedDesign) -> str:
    """'initial weights', 'initial weights x order of images', or that and the rest."""
    said = " x ".join(_WORDS[source] for source in component.sources)
    varied = [source for source, seeds in design.values.items() if len(seeds) > 1]
    is_rest = design.crossed and len(varied) > 1 and len(component.sources) == len(varied)
    return f"{said}, and the rest" if is_rest else said


def _method(design: SeedDesign) -> list[str]:
    seeds = ", ".join(f"{len(values)} of the {_WORDS[source]}" for source, values in design.values.items())
    kind = (
        f"crossed: {len(design.combinations)} runs of a row, by the analysis of variance of random effects"
        if design.crossed
        else "one source at a time: interactions are not told apart, each deviation is at the first seeds of the others"
    )
    few = [_WORDS[source] for source, values in design.values.items() if 1 < len(values) < 6]
    notes = [f"seeds: {seeds}; {kind}", "95 %: generalized intervals, which assume normal effects"]
    if few:
        notes.append(f"few seeds of {', '.join(few)}: the intervals are wide, and shares are hardly known")
    return notes


def _repeated(row: RowResult, design: SeedDesign) -> str:
    """Whether the run that was made twice has the same digits."""
    runs = {run.seed: run for run in row.measurements}
    again = len(design.combinations) + 1
    if not design.repeat:
        return f"{row.label}: no run was repeated with everything fixed (repeat: true)"
    if 1 not in runs or again not in runs:
        return f"{row.label}: the repetition with everything fixed is not measured yet"
    if _digits(runs[1]) == _digits(runs[again]):
        return f"{row.label}: repeated with everything fixed, equal in every digit of all scores, classes and epochs"
    apart = 100 * max(abs(runs[1].metrics[name] - runs[again].metrics.get(name, math.nan)) for name in runs[1].metrics)
    return (
        f"{row.label}: repeated with everything fixed, NOT equal: scores differ by up to {apart:.2g} points, which the "
        "components hold as well (another device, or operations that are not deterministic)"
    )


def _digits(run: Measurement) -> Sequence[str]:
    """NaN is equal to itself here."""
    return [repr(sorted(run.metrics.items())), repr(sorted(run.class_iou.items())), repr(run.curve)]
