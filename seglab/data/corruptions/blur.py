"""Blur of a lens and of motion: images float32 (H, W, 3) from 0 to 1; numbers by severity as in ImageNet-C, in pixels.

What moves pixels (glass, zoom) leaves the labels where they are, as the original benchmark does.
"""

from math import ceil, cos, radians, sin

import cv2
import numpy as np

_ZOOMS = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))  # up to, in steps of


def defocus_blur(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """The mean over a disk, whose edge is smoothed a little."""
    radius, smoothing = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[severity - 1]
    across, down = np.meshgrid(*(np.arange(-max(8, radius), max(8, radius) + 1),) * 2)
    disk = (across**2 + down**2 <= radius**2).astype(np.float32)
    edge = (3, 3) if radius <= 8 else (5, 5)
    return cv2.filter2D(image, -1, cv2.GaussianBlur(disk / disk.sum(), edge, smoothing))


def glass_blur(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Frosted glass: every pixel takes the place of one near by, between two blurs.

    The original swaps pixel after pixel; here all are drawn at once, so that one may stand at two places.
    """
    deviation, reach, times = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))[severity - 1]
    height, width = image.shape[:2]
    image = cv2.GaussianBlur(image, (0, 0), deviation)
    for _ in range(times):
        down, across = generator.integers(-reach, reach, (2, height, width), dtype=np.int32)
        rows = np.clip(np.arange(height, dtype=np.int32)[:, None] + down, 0, height - 1)
        columns = np.clip(np.arange(width, dtype=np.int32) + across, 0, width - 1)
        image = image[rows, columns]
    return cv2.GaussianBlur(image, (0, 0), deviation)


def motion_blur(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Along a line of some angle within 45 degrees of the horizontal, fading from its start."""
    length, deviation = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))[severity - 1]
    return moved(image, length=length, deviation=deviation, angle=generator.uniform(-45, 45))


def zoom_blur(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Of a camera that drives fast: the mean of the image and of its middle, zoomed in ever further."""
    end, step = _ZOOMS[severity - 1]
    height, width = image.shape[:2]
    factors = np.arange(1, end, step)
    total = image.copy()
    for factor in factors:
        rows, columns = ceil(height / factor), ceil(width / factor)
        top, left = (height - rows) // 2, (width - columns) // 2
        total += cv2.resize(image[top : top + rows, left : left + columns], (width, height))
    return total / (len(factors) + 1)


def moved(image: np.ndarray, *, length: int, deviation: float, angle: float) -> np.ndarray:
    """Blurred along a line of 2 `length` + 1 pixels at `angle` degrees, by the falling half of a Gaussian.

    Args:
        image: float32 (H, W) or (H, W, C).
    """
    steps = np.arange(2 * length + 1)
    weights = np.exp(-(steps**2) / (2 * deviation**2))
    kernel = np.zeros((4 * length + 1, 4 * length + 1), np.float32)
    down, across = np.rint(steps * sin(radians(angle))), np.rint(steps * cos(radians(angle)))
    np.add.at(kernel, (2 * length + down.astype(int), 2 * length + across.astype(int)), weights)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
