"""Imports torchmetrics without the packages that it only looks at: import this module before torchmetrics or lightning.

torchmetrics, which lightning imports, imports matplotlib, torchvision, transformers and scipy.signal wherever they
are installed, for metrics that seglab has no use for. Here they are kept out: 0.3 s are left of 6. In this process
torchmetrics then answers "not installed" when asked for a plot or a detection metric. Nothing else notices: the
packages themselves can be imported as ever.

Nothing happens when torchmetrics is imported already. A package that is imported already is not kept out: it is
paid for.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from lightning_utilities.core import imports

_OPTIONAL = (
    "librosa",
    "matplotlib",
    "onnxruntime",
    "pycocotools",
    "scienceplots",
    "scipy",
    "torchaudio",
    "torchvision",
    "transformers",
)


@contextmanager
def _pretend_absent(packages: frozenset[str]) -> Iterator[None]:
    """Within the block, lightning's tests for an installed package answer no for `packages`."""
    find, is_met = imports.package_available, imports.RequirementCache.__bool__

    def package_available(name: str) -> bool:
        return name not in packages and find(name)

    def requirement_met(requirement: imports.RequirementCache) -> bool:
        if _package(requirement) in packages:
            # Remembered by this one object: torchmetrics must not find later that it has what it did not import.
            requirement.available = False
            requirement.message = f"{requirement.requirement!r} was left out by seglab.lean_imports"
        return is_met(requirement)

    with (
        mock.patch.object(imports, "package_available", package_available),
        mock.patch.object(imports.RequirementCache, "__bool__", requirement_met),
    ):
        yield


def _package(requirement: imports.RequirementCache) -> str:
    """'scipy' for 'scipy>=1.8.0'."""
    return re.split(r"[^\w.-]", requirement.requirement or requirement.module or "")[0]


if "torchmetrics" not in sys.modules:
    with _pretend_absent(frozenset(_OPTIONAL) - sys.modules.keys()):
        importlib.import_module("torchmetrics")
