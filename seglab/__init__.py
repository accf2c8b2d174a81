"""seglab: a laboratory for semantic-segmentation ablations.

`seglab.load`, `seglab.fit`, `seglab.score` and `seglab.compose` are the way in from Python, see seglab.api; each
command is a module: `python -m seglab.train`.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seglab.api import compose, fit, load, score

__version__ = "0.1.0"
__all__ = ["PACKAGE", "compose", "fit", "load", "score"]

PACKAGE = Path(__file__).resolve().parent  # all paths to our own files start here: a file may move

# Read when torch is loaded. By default the threads of OpenMP spin while they wait for each other: with one other busy
# process on two cores a training step then took 5.0 s, and 1.3 s when they slept. On idle cores sleeping cost up to a
# fifth of the default run's speed; OMP_WAIT_POLICY=ACTIVE in the environment brings it back.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """The functions of seglab.api, imported when the first of them is asked for."""
    if name in __all__:
        from seglab import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
