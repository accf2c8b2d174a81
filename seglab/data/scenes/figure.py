"""A flat figure that faces the camera: limbs, discs and polygons in metres above a point of the ground."""

import cv2
import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour


class Figure:
    """Strokes in local metres (x to the right, y up) at one place of the street; all carry the id `code`."""

    def __init__(self, canvas: Canvas, *, across: float, along: float, code: int, stretch: float = 1.0) -> None:
        self.code = code
        self._canvas, self._along, self._stretch = canvas, along, stretch
        self._foot = canvas.camera.project(np.array([[across, 0.0, along]]))[0]
        self.scale = canvas.camera.scale(along)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Canvas pixels (N, 2) of local points (N, 2); x is shortened for a figure that turns away."""
        return self._foot + np.asarray(points, float) * [self.scale * self._stretch, -self.scale]

    def limb(self, points: list[tuple[float, float]], width: float, colour: Colour, *, detail: bool = False) -> None:
        """A line with round ends through the points, `width` metres thick (at least two pixels)."""
        corners = self.pixels(np.array(points)).round().astype(np.int32)
        thick = min(max(round(width * self.scale), 1 if detail else 2), 255)
        tone = self._canvas.light.tone(colour, along=self._along)
        cv2.polylines(self._canvas.image, [corners], False, tone, thick)
        if not detail:
            cv2.polylines(self._canvas.ids, [corners], False, self.code, thick)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour, *, detail: bool = False) -> None:
        """A disc; a `detail` leaves the ids as they are."""
        middle = tuple(int(value) for value in self.pixels(np.array([centre]))[0].round())
        size = max(round(radius * self.scale), 1)
        cv2.circle(self._canvas.image, middle, size, self._canvas.light.tone(colour, along=self._along), -1)
        if not detail:
            cv2.circle(self._canvas.ids, middle, size, self.code, -1)

    def shape(
        self, points: list[tuple[float, float]], colour: Colour, *, detail: bool = False, shade: float = 1.0
    ) -> None:
        """A polygon."""
        tone = self._canvas.light.tone(colour, along=self._along, shade=shade)
        if detail:
            self._canvas.paint(self.pixels(np.array(points)), tone)
        else:
            self._canvas.fill(self.pixels(np.array(points)), tone, self.code)

    def ring(self, centre: tuple[float, float], radius: float, width: float, colour: Colour) -> None:
        """A wheel: painted as a ring, yet the whole disc carries the id, as Cityscapes draws bicycles."""
        turn = np.linspace(0.0, 2.0 * np.pi, 17)[:-1]
        outline = np.stack([centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)], axis=1)
        self._canvas.mark(self.pixels(outline), self.code)
        closed = [tuple(point) for point in np.concatenate([outline, outline[:1]]) * 1.0]
        self.limb(closed, width, colour, detail=True)
