"""A run whose network names colours, and pictures painted in the colours of their labels."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from seglab.display import draw
from seglab.labels import label_space

CAMVID = label_space("camvid_11")
SKY, POLE, VOID = 0, 2, 11
CRF = {
    "iterations": 5, "spatial_weight": 3.0, "spatial_sd": 3.0,
    "bilateral_weight": 10.0, "bilateral_sd_xy": 80.0, "bilateral_sd_rgb": 13.0,
}  # fmt: skip
SETTINGS = {
    "checkpoint": "best", "data": None, "root": None, "split": "val", "limit": None, "resolution": "both",
    "size": "run", "scales": [1.0], "flip": False, "tile": None, "overlap": 0.25, "post": None, "crf": CRF,
    "official": "auto", "extra": [], "panels": 2, "device": "cpu", "threads": 2, "output": None, "predictions": None,
    "truth": None, "processes": "auto", "uncertainty": None, "calibrated": None,
    "score_fitted_split": False,
    "corruption": None, "severity": [1, 2, 3, 4, 5], "reference": None, "seed": 1, "classes": "same",
}  # fmt: skip


class Painter(nn.Module):
    """One-hot logits: the class whose colour is nearest to the pixel."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        colors = torch.tensor(CAMVID.colors, dtype=torch.float32).view(1, -1, 3, 1, 1)
        nearest = (image[:, None] - colors).square().sum(2).argmin(1)  # (B, H, W)
        return nn.functional.one_hot(nearest, CAMVID.num_classes).permute(0, 3, 1, 2).float()


def write_pair(root: Path, name: str, ids: np.ndarray, *, void: int = 0) -> None:
    """A frame of CamVid whose image is painted in the colours of its labels; its first `void` rows have none."""
    image = draw.colourise(ids, CAMVID)
    ids = np.concatenate([np.full_like(ids[:void], VOID), ids[void:]])
    for folder, pixels in (("val", image[..., ::-1]), ("valannot", ids)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / folder / f"{name}.png"), pixels)


def settings(folder: Path, **changes) -> dict:
    return {**SETTINGS, "run": str(folder), **changes}
