"""Which combinations of the levels of factors are trained, and which effects can then not be told apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

FULL, ONE_AT_A_TIME, LEAVE_ONE_OUT, ADD_ONE, FRACTION = "full", "one_at_a_time", "leave_one_out", "add_one", "fraction"
NAMED = (FULL, ONE_AT_A_TIME, LEAVE_ONE_OUT, ADD_ONE)  # what a table may name; a fraction it describes
OF_TWO_LEVELS = (LEAVE_ONE_OUT, ADD_ONE, FRACTION)
FEWEST_FOR_MAIN_EFFECTS = 3  # resolution below which two main effects are one
_ROMAN = {3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X"}

Effect = frozenset[str]  # the factors of a main effect (one), or of an interaction


@dataclass(frozen=True, kw_only=True)
class Design:
    """Of a table with factors."""

    name: str = FULL
    generators: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a fraction: {factor: whose product}

    @property
    def has_interactions(self) -> bool:
        """Whether there are rows that differ in two factors from one another, in all four ways."""
        return self.name in (FULL, FRACTION)


def cells(design: Design, sizes: Mapping[str, int]) -> list[tuple[int, ...]]:
    """The combinations that are trained, as the number of each factor's level; the reference is the first one.

    `full`: all of them. `one_at_a_time`: the first levels, and all others one by one. `leave_one_out`: all last levels,
    and each factor in turn at its first. `add_one`: all first levels, then the last of one factor more in each row.
    A fraction: all combinations of the factors without a generator; one that has one is at its first level where an
    even number of those that it is the product of is at its second (Box & Hunter, "The 2^(k-p) fractional factorial
    designs", Technometrics 3, 1961), so that the combination of all first levels is always among them.

    Args:
        sizes: {factor: how many levels it has}, in the order of the table.
    """
    first = (0,) * len(sizes)
    if design.name == FULL:
        return list(product(*(range(size) for size in sizes.values())))
    if design.name == ONE_AT_A_TIME:
        return [first, *(_with(first, place, level) for place, size in enumerate(sizes.values())
                         for level in range(1, size))]  # fmt: skip
    if design.name == LEAVE_ONE_OUT:
        last = tuple(size - 1 for size in sizes.values())
        return [last, *(_with(last, place, 0) for place in range(len(sizes)))]
    if design.name == ADD_ONE:
        return [tuple(int(place < added) for place in range(len(sizes))) for added in range(len(sizes) + 1)]
    return list(_fraction(design, list(sizes)))


def defining_words(design: Design) -> list[Effect]:
    """The interactions that are constant over the rows of a fraction: products of its generators; sorted by length."""
    words = [Effect({factor, *others}) for factor, others in design.generators.items()]
    products = [_product(some) for count in range(1, len(words) + 1) for some in combinations(words, count)]
    return sorted(products, key=lambda word: (len(word), sorted(word)))


def resolution(design: Design) -> int | None:
    """The length of the shortest defining word (Box & Hunter 1961); None of a design without any.

    At III main effects are mixed with interactions of two factors, at IV such interactions with one another.
    """
    return min(map(len, defining_words(design)), default=None)


def roman(number: int) -> str:
    return _ROMAN.get(number, str(number))


def aliases(design: Design, factors: Sequence[str]) -> dict[Effect, list[Effect]]:
    """{main effect or interaction of two: the other ones that are mixed with it}, those that have some."""
    effects = [Effect(some) for count in (1, 2) for some in combinations(factors, count)]
    words = defining_words(design)
    mixed = {effect: [other for other in effects if effect ^ other in words] for effect in effects}
    return {effect: others for effect, others in mixed.items() if others}


def _fraction(design: Design, factors: Sequence[str]) -> Iterator[tuple[int, ...]]:
    base = [factor for factor in factors if factor not in design.generators]
    for levels in product(range(2), repeat=len(base)):
        at = dict(zip(base, levels, strict=True))
        at |= {factor: sum(at[other] for other in others) % 2 for factor, others in design.generators.items()}
        yield tuple(at[factor] for factor in factors)


def _with(levels: tuple[int, ...], place: int, level: int) -> tuple[int, ...]:
    return (*levels[:place], level, *levels[place + 1 :])


def _product(words: Sequence[Effect]) -> Effect:
    """A factor that stands in two of them is gone: its square is one."""
    result = Effect()
    for word in words:
        result ^= word
    return result
