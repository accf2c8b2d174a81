"""Which combinations a design trains, and which effects it mixes: held against the columns of its rows themselves."""

from itertools import combinations, product

import numpy as np
import pytest

from seglab.tables.plan.design import Design, aliases, cells, defining_words, resolution, roman

SIZES = {"a": 2, "b": 3, "c": 2}


def test_a_full_design_has_every_combination_and_the_last_factor_changes_first() -> None:
    assert cells(Design(), SIZES) == list(product(range(2), range(3), range(2)))


def test_one_at_a_time_leave_one_out_and_add_one() -> None:
    assert cells(Design(name="one_at_a_time"), SIZES) == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1)]
    two = {"a": 2, "b": 2, "c": 2}
    assert cells(Design(name="leave_one_out"), two) == [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert cells(Design(name="add_one"), two) == [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)]


# The resolutions are those of Box, Hunter & Hunter, "Statistics for Experimenters", table of 2^(k-p) designs (from
# memory); the words are also found below by multiplying columns.
FRACTIONS = [
    ({"c": ("a", "b")}, "abc", 3),
    ({"d": ("a", "b", "c")}, "abcd", 4),
    ({"e": ("a", "b", "c", "d")}, "abcde", 5),
    ({"d": ("a", "b"), "e": ("a", "c")}, "abcde", 3),
    ({"e": ("a", "b", "c"), "f": ("b", "c", "d")}, "abcdef", 4),
    ({"d": ("a", "b"), "e": ("a", "c"), "f": ("b", "c"), "g": ("a", "b", "c")}, "abcdefg", 3),
]


@pytest.mark.parametrize(("generators", "factors", "expected"), FRACTIONS)
def test_words_resolution_and_aliases_are_those_of_the_rows(generators: dict, factors: str, expected: int) -> None:
    design = Design(name="fraction", generators=generators)
    rows = cells(design, dict.fromkeys(factors, 2))
    assert rows[0] == (0,) * len(factors)
    assert len(set(rows)) == len(rows) == 2 ** (len(factors) - len(generators))
    signs = 1 - 2 * np.array(rows)  # the first level is +1
    effects = [frozenset(some) for count in range(1, len(factors) + 1) for some in combinations(factors, count)]
    columns = {effect: signs[:, [factors.index(factor) for factor in effect]].prod(1) for effect in effects}
    constant = {effect for effect, column in columns.items() if np.ptp(column) == 0}
    assert set(defining_words(design)) == constant
    assert resolution(design) == min(map(len, constant)) == expected
    small = [effect for effect in effects if len(effect) <= 2]
    equal = {
        effect: [other for other in small if other != effect and (columns[other] == columns[effect]).all()]
        for effect in small
    }
    assert aliases(design, factors) == {effect: others for effect, others in equal.items() if others}


def test_a_full_design_mixes_nothing() -> None:
    assert defining_words(Design()) == []
    assert resolution(Design()) is None
    assert aliases(Design(), ["a", "b", "c"]) == {}
    assert (roman(3), roman(4), roman(12)) == ("III", "IV", "12")
