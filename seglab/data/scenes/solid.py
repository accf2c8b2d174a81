"""Solids: a side profile drawn out to a width, turned and placed in the street; the bodies of all vehicles."""

from dataclasses import dataclass

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour

_TURN = np.linspace(0.0, 2.0 * np.pi, 13)[:-1]
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_UPPER = _CIRCLE[:7]


@dataclass(frozen=True)
class Pose:
    """Where a thing stands (metres) and where it heads: 0 away from the camera, pi towards it."""

    across: float
    along: float
    heading: float

    def place(self, local: np.ndarray) -> np.ndarray:
        """Street coordinates (N, 3) of local ones (N, 3) given as ahead, right, up."""
        sine, cosine = np.sin(self.heading), np.cos(self.heading)
        across = self.across + local[:, 0] * sine + local[:, 1] * cosine
        along = self.along + local[:, 0] * cosine - local[:, 1] * sine
        return np.column_stack([across, local[:, 2], along])

    def footprint(self, length: float, width: float) -> np.ndarray:
        """The rectangle (4, 3) on the ground beneath a thing of this size."""
        ahead, right = length / 2, width / 2
        return self.place(np.array([[-ahead, -right, 0], [ahead, -right, 0], [ahead, right, 0], [-ahead, right, 0]]))


class Solid:
    """One body on a canvas. `profile` (M, 3) goes round the side view as ahead, up, half width, from the lower rear up.

    Its M edges are surfaces across the whole width; `side` and `edge` add details where the surface is seen.
    """

    def __init__(self, canvas: Canvas, *, pose: Pose, profile: np.ndarray, code: int) -> None:
        self._canvas, self._pose, self._profile, self._code = canvas, pose, profile, code
        camera = canvas.camera
        shift = float(camera.shift(np.array(pose.along)))
        away, aside = -pose.along, camera.across - shift - pose.across
        sine, cosine = np.sin(pose.heading), np.cos(pose.heading)
        self._eye = np.array([aside * sine + away * cosine, aside * cosine - away * sine, camera.height])
        self.visible_side = float(np.sign(self._eye[1])) if abs(self._eye[1]) > profile[:, 2].max() * 0.98 else 0.0
        self.scale = camera.scale(pose.along)
        upwards = np.argsort(profile[:, 1])
        self._widths = profile[upwards, 1], self.visible_side * profile[upwards, 2]  # half the width at any height
        self._strokes: list[tuple[np.ndarray, Colour, float, bool]] = []
        following = np.roll(profile, -1, axis=0)
        normal = np.stack([profile[:, 1] - following[:, 1], following[:, 0] - profile[:, 0]], axis=1)  # outwards
        middle = (profile[:, :2] + following[:, :2]) / 2
        towards = self._eye[[0, 2]] - middle
        self._seen = (normal * towards).sum(axis=1) > 0.0
        self._order = np.argsort(-np.abs(towards[:, 0]))
        self._normals = normal / np.linalg.norm(normal, axis=1, keepdims=True).clip(1e-6)

    def body(self, colours: list[Colour] | Colour, *, side: Colour) -> None:
        """Paint all surfaces: one colour, or one for each edge; far ones first."""
        following = np.roll(self._profile, -1, axis=0)
        for i in self._order:
            if not self._seen[i]:
                continue
            a, b = self._profile[i], following[i]
            quad = np.array([[a[0], -a[2], a[1]], [b[0], -b[2], b[1]], [b[0], b[2], b[1]], [a[0], a[2], a[1]]])
            shade = 0.84 + 0.22 * max(self._normals[i, 1], 0.0)  # surfaces that look up are brighter
            self._add(quad, colours[i] if isinstance(colours, list) else colours, shade=shade, own=True)
        if self.visible_side:
            ahead, up, half = self._profile.T
            outline = np.stack([ahead, self.visible_side * half, up], axis=1)
            self._add(outline, side, shade=self._side_shade(), own=True)

    def side(self, polygon: np.ndarray, colour: Colour, *, own: bool = False, shade: float = 1.0) -> None:
        """A detail (N, 2) as ahead, up on the side that is seen; `own` lets it reach beyond the body."""
        if not self.visible_side:
            return
        ahead, up = np.asarray(polygon, float).T
        points = np.empty((len(ahead), 3))
        points[:, 0], points[:, 2] = ahead, up
        points[:, 1] = np.interp(up, *self._widths)
        self._add(points, colour, shade=shade * self._side_shade(), own=own)

    def edge(self, index: int, box: tuple[float, float, float, float], colour: Colour, *, shade: float = 0.9) -> None:
        """A rectangle on surface `index`: from, to across (-1..1), from, to along the edge (0..1)."""
        if not self._seen[index]:
            return
        a, b = self._profile[index], self._profile[(index + 1) % len(self._profile)]
        left, right, start, stop = box
        low, high = a + (b - a) * start, a + (b - a) * stop
        self._add(
            np.array(
                [
                    [low[0], left * low[2], low[1]],
                    [high[0], left * high[2], high[1]],
                    [high[0], right * high[2], high[1]],
                    [low[0], right * low[2], low[1]],
                ]
            ),
            colour,
            shade=shade,
            own=False,
        )

    def wheels(self, places: list[float], *, radius: float) -> None:
        """Wheels at these places ahead: discs on the visible side, dark blocks seen from the end."""
        half = float(self._profile[:, 2].max())
        end = min(places) if self._eye[0] < 0 else max(places)
        for right in (-half + 0.16, half - 0.16):
            block = np.array(
                [
                    [end, right - 0.12, 0],
                    [end, right + 0.12, 0],
                    [end, right + 0.12, radius],
                    [end, right - 0.12, radius],
                ]
            )
            self._strokes.insert(0, (block, (22, 22, 24), 1.0, True))
        for place in places:
            centre = np.array([place, radius])
            self.side(centre + radius * _CIRCLE, (30, 30, 33), own=True)
            if self.scale * radius > 4.0:
                self.side(centre + 1.16 * radius * _UPPER, (18, 18, 20))  # the wheel arch
                self.side(centre + 0.97 * radius * _CIRCLE, (30, 30, 33))
                self.side(centre + 0.62 * radius * _CIRCLE, (150, 152, 156))
                self.side(centre + 0.34 * radius * _CIRCLE, (84, 86, 90))

    def finish(self) -> None:
        """Put all strokes on the canvas."""
        if not self._strokes:
            return
        canvas, light = self._canvas, self._canvas.light
        pixels = canvas.camera.project(self._pose.place(np.concatenate([stroke[0] for stroke in self._strokes])))
        start = 0
        for points, colour, shade, own in self._strokes:
            outline = pixels[start : start + len(points)]
            start += len(points)
            tone = light.tone(colour, along=self._pose.along, shade=shade)
            if own:
                canvas.fill(outline, tone, self._code)
            else:
                canvas.paint(outline, tone)

    def _add(self, points: np.ndarray, colour: Colour, *, shade: float, own: bool) -> None:
        self._strokes.append((points, colour, shade, own))

    def _side_shade(self) -> float:
        facing = self.visible_side * np.cos(self._pose.heading)
        return float(self._canvas.light.side_shade(facing)) * 1.02
