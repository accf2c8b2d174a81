"""Tests of one thing over all networks, experiments or options: a few of each kind always, all when asked for.

So are the longest stories (killed three times, two processes, exported again) of what shorter tests hold in its parts.

`make test` runs the few; `make test ARGS=--exhaustive` runs all, as CI does.
"""

from collections.abc import Collection, Sequence
from typing import Any

import pytest


def few_of(values: Sequence[Any], always: Collection[Any]) -> list[Any]:
    """Parameters of a test: those of `always` run in every test, the others only where all are asked for.

    A tuple holds the values of several arguments.

    Raises:
        ValueError: one of `always` is none of the values: renamed or gone, it would be tested no more.
    """
    if unknown := [value for value in always if value not in values]:
        raise ValueError(f"expected some of {values}; came {unknown}")
    return [
        value if value in always
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.exhaustive)
        for value in values
    ]  # fmt: skip


def one_in(step: int, values: Sequence[Any]) -> list[Any]:
    """Parameters of a test, of which each `step`-th runs in every test."""
    return few_of(values, values[::step])
