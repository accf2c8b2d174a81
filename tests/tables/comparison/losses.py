"""A table of three losses with invented numbers, and what networks that find more or less count in images."""

import math
from dataclasses import replace

import numpy as np

from seglab.tables.comparison.per_image import PerImage, class_iou, scores
from seglab.tables.plan.model import Measurement, Plan, Row

PROTOCOL = {
    "dataset": "synthetic", "split": "val", "labels": "cityscapes_19", "images": 48, "limit": None,
    "resolution": "original", "resolutions": ["original", "network"], "size": [64, 128], "scales": [1.0],
    "flip": False, "tile": None, "overlap": None, "reading": "dataset", "void": "removed", "checkpoint": "best",
    "epoch": 3, "step": 36, "fingerprint": "0123456789abcdef",
}  # fmt: skip
CE, DICE, FOCAL = (0.50, 0.52, 0.51), (0.53, 0.56, 0.53), (0.50, 0.53, 0.50)


def plan(**changes):
    found = Plan(
        name="losses",
        title="Losses",
        source="measured here",
        rows=tuple(Row(label=label, overrides=(f"loss={label}",)) for label in ("ce", "dice", "focal")),
        columns=("miou", "iou/road", "iou/thin things", "parameters", "seconds"),
        seeds=(1, 2, 3),
        baseline=("ce",),
        groups={"thin things": ("pole", "sign")},
    )
    return replace(found, **changes)


def measured(row, seed, miou, **changes):
    found = Measurement(
        row=row, seed=seed, metrics={"miou": miou, "accuracy": 0.9},
        class_iou={"road": miou + 0.3, "pole": miou - 0.3, "sign": miou - 0.1, "train": math.nan},
        protocol=PROTOCOL, curve=(0.1, miou), fingerprint=f"{row}{seed}", folder=f"sweeps/losses/{row}-{seed}",
        commit="4f1c2a9b00", command="python -m seglab.train", parameters=1000, flops=None, seconds=10.0 + seed,
        threads=2, device="cpu",
    )  # fmt: skip
    return replace(found, **changes)


def all_measured(**changes):
    scores_of = {"ce": CE, "dice": DICE, "focal": FOCAL}
    return [
        measured(row, seed, miou, **changes) for row, mious in scores_of.items() for seed, miou in enumerate(mious, 1)
    ]


def with_protocol(measurement, **changes):
    return replace(measurement, protocol={**measurement.protocol, **changes})


CLASSES = ("road", "pole", "sign", "train")


def counted(*, better=0.0, images=24, seed=0):
    """Counts of a network that finds the same share, and `better`, of the same images; nothing of the last class."""
    generator = np.random.default_rng(seed)
    truth = np.random.default_rng(7).integers(200, 1000, (images, 4))
    truth[:, 3] = 0
    right = np.round(truth * np.clip(generator.normal(0.6, 0.1, (images, 4)) + better, 0, 1)).astype(np.int64)
    counts = np.stack([right, truth, truth], axis=-1)
    return PerImage(names=tuple(f"{index}" for index in range(images)), classes=CLASSES, counts=counts)


def of_images(row, images, **changes):
    sums = images.counts.sum(0)
    iou = dict(zip(CLASSES, class_iou(sums).tolist(), strict=True))
    return measured(row, 1, 0.0, metrics={"miou": float(scores(sums)["miou"])}, class_iou=iou, **changes)
