"""What an evaluation counted in each image, from its per_image.csv."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class PerImage:
    """Pixels of each class in each image."""

    names: tuple[str, ...]  # of the N images
    classes: tuple[str, ...]  # K
    counts: np.ndarray  # int64 (N, K, 3): right, in the ground truth, predicted
