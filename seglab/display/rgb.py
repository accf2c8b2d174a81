"""Images of any channels as pictures for people."""

import numpy as np

_COLORS = 3


def as_rgb(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) of (H, W, C), uint8 or uint16: its first three channels, or fewer than three as grey."""
    shown = image[..., :_COLORS] if image.shape[2] >= _COLORS else np.repeat(image[..., :1], _COLORS, axis=2)
    return (shown // 257).astype(np.uint8) if shown.dtype == np.uint16 else shown
