import math

import pytest

from seglab.display import numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.4, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7620, "2 h 07 min")]
)
def test_duration(seconds, text):
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(("fraction", "text"), [(0.0, " " * 12), (0.5, "█" * 6 + " " * 6), (1.0, "█" * 12), (NAN, "")])
def test_bar(fraction, text):
    assert numbers.bar(fraction) == text
