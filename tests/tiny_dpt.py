"""A DPT on a small vision transformer, as an option of the group `model`, and what makes its training short."""

from pathlib import Path
from typing import Any

from tests.conftest import TINY

# six blocks of width 16
MODEL: dict[str, Any] = {
    "_target_": "segmentation_models_pytorch.DPT", "encoder_name": "tu-test_vit", "encoder_depth": 2,
    "encoder_weights": None, "embed_dim": 16, "num_heads": 2, "img_size": [32, 64], "dynamic_img_size": True,
    "decoder_intermediate_channels": [8, 8], "decoder_fusion_channels": 8, "in_channels": 3,
    "classes": "${num_classes:${data.labels}}", "size_divisor": 16,
}  # fmt: skip
OVERRIDES = (*(line for line in TINY if not line.startswith("model.")), "model=tiny_dpt", "callbacks.pictures=null")


def write_option(folder: Path) -> Path:
    """`folder`, for --config-dir, in which the option lies now."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    lines = (f"{key}: {'null' if value is None else value}" for key, value in MODEL.items())
    (folder / "model" / "tiny_dpt.yaml").write_text("\n".join(lines) + "\n")
    return folder
