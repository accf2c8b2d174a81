"""Folders of runs made by hand, for the tests of their pages: nothing is trained."""

import json
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from seglab.display.confusion import confusion_csv

HOSTILE = '</script><img src=x onerror="window.broken=1">&\'`'
NAMES = ("road", HOSTILE, "sky")
MATRIX = ((90, 10, 0), (30, 60, 10), (0, 0, 0))
NOW = datetime(2026, 11, 21, 9, 30).astimezone().isoformat()


def score(epoch: int, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Of a checkpoint; the last class is absent."""
    shares = [index / len(names) for index in range(len(names))]
    classes = {
        name: {"iou": share, "dice": share, "accuracy": share, "precision": share, "pixels": 100}
        for name, share in zip(names, shares, strict=True)
    }
    classes[names[-1]] = dict.fromkeys(("iou", "dice", "accuracy", "precision"), math.nan) | {"pixels": 0}
    metrics = {"miou": 0.4321, "mdice": 0.5, "accuracy": 0.9, "mean_accuracy": 0.6, "fwiou": 0.7, "loss": 1.25}
    return {"epoch": epoch, "step": 2 * epoch, "metrics": metrics, "classes": classes}


def record(**changes: Any) -> dict[str, Any]:
    """Of a run that has finished."""
    return {
        "status": "finished", "started": NOW, "attempted": NOW, "ended": NOW, "attempts": 1, "codes": ["0123"],
        "overrides": ["loss=dice", f"name={HOSTILE}"], "seed": 1, "fingerprint": "f" * 16, "error": None,
        "traceback": None, "command": f"python -m seglab.train {HOSTILE}", "host": "here", "pid": 1, "code": "0123",
        "git": {"commit": "0123abc", "dirty": False}, "versions": {"torch": "2.15.0"}, "seconds": 60.0, "epochs": 3,
        "steps": 6, "device": "cpu", "threads": 2, "parameters": 121_339, "flops": 1.5e8, "images_per_second": 19.6,
        "monitor": {"name": "val/miou", "mode": "max", "value": 0.4321}, "choices": {"loss": "dice", "model": HOSTILE},
        "protocol": {"size": [64, 128], "labels": "camvid_11", "limit": None, "split": "val", "reading": "dataset"},
        "best": score(1), "last": score(2), **changes,
    }  # fmt: skip


def metrics(epochs: int = 3, names: tuple[str, ...] = ("road", "sky")) -> str:
    """A metrics.csv: a learning rate, a training loss and a validation for each epoch; the best is the second."""
    columns = ["epoch", "step", "lr-AdamW", "train/loss", "val/loss", "val/miou", "val/mdice", "val/accuracy"]
    columns += [f"val/{kind}/{name}" for kind in ("iou", "dice") for name in names]
    lines = [columns]
    for epoch in range(epochs):
        miou = 0.1 * epoch if epoch < 2 else 0.05
        step = str(2 * epoch)
        scores = [f"{1 / (epoch + 1)}", f"{miou}", f"{miou + 0.1}", "0.9", *(f"{miou}" for _ in range(2 * len(names)))]
        lines.append(["", step, "0.01", *[""] * (len(columns) - 3)])
        lines.append([str(epoch), step, "", "", *scores])
        lines.append([str(epoch), step, "", f"{2 - epoch / 4}", *[""] * (len(columns) - 4)])
    return "".join(",".join(line) + "\n" for line in lines)


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    """`run_folder("exp1", status="failed")`: a folder with everything that a page shows; keywords change the record."""

    def made(name: str = "exp1", *, names: tuple[str, ...] = NAMES, epochs: int = 3, **changes: Any) -> Path:
        folder = tmp_path / "outputs" / "runs" / name
        evaluation = folder / "evaluations" / "camvid_val_best"
        for place in (folder / "pictures", folder / "checkpoints", evaluation):
            place.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(record(**changes)))
        (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"labels": "camvid_11"}, "seed": HOSTILE}))
        (folder / "metrics.csv").write_text(metrics(epochs))
        for epoch in range(1, epochs + 1):
            Image.new("RGB", (260, 120), (20 * epoch % 255, 90, 90)).save(
                folder / "pictures" / f"epoch_{epoch:03d}.png"
            )
        protocol = {"split": "val", "images": 8, "resolution": "original", "size": [64, 128], "checkpoint": "best"}
        result = {"protocol": protocol, "original": score(1, names), "network": score(1, names)}
        (evaluation / "metrics.json").write_text(json.dumps(result))
        for place in (folder, evaluation):
            (place / "confusion.csv").write_text(confusion_csv(MATRIX, NAMES))
        for which in ("best", "worst"):
            Image.new("RGB", (260, 120), (9, 9, 9)).save(evaluation / f"{which}.png")
        return folder

    return made
