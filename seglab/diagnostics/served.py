"""Measurements in a process of their own, for a table, which imports no torch itself.

Resolved configurations come as a JSON list on the standard input, and for each a line of JSON goes to the standard
output as soon as it is known.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from seglab.errors import first_line


def serve(measure: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Answers with what `measure` says of each configuration, or {"error": why it says nothing}."""
    for config in json.load(sys.stdin):
        with contextlib.redirect_stdout(sys.stderr):  # the results have the standard output for themselves
            result = told(measure, config)
        print(json.dumps(result), flush=True)


def told(measure: Callable[[Mapping[str, Any]], Mapping[str, Any]], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured, or {"error": why nothing could be}."""
    try:
        return measure(config)
    except torch.OutOfMemoryError as error:
        return {"error": f"out of memory: {first_line(error)}"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
