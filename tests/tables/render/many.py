"""Published rows near to and far from ours, and a table of many classes."""

import math
from dataclasses import replace
from typing import Any

from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Measurement, Plan, Published, Row

CLOSE = Published(label="Theirs & Co", values={"miou": 0.47, "fwiou": 0.8}, source="arXiv 1_2", split="test",
                  resolution="original", pretraining="ImageNet", verified=True, note="100 % theirs")  # fmt: skip
FAR = Published(label="On val", values={"miou": 0.5}, source="a blog", split="val")
CLASSES = [f"class {index}" for index in range(41)]
TRAINED: dict[str, Any] = {
    "protocol": {"split": "test", "resolution": "original"}, "curve": (0.1,), "fingerprint": "f", "folder": "runs/a",
    "commit": "c", "command": "python", "parameters": 10, "flops": 1.0, "seconds": 2.0, "threads": 1, "device": "cpu",
}  # fmt: skip
THEIRS = {"iou/class 0": 0.5, "iou/class 1": math.nan}


def many_classes(**changes: Any) -> Comparison:
    """41 classes of one row, the second of which is absent, beside a published one."""
    published = Published(label="theirs", values=THEIRS, source="a paper", split="test", resolution="original")
    plan = Plan(name="many", title="Many classes", source="s", rows=(Row(label="ours"),), columns=("miou", "iou/*"),
                seeds=(1,), published=(published,), transposed=True, unsaid=("the learning rate",))  # fmt: skip
    ious = {name: math.nan if name == "class 1" else 0.25 for name in CLASSES}
    run = Measurement(row="ours", seed=1, metrics={"miou": 0.25}, class_iou=ious, **TRAINED)
    return compare(replace(plan, **changes), [run])
