"""A table that asks where the noise comes from: each source of chance has seeds of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from seglab.tables.plan import yaml_values
from seglab.tables.plan.yaml_values import check_unique, require

SOURCES = ("init", "order", "augment")  # keys of `seeds` in conf/train.yaml
CROSSED, ONE_AT_A_TIME = "crossed", "one_at_a_time"
_KEYS = (*SOURCES, "vary", "repeat")


@dataclass(frozen=True, kw_only=True)
class SeedDesign:
    """The runs of each row, which the table numbers from 1."""

    values: Mapping[str, tuple[int, ...]]  # of the sources that have a seed of their own
    crossed: bool  # every combination; else the first of each, and each of the others with the first of the rest
    repeat: bool  # the first combination once more

    @property
    def combinations(self) -> list[dict[str, int]]:
        """{source: seed} of each run, without the repetition."""
        if self.crossed:
            return [dict(zip(self.values, seeds, strict=True)) for seeds in product(*self.values.values())]
        first = {source: seeds[0] for source, seeds in self.values.items()}
        return [first, *(first | {source: seed} for source, seeds in self.values.items() for seed in seeds[1:])]

    @property
    def numbers(self) -> tuple[int, ...]:
        """By which the table knows its runs: those of the combinations, then that of the repetition."""
        return tuple(range(1, len(self.combinations) + 1 + self.repeat))

    def is_repetition(self, number: int) -> bool:
        return number > len(self.combinations)

    def settings(self, number: int) -> dict[str, int]:
        """{key below `seeds` in conf/train.yaml: value} of a run."""
        if self.is_repetition(number):
            return self.combinations[0] | {"repeat": 1}
        return self.combinations[number - 1]


def is_stated(seeds: Any) -> bool:
    """Whether the key `seeds` of a table is of sources of chance."""
    return isinstance(seeds, dict) and any(key in _KEYS for key in seeds)


def read(values: Mapping[str, Any], *, where: str) -> SeedDesign | None:
    """What the key `seeds` of a table states of sources of chance; None where it is no such mapping.

    Raises:
        SeglabError: names the first thing that is wrong, or a key of the table that such runs cannot serve.
    """
    stated = values.get("seeds")
    if not is_stated(stated):
        return None
    assert isinstance(stated, dict)
    here = f"{where}: seeds"
    for key in stated:
        require(key in _KEYS, here, f"some of {', '.join(_KEYS)}", repr(key))
    seeds = {source: yaml_values.whole_numbers(stated, source, where=here) for source in SOURCES if source in stated}
    for source, numbers in seeds.items():
        require(bool(numbers), f"{here}.{source}", "one seed or more", "none")
        check_unique(numbers, f"{here}.{source}", "seeds")
    require(any(len(numbers) > 1 for numbers in seeds.values()), here, "two seeds or more of a source, "
            "{init: [1, 2, 3], order: [1, 2]}", str(stated))  # fmt: skip
    vary = stated.get("vary", CROSSED)
    require(vary in (CROSSED, ONE_AT_A_TIME), f"{here}.vary", f"{CROSSED} or {ONE_AT_A_TIME}", repr(vary))
    for key in ("baseline", "margin", "ranks", "factors", "tune"):
        require(not values.get(key), f"{where}: {key}", "none beside seeds of sources",
                f"{values.get(key)!r} - runs that share seeds are not independent, as the tests over seeds take them "
                "to be: leave it out, and compare rows in a table with a list of seeds")  # fmt: skip
    return SeedDesign(values=seeds, crossed=vary == CROSSED, repeat=yaml_values.flag(stated, "repeat", where=here))


def check(
    design: SeedDesign, budgets: Mapping[str, Any], *, of: Sequence[str | None], tuned: Sequence[str], where: str
) -> None:
    """Raises SeglabError for what a table states elsewhere and such runs cannot serve.

    Args:
        budgets: {name: reduced form}, whose seeds are numbers of runs here.
        of: labels of the rows that published ones belong to.
        tuned: labels of the rows that are tuned.
    """
    for name, budget in budgets.items():
        numbers = set(budget.seeds or ())
        expected = f"numbers of runs, 1 to {design.numbers[-1]}, beside seeds of sources"
        require(numbers <= set(design.numbers), f"{where}: budgets.{name}: seeds", expected, str(sorted(numbers)))
    named = [label for label in of if label is not None]
    require(not named, f"{where}: published: of", "none beside seeds of sources",
            f"{', '.join(named)} - runs that share seeds are no sample of further runs: leave it out")  # fmt: skip
    require(not tuned, f"{where}: tune", "none beside seeds of sources",
            f"that of {', '.join(tuned)} - a trial would be one of the runs: leave it out")  # fmt: skip
