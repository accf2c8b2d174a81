"""Folders of runs, as a training and its evaluations leave them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seglab import runs
from tests.tables.survey.finished import config


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., Path]:
    """`add("runs/a", "ce", 1, status="finished")`: a run's folder under tmp_path with this record."""

    def added(place: str, row: str, seed: int, *evaluations: dict, **record: object) -> Path:
        folder = tmp_path / place
        folder.mkdir(parents=True)
        values = {
            "status": "finished", "started": f"2026-01-01T00:00:{len(list(tmp_path.rglob('record.json'))):02}+00:00",
            "fingerprint": runs.fingerprint(runs.plain(config(row, seed))),
            "seconds": 60.0, "parameters": 7, "flops": 0.1, "threads": 1, "device": "cpu",
            "git": {"commit": "4f1c", "dirty": True},
            "overrides": ["loss=ce", f"seed={seed}", 'sweep="t"', "output=/somewhere"],
            "evaluations": {str(number): each for number, each in enumerate(evaluations)},
        }  # fmt: skip
        runs.write_record(folder, {**values, **record})
        (folder / "metrics.csv").write_text(
            "epoch,step,val/miou,train/loss\n0,10,,1.5\n0,10,0.1,\n1,20,0.30000000000000004,\n"
        )
        return folder

    return added
