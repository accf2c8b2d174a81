"""Text that is handed to Hydra as an override arrives as the same text: Hydra's own parser and OmegaConf read it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ValueType
from omegaconf import OmegaConf

from seglab.config.overrides import quoted

PLAIN = [
    "outputs/x", "./a/../b", "/data/run-2.5_b", "../x", "losses", "_a", "-a", "a.b", "truely", "nano", "x/null",
    "2024/x", "007_b", "2026-11-27_01-17-36_4270fc",
]  # fmt: skip
SPECIAL = [
    "", " ", " a b ", "é", "ü/ß", "日本", "a,b", "[a]", "{a: b}", "a=b", "a:b", "(x)", "choice(a,b)", "é ü = , (x)",
    "$", "$x", "{", "}", "~a", "+a", "@a", "--a", "#", "a#b", "%", "*", "?", "|", "a\tb", "a\nb",
    "'", "it's", '"', '""', 'say "so"', "\\", "\\\\", "a\\", "a\\\\", "C:\\data\\x", '\\"', '\\\\"', 'a"\\', "a\\,b",
    "1", "-1", "+1", "1_000", "007", "1.5", ".5", "5.", "1e5", "-1e-5", "1e", "2024-1", "-", ".",
    "inf", "-inf", "NaN", "null", "Null", "true", "FALSE",
    "${x}", "a${x}b", "\\${x}", "\\\\${x}", "${", "${x", "$${x}", "a\\${x}\\", '"${x}"', "${oc.env:X}",
]  # fmt: skip


def read(override: str):
    parsed = OverridesParser.create().parse_override(override)
    assert parsed.value_type in (ValueType.ELEMENT, None)  # not several values, as of a sweep
    return OmegaConf.create({"key": parsed.value()}).key


@pytest.mark.parametrize("text", [*PLAIN, *SPECIAL])
def test_hydra_reads_the_same_text(text):
    assert read(f"key={quoted(text)}") == text


@pytest.mark.parametrize("text", [*PLAIN, *SPECIAL])
def test_hydra_reads_the_same_text_in_a_list(text):
    assert list(read(f"key=[{quoted(text)},{quoted(text)}]")) == [text, text]


@pytest.mark.parametrize("text", PLAIN)
def test_what_needs_no_quotes_stays_readable(text):
    assert quoted(text) == text
