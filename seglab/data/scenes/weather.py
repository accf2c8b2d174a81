"""Weather in which the street scenes can be drawn beside their own: rain, and night."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from seglab.data.corruptions.road import rain
from seglab.data.scenes.light import Light

Weather = Literal["rain", "night"]
_RAIN_SEVERITIES = (2, 3, 4)  # of seglab.data.corruptions


def _rainy(light: Light) -> Light:
    """A closed grey sky, half the view, lamps behind some windows."""
    view, exposure = 0.4 * min(light.visibility, 420), 0.72 * light.exposure
    return replace(light, sun=0.0, sky_high=(142, 148, 156), sky_low=(170, 174, 178), clouds=1.0, visibility=view,
                   lit_windows=0.25, exposure=exposure)  # fmt: skip


def _nocturnal(light: Light) -> Light:
    """A dark sky, lamps and lit windows, and little light on anything else: bluish and flat."""
    red, green, blue = light.gains
    return replace(light, sun=0.0, sky_high=(14, 17, 34), sky_low=(46, 42, 50), clouds=0.3, lit_windows=0.45,
                   exposure=0.5, gamma=1.45, gains=(0.92 * red, 0.98 * green, 1.16 * blue))  # fmt: skip


LIGHTS: dict[str, Callable[[Light], Light]] = {"rain": _rainy, "night": _nocturnal}


def rained_on(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The image uint8 (H, W, 3) with streaks and a veil."""
    severity = _RAIN_SEVERITIES[generator.integers(len(_RAIN_SEVERITIES))]
    drawn = rain(image.astype(np.float32) / 255, severity=severity, generator=generator)
    return np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)
