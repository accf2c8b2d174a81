"""A corrupted image, as a function of the seed, the corruption, its severity and the name of the image alone."""

import hashlib
from collections.abc import Callable

import numpy as np

from seglab.data.corruptions import blur, digital, noise, road, weather
from seglab.data.corruptions.names import GROUPS, SEVERITIES
from seglab.data.image_files import RGB
from seglab.errors import SeglabError

_ROOMS = {"noise": noise, "blur": blur, "weather": weather, "digital": digital, "road": road}
DRAWN: dict[str, Callable[..., np.ndarray]] = {
    name: getattr(_ROOMS[group], name) for group, names in GROUPS.items() for name in names
}


def corrupted(image: np.ndarray, *, corruption: str, severity: int, seed: int, name: str) -> np.ndarray:
    """The image uint8 (H, W, 3) RGB as `corruption` leaves it; its labels stay what and where they were.

    The fifteen of Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
    Perturbations (ICLR 2019, arXiv 1903.12261), with the numbers of their program (hendrycks/robustness,
    make_imagenet_c.py), which are in pixels of images of 224x224: on larger ones blur is milder. Drawn anew over OpenCV
    and numpy, so that scores are close to theirs and not equal; `elastic`, `frost` and `glass_blur` say what differs.

    All severities of an image draw the same numbers, so that they differ by their strength and not by chance.

    Args:
        name: of the image, unique in its data set.

    Raises:
        SeglabError: the image is not RGB of 8 bits.
    """
    if image.dtype != np.uint8 or image.ndim != RGB or image.shape[2] != RGB:
        raise SeglabError(
            f"corruption={corruption}: expected images of {RGB} channels with 8 bits; came '{name}' with "
            f"{image.shape[-1]} channels of {image.dtype} - leave corruption out"
        )
    assert severity in SEVERITIES, severity
    digest = hashlib.blake2b(f"{seed} {corruption} {name}".encode(), digest_size=16).digest()
    generator = np.random.default_rng(int.from_bytes(digest))
    drawn = DRAWN[corruption](image.astype(np.float32) / 255, severity=severity, generator=generator)
    return np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)
