"""What a run is called by in W&B and TensorBoard: tables, pictures, charts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seglab.metrics.titles import val_titles

CONFUSION, CONFUSION_TABLE = "val/confusion", "val/confusion_table"
CLASS_TABLES = {"best": "best/classes", "last": "last/classes"}
COLUMNS = {"class": None, "IoU": "iou", "Dice": "dice", "accuracy": "accuracy", "precision": "precision",
            "pixels": "pixels"}  # fmt: skip


def tensorboard_layout(class_names: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """The page "Custom Scalars" of TensorBoard: what belongs together in one chart, the important ones first."""
    curves = val_titles() | {"val/loss": "val loss", "train/loss": "train loss"}
    return {
        "training": {title: ["Multiline", [f"^{tag}$"]] for tag, title in curves.items()}
        | {"learning rate": ["Multiline", ["^lr-"]]},
        "IoU of each class": {name: ["Multiline", [f"^val/iou/{re.escape(name)}$"]] for name in class_names},
        "Dice of each class": {name: ["Multiline", [f"^val/dice/{re.escape(name)}$"]] for name in class_names},
    }


def class_rows(classes: Mapping[str, Mapping[str, float]]) -> list[list[Any]]:
    """One row for each class: name, IoU, Dice, accuracy, precision, pixels; None for a score that does not exist."""
    return [
        [name, *(None if scores[key] != scores[key] else scores[key] for key in COLUMNS.values() if key)]
        for name, scores in classes.items()
    ]
