"""Tables with invented numbers, compared by the real code, for the tests of how they are shown."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seglab.tables.comparison.comparison import Comparison, compare
from seglab.tables.plan.model import Measurement, Plan, Published, Row
from tests.tables.controls import OFFICIAL

HOSTILE = "<script>window.broken = 1</script>"
PROTOCOL = {
    "dataset": "synthetic", "split": "test", "labels": "cityscapes_19", "images": 48, "limit": None,
    "resolution": "original", "size": [64, 128], "scales": [1.0], "flip": False, "tile": None, "reading": "dataset",
    "void": "removed", "checkpoint": "best",
}  # fmt: skip


def _measurement(
    label: str, seed: int, miou: float, classes: Sequence[str], spread: np.random.Generator
) -> Measurement:
    """A run whose scores vary a little with its seed; the last class is absent."""
    noise = (0.006 * min(1.0, 10 * miou) * spread.normal(size=3)).tolist()
    miou = max(0.0, miou + noise[0])
    ious = {name: float(np.clip(miou + 0.2 - 0.4 * k / len(classes) + spread.normal(0, 0.02), 0, 1))
            for k, name in enumerate(classes)}  # fmt: skip
    epochs = np.arange(1, 13)
    curve = miou * (1 - np.exp(-epochs / 3)) * (1 + 0.03 * spread.normal(size=12))
    return Measurement(
        row=label, seed=seed,
        metrics={"miou": miou, "mdice": miou + 0.1 + noise[1], "accuracy": miou / 2 + 0.6 + noise[2]},
        class_iou={**ious, classes[-1]: math.nan},
        protocol={**PROTOCOL, "epoch": 10 + seed, "step": 100 * seed},
        curve=tuple(curve.tolist()), fingerprint=f"fingerprint-{label}-{seed}", folder=f"runs/{label}-{seed}",
        commit="0123abc", command=f"python -m seglab.train loss={label} seed={seed}",
        parameters=7_760_000, flops=1.23e10, seconds=700.0, threads=1, device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="session")
def compared() -> Callable[..., Comparison]:
    """`compared({"ce": 0.46, ...}, classes=[...])`: rows around these mIoUs, three seeds, the first is the baseline.

    `other_size`: labels of rows that were measured at 128x256. `published`: rows of others. `text`: title of the table.
    """

    def made(
        mious: dict[str, float],
        *,
        classes: Sequence[str] = ("road", "pole", "small <b>things</b>", "tram"),
        columns: Sequence[str] = ("miou", "mdice", "iou/pole", "parameters"),
        other_size: Sequence[str] = (),
        published: Sequence[Published] = (),
        title: str = "Losses on the generated scenes",
    ) -> Comparison:
        spread = np.random.default_rng(0)
        runs = [_measurement(label, seed, miou, classes, spread) for label, miou in mious.items() for seed in (1, 2, 3)]
        for run in runs:
            if run.row in other_size:
                run.protocol["size"] = [128, 256]  # type: ignore[index]
        plan = Plan(
            name="example",
            title=title,
            source="invented for a test",
            rows=tuple(Row(label=label, overrides=(f"loss={label}",)) for label in mious),
            columns=tuple(columns),
            seeds=(1, 2, 3),
            baseline=(next(iter(mious)),),
            published=tuple(published),
            notes=("These numbers were invented.",),
        )
        return compare(plan, [run for run in runs if (run.row, run.seed) != ("row 10", 3)])

    return made


@pytest.fixture
def comparison(compared: Callable[..., Comparison]) -> Comparison:
    """Five rows, one of them hostile, one with a missing seed, and a published row that states little."""
    others = Published(
        label="DeepLab of others", values={"miou": 0.703}, source="Chen et al. 2018, Table 5", split="test"
    )
    mious = {"ce": 0.46, "dice": 0.49, "focal": 0.455, "row 10": 0.00001, HOSTILE: 0.47}
    return compared(mious, published=[others])


@pytest.fixture
def controls(city: tuple[Path, Path]) -> Plan:
    """A table of the four images of `city`, which are given images."""
    root = city[1].parent.parent
    for mask in city[1].rglob("*_gtFine_labelIds.png"):
        image = root / "leftImg8bit" / "val" / mask.parent.name / mask.name.replace("gtFine_labelIds", "leftImg8bit")
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 32)).save(image)
    return Plan(
        name="controls",
        title="Controls",
        source="Cordts et al.",
        rows=(Row(label="by 2", downsample=2), Row(label="by 16", downsample=16)),
        columns=("miou", "parameters", "seconds", *OFFICIAL),
        seeds=(1,),
        common=("data=cityscapes", f"data.root={root}"),
        evaluation={"split": "val"},
    )
