"""The layers of the design: a room imports only rooms with a lower number."""

import ast
from pathlib import Path

import pytest

import seglab

PACKAGE = Path(seglab.__file__).parent
ROOMS = {
    "errors": 0, "labels": 0, "batch": 0, "lean_imports": 0, "naming": 0, "sheet": 0, "provenance": 0,
    "sources": 0, "resolve": 0, "signatures": 0, "annotations": 0, "ranges": 0, "targets": 1,
    "inputs": 0, "video": 0, "file_loop": 1, "class_weights": 1,
    "models": 1, "losses": 1, "metrics": 1, "data": 1, "config": 1, "runs": 1, "schedule": 1,
    "module": 2, "callbacks": 2, "draw": 2, "report": 2, "loggers": 2, "csv_logger": 2, "command": 2, "jobs": 2,
    "results": 2, "submission": 2, "masks": 2, "check_report": 2,
    "tally": 2, "complexity": 1, "build": 3, "inference": 3, "network_costs": 4,
    "fit": 4, "sweep": 4, "prediction": 4, "evaluation": 4, "evaluation_data": 3, "evaluation_files": 4,
    "official": 4, "official_report": 2, "transfer": 2, "origin": 2, "parameter_groups": 2, "activation_check": 1,
    "identity": 0, "class_names": 0, "gpus": 1, "data_files": 2, "sweep_plan": 2, "sweep_job": 3, "fork_server": 4,
    "significance": 1, "run_folders": 2, "tables": 3, "step_times": 4,
    "train": 5, "evaluate": 5, "predict": 5, "check_data": 5, "benchmark_data": 5, "benchmark": 5,
    "account": 0, "tracking": 2, "workspace": 4, "dashboard": 5,
    "table": 5, "sweeps": 5, "sweep_overview": 4, "sweep_status": 4,
}  # fmt: skip


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    if path == PACKAGE / "__init__.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seglab":
            parts = (node.module or "").split(".")
            imported = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            imported = [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seglab.")]
        else:
            continue
        for name in imported:
            if name != room(path):
                assert ROOMS[name] <= ROOMS[room(path)], (
                    f"{path.name}:{node.lineno} imports {name}, which stands above it"
                )
