"""torchmetrics is imported without the heavy packages, in a fresh process; they still work afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()


def test_metrics_import_neither_torchvision_nor_matplotlib() -> None:
    code = """
import sys
import seglab.metrics
print([name for name in ("torchvision", "matplotlib", "scipy", "transformers") if name in sys.modules])
"""
    assert run_python(code) == "[]"


@pytest.mark.slow
def test_what_was_left_out_still_works_or_says_so() -> None:
    code = """
import seglab.lean_imports, torch, torchmetrics, torchvision
from lightning_utilities.core.imports import RequirementCache, package_available
assert RequirementCache("torchvision") and RequirementCache("matplotlib") and package_available("scipy")
assert torchvision.ops.box_iou(torch.tensor([[0, 0, 1, 1.]]), torch.tensor([[0, 0, 1, 1.]])) == 1
metric = torchmetrics.SumMetric()
metric.update(1)
try:
    metric.plot()
except ModuleNotFoundError as error:
    print(error)
"""
    assert "matplotlib" in run_python(code)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_nothing_is_hidden_when_torchmetrics_came_first() -> None:
    code = """
import torchmetrics, seglab.lean_imports
metric = torchmetrics.SumMetric()
metric.update(1)
print(type(metric.plot()[0]).__name__)
"""
    assert run_python(code) == "Figure"
