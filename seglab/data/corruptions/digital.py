"""What processing does to an image: float32 (H, W, 3) from 0 to 1; numbers by severity as in ImageNet-C."""

import cv2
import numpy as np

_SIDE = 244  # the original's, of which it states lengths as shares
_FINEST = 8.0  # pixels: a wider Gaussian is drawn on a coarser grid


def contrast(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Drawn together to the mean of each channel."""
    kept = (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1]
    means = image.mean((0, 1), keepdims=True, dtype=np.float64).astype(np.float32)
    return (image - means) * kept + means


def elastic(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Stretched and contracted by smooth displacements; the labels stay where they are.

    The original moves the whole image as well, by up to 49 pixels, which a class of the image survives and a label of
    a pixel does not: that is left out. Its second severity moves pixels furthest.
    """
    factor, deviation = ((2, 0.7), (2, 0.08), (0.05, 0.01), (0.07, 0.01), (0.12, 0.01))[severity - 1]
    height, width = image.shape[:2]
    down, across = (factor * _SIDE * _smooth(height, width, _SIDE * deviation, generator) for _ in range(2))
    rows = np.arange(height, dtype=np.float32)[:, None] + down
    columns = np.arange(width, dtype=np.float32) + across
    return cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def pixelate(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Averaged to such a share of its height and width, and enlarged again in squares."""
    share = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, int(width * share)), max(1, int(height * share))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def jpeg(image: np.ndarray, *, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Compressed at this quality."""
    quality = (25, 18, 15, 10, 7)[severity - 1]
    pixels = np.rint(image[..., ::-1] * 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[..., ::-1].astype(np.float32) / 255


def _smooth(height: int, width: int, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Uniform draws from -1 to 1 blurred by a Gaussian, float32 (H, W).

    Of a coarser grid each draw stands for the mean of a square, whose deviation is smaller by its side.
    """
    side = max(1.0, deviation / _FINEST)
    rows, columns = int(np.ceil(height / side)), int(np.ceil(width / side))
    draws = generator.uniform(-1, 1, (rows, columns)).astype(np.float32) / np.float32(side)
    blurred = cv2.GaussianBlur(draws, (0, 0), deviation / side, borderType=cv2.BORDER_REFLECT)
    return cv2.resize(blurred, (width, height))
