"""The light of a scene: what the weather does to colours while drawing, and what the camera does afterwards."""

from dataclasses import dataclass
from math import exp

import cv2
import numpy as np

Colour = tuple[float, float, float]


def shaded(colour: Colour, factor: float) -> Colour:
    """A darker (factor below 1) or lighter colour."""
    red, green, blue = colour
    return min(255.0, red * factor), min(255.0, green * factor), min(255.0, blue * factor)


@dataclass(frozen=True)
class Light:
    """One weather: colours are RGB 0..255, distances metres."""

    sun: float  # strength of the direct light: 0 overcast .. 1 clear
    sun_side: float  # where the sun stands: -1 on the left .. 1 on the right
    sky_high: Colour
    sky_low: Colour  # at the horizon; also the colour of the haze
    clouds: float  # 0 none .. 1 closed
    visibility: float  # metres after which 63 % of a colour is haze
    lit_windows: float  # share of windows with a lamp behind them
    exposure: float
    gains: Colour  # white balance of the three channels
    gamma: float

    def tone(self, colour: Colour, *, along: float, shade: float = 1.0) -> tuple[int, int, int]:
        """The colour seen at a distance of `along` metres, under `shade` times the full light."""
        clear = exp(-along / self.visibility)
        red, green, blue = colour
        far_red, far_green, far_blue = self.sky_low
        return (
            int(min(255.0, red * shade) * clear + far_red * (1.0 - clear)),
            int(min(255.0, green * shade) * clear + far_green * (1.0 - clear)),
            int(min(255.0, blue * shade) * clear + far_blue * (1.0 - clear)),
        )

    def side_shade(self, facing: float) -> float:
        """Brightness of an upright surface; facing = -1 looks to the left, 1 to the right, 0 to the camera."""
        return 0.86 + self.sun * (0.30 * facing * self.sun_side + 0.04)


def sample_light(generator: np.random.Generator) -> Light:
    """A weather, as often as a camera car meets it: half overcast, some sun, little haze and dusk."""
    kind = generator.choice(4, p=[0.44, 0.34, 0.10, 0.12])
    sky_high, sky_low, sun, clouds, visibility, lit, exposure, warmth = (
        ((196, 202, 210), (226, 229, 232), 0.0, 0.95, 420, 0.06, 0.90, 0.0),
        ((78, 128, 205), (198, 216, 234), 1.0, 0.45, 700, 0.0, 1.03, 0.04),
        ((188, 190, 192), (208, 210, 211), 0.0, 1.0, 140, 0.10, 0.88, -0.01),
        ((92, 104, 142), (232, 190, 158), 0.15, 0.60, 420, 0.35, 0.66, 0.05),
    )[kind]
    warmth += generator.normal(0.0, 0.035)
    return Light(
        sun=sun * generator.uniform(0.55, 1.0),
        sun_side=generator.choice([-1.0, 1.0]) * generator.uniform(0.5, 1.0),
        sky_high=sky_high,
        sky_low=sky_low,
        clouds=clouds * generator.uniform(0.6, 1.0),
        visibility=visibility * generator.uniform(0.8, 1.3),
        lit_windows=lit,
        exposure=exposure * generator.uniform(0.88, 1.12),
        gains=(1.0 + warmth, 1.0 + generator.normal(0.0, 0.012), 1.0 - warmth),
        gamma=generator.uniform(0.88, 1.18),
    )


def develop(image: np.ndarray, *, light: Light, generator: np.random.Generator) -> np.ndarray:
    """The picture (H, W, 3) uint8 as a camera delivers it: exposure, white balance, slight blur, sensor noise."""
    ramp = np.linspace(0.0, 1.0, 256, dtype=np.float32) ** light.gamma * light.exposure
    curve = ramp[:, None] * np.asarray(light.gains, np.float32)  # (256, 3)
    # A soft shoulder: highlights fade into white and do not clip.
    curve = np.where(curve > 0.8, 0.8 + 0.2 * np.tanh((curve - 0.8) / 0.2), curve)
    image = cv2.LUT(image, (curve * 255.0).astype(np.uint8)[None])
    image = cv2.GaussianBlur(image, (3, 3), generator.uniform(0.25, 0.6))
    # The sum of two uniform draws is near enough to a normal one and four times as fast.
    strength = generator.uniform(1.5, 5.0) / 104.0  # standard deviation in grey levels, over that of the sum
    draws = generator.integers(0, 256, (2, *image.shape), np.uint8)
    noise = cv2.add(draws[0], draws[1], dtype=cv2.CV_32F)
    return cv2.addWeighted(image, 1.0, noise, strength, -255.0 * strength, dtype=cv2.CV_8U)
