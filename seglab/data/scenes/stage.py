"""The stage: things wait here with their depth until all are planned; then the deepest is drawn first."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.ground import cast_shadows
from seglab.data.scenes.street import Street

_TURN = np.linspace(0.0, 2.0 * np.pi, 11)[:-1]
_SHADOW_REACH = 0.55  # metres of shadow for each metre of height


@dataclass
class Stage:
    """What a scene will show. Depth is metres ahead: things with more of it are drawn earlier."""

    canvas: Canvas
    generator: np.random.Generator
    street: Street
    _waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _contacts: list[np.ndarray] = field(default_factory=list)
    _sun_shadows: list[np.ndarray] = field(default_factory=list)

    def add(self, depth: float, draw: Callable[[], None]) -> None:
        """Let `draw` be called when everything deeper has been drawn."""
        self._waiting.append((depth, draw))

    def shade_box(self, footprint: np.ndarray, *, height: float) -> None:
        """Shadows of a box: dark beneath it, and where it keeps off the sun; footprint (4, 3) on the ground."""
        self._contacts.append(footprint)
        shift = -self.canvas.light.sun_side * height * _SHADOW_REACH
        moved = footprint + np.array([shift, 0.0, 0.0])
        # The hull of both rectangles: each shadow edge starts at the thing itself.
        first, second = (np.concatenate([footprint[rows], moved[rows][::-1]]) for rows in (slice(0, 2), slice(2, 4)))
        self._sun_shadows += [moved, first, second]

    def shade_disc(self, across: float, along: float, *, radius: float, height: float) -> None:
        """Shadow of a crown or a person: a disc thrown as far as its height asks."""
        centre = across - self.canvas.light.sun_side * height * _SHADOW_REACH
        ring = np.stack([centre + radius * np.cos(_TURN), 0 * _TURN, along + radius * np.sin(_TURN)], axis=1)
        self._sun_shadows.append(ring)
        foot = np.stack([across + 0.25 * np.cos(_TURN), 0 * _TURN, along + 0.25 * np.sin(_TURN)], axis=1)
        self._contacts.append(foot)

    def shade_row(self, across: float, along: tuple[float, float], *, height: float) -> None:
        """Shadow of what stands along the street, if the sun stands behind it."""
        sun_side = self.canvas.light.sun_side
        if np.sign(across) != np.sign(sun_side):
            return
        reach = across - sun_side * height * _SHADOW_REACH
        near, far = along
        self._sun_shadows.append(np.array([[across, 0, near], [across, 0, far], [reach, 0, far], [reach, 0, near]]))

    def draw(self) -> None:
        """Shadows first, then everything from the back to the front."""
        sun = self.canvas.light.sun
        if sun > 0.3 and self._sun_shadows:
            cast_shadows(self.canvas, self._sun_shadows, softness=0.6, depth=1.0 - 0.48 * sun)
        if self._contacts:
            cast_shadows(self.canvas, self._contacts, softness=2.0, depth=0.42)
        for _, draw in sorted(self._waiting, key=lambda entry: -entry[0]):
            draw()
