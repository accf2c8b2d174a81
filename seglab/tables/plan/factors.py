"""The factors that a table states in place of rows, and the rows that they become."""

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from seglab.config.overrides import quoted
from seglab.errors import SeglabError, did_you_mean
from seglab.tables.plan import design as designs
from seglab.tables.plan import settings, yaml_values
from seglab.tables.plan.design import Design
from seglab.tables.plan.model import Row
from seglab.tables.plan.yaml_values import check_unique, require

MOST_ROWS = 256
_DESIGN = f"{', '.join(designs.NAMED)} or {{fraction: 1/2, generators: [C = A * B]}}"


class Level(NamedTuple):
    label: str
    overrides: tuple[str, ...]


class Factorial(NamedTuple):
    """What `factors` and `design` of a table mean."""

    factors: dict[str, tuple[str, ...]]  # {factor: labels of its levels}
    design: Design
    rows: tuple[Row, ...]  # the reference first


def read(content: Any, *, where: str) -> Factorial | None:
    """What a table states by factors; None where it states rows.

    A factor is a list of values of the key or group that it is named like, or {label: overrides} of levels that are
    several overrides or none. Rows differ by the overrides of their levels, in the order of the factors.

    Raises:
        SeglabError: names the first thing that is wrong.
    """
    if not isinstance(content, dict) or content.get("factors") is None:
        if isinstance(content, dict) and content.get("design") is not None:
            raise SeglabError(f"{where}: design: expected factors beside it; came none - add them, or leave it out")
        return None
    if "rows" in content:
        raise SeglabError(f"{where}: expected rows or factors; came both - leave one out")
    stated = content["factors"]
    require(isinstance(stated, dict) and bool(stated), f"{where}: factors", "{factor: [level, ...], ...}", repr(stated))
    factors = {str(name): _levels(name, levels, where=f"{where}: factors") for name, levels in stated.items()}
    design = _design(content.get("design"), factors, where=f"{where}: design")
    sizes = {name: len(levels) for name, levels in factors.items()}
    if design.name == designs.FULL and (count := math.prod(sizes.values())) > MOST_ROWS:
        raise SeglabError(
            f"{where}: factors: expected at most {MOST_ROWS} rows; came {count} - leave out levels, or state a design: "
            f"{_DESIGN}"
        )
    labels = {name: tuple(level.label for level in levels) for name, levels in factors.items()}
    cells = designs.cells(design, sizes)
    require(
        len(cells) <= MOST_ROWS, f"{where}: design", f"at most {MOST_ROWS} rows", f"{len(cells)} - leave out factors"
    )
    rows = tuple(_row(cell, factors, design, reference=cells[0]) for cell in cells)
    return Factorial(labels, design, rows)


def _row(
    cell: tuple[int, ...], factors: Mapping[str, tuple[Level, ...]], design: Design, *, reference: tuple[int, ...]
) -> Row:
    levels = [levels[index] for index, levels in zip(cell, factors.values(), strict=True)]
    return Row(
        label=_label(cell, factors, design, reference=reference),
        overrides=tuple(override for level in levels for override in level.overrides),
        levels=tuple(level.label for level in levels),
    )


def _label(
    cell: tuple[int, ...], factors: Mapping[str, tuple[Level, ...]], design: Design, *, reference: tuple[int, ...]
) -> str:
    """'dice / silu / none'; 'all' and 'without augment'; 'nothing' and '+ augment'."""
    names = list(factors)
    if design.name == designs.LEAVE_ONE_OUT:
        return "all" if cell == reference else f"without {names[cell.index(0)]}"
    if design.name == designs.ADD_ONE:
        return "nothing" if cell == reference else f"+ {names[sum(cell) - 1]}"
    return " / ".join(levels[index].label for index, levels in zip(cell, factors.values(), strict=True))


def _levels(name: Any, stated: Any, *, where: str) -> tuple[Level, ...]:
    require(isinstance(name, str), where, "names of factors", f"{name!r} - put it in quotes")
    here = f"{where}.{name}"
    if isinstance(stated, dict):
        levels = tuple(_named(label, stated, where=here) for label in stated)
    else:
        require(isinstance(stated, list), here, "[value, ...] or {label: [override, ...], ...}", repr(stated))
        levels = tuple(_of_value(name, value, where=here) for value in stated)
    require(len(levels) > 1, here, "two levels or more", ", ".join(level.label for level in levels) or "none")
    check_unique([level.label for level in levels], here, "levels")
    check_unique([" ".join(level.overrides) or "none" for level in levels], here, "overrides")
    return levels


def _named(label: Any, stated: Mapping[Any, Any], *, where: str) -> Level:
    require(isinstance(label, str) and label.strip() != "", where, "labels of levels", f"{label!r} - put it in quotes")
    require(isinstance(stated[label], list), f"{where}.{label}", "[override, ...], or [] for none", repr(stated[label]))
    return Level(label, settings.overrides(stated, label, where=where))


def _of_value(factor: str, value: Any, *, where: str) -> Level:
    """The level at which the key or group of the factor's name has this value."""
    require(not isinstance(value, dict), where, "values, or one {label: [override, ...], ...} in place of the list",
            repr(value))  # fmt: skip
    typed = _typed(value)
    settings.overrides({"level": [f"{factor}={typed}"]}, "level", where=where)
    label = value if isinstance(value, str) else f"{factor.rpartition('.')[2]}={typed}"
    return Level(label, (f"{factor}={typed}",))


def _typed(value: Any) -> str:
    """A value in Hydra's grammar, in which JSON's numbers and words are at home."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def _design(stated: Any, factors: Mapping[str, tuple[Level, ...]], *, where: str) -> Design:
    if stated is None:
        design = Design()
    elif isinstance(stated, dict):
        design = _fraction(stated, list(factors), where=where)
    else:
        known = stated in designs.NAMED
        require(known, where, f"one of {_DESIGN}", f"{stated!r}{did_you_mean(str(stated), designs.NAMED)}")
        design = Design(name=stated)
    if design.name in designs.OF_TWO_LEVELS:
        for name, levels in factors.items():
            require(len(levels) == 2, where, f"factors of two levels for {design.name}",
                    f"{name} with {len(levels)} - leave some out, or take full or one_at_a_time")  # fmt: skip
    shortest = designs.resolution(design)
    if shortest is not None and shortest < designs.FEWEST_FOR_MAIN_EFFECTS:
        word = " * ".join(name for name in factors if name in designs.defining_words(design)[0])
        raise SeglabError(
            f"{where}: expected a resolution of III or more, which tells main effects apart; came {shortest}, as "
            f"{word} is the same in all rows - take a larger fraction, or other generators"
        )
    return design


def _fraction(stated: Mapping[str, Any], factors: list[str], *, where: str) -> Design:
    """A regular fraction of two-level factors; of a half the generator may be left out: the last factor is the product
    of all others, which is the half of the highest resolution."""
    if unknown := [key for key in stated if key not in ("fraction", "generators")]:
        raise SeglabError(f"{where}: no key {unknown[0]!r}; expected fraction and generators")
    generators = dict[str, tuple[str, ...]]()
    for text in yaml_values.texts(stated, "generators", where=where):
        factor, others = _generator(text, factors, where=f"{where}: generators")
        require(factor not in generators, f"{where}: generators", "one for a factor", f"two for {factor}")
        generators[factor] = others
    share = _share(stated.get("fraction"), where=f"{where}: fraction")
    if not generators and share == Fraction(1, 2):
        generators = {factors[-1]: tuple(factors[:-1])}
    require(Fraction(1, 2 ** len(generators)) == share, f"{where}: generators",
            f"one for each halving of {share}: {int(math.log2(share.denominator))}", str(len(generators)))  # fmt: skip
    for factor, others in generators.items():
        twice = [other for other in others if other in generators]
        require(not twice, f"{where}: generators", "products of factors without a generator",
                f"{factor} = {' * '.join(others)}, where {', '.join(twice)} has one")  # fmt: skip
    return Design(name=designs.FRACTION, generators=generators)


def _share(stated: Any, *, where: str) -> Fraction:
    try:
        share = Fraction(str(stated))
    except (ValueError, ZeroDivisionError):
        share = Fraction(1)
    halvings = share.denominator
    right = share.numerator == 1 and halvings > 1 and halvings & (halvings - 1) == 0
    require(right, where, "1/2, 1/4, 1/8, ...", repr(stated))
    return share


def _generator(text: str, factors: list[str], *, where: str) -> tuple[str, tuple[str, ...]]:
    """('augment', ('loss', 'activation')) of 'augment = loss * activation'."""
    left, _, right = (part.strip() for part in text.partition("="))
    others = tuple(other.strip() for other in right.split("*"))
    require(bool(left and all(others)), where, "'C = A * B'", repr(text))
    for name in (left, *others):
        require(name in factors, where, f"factors of the table ({', '.join(factors)})",
                f"{name!r}{did_you_mean(name, factors)}")  # fmt: skip
    check_unique(others, where, "factors")
    return left, others
