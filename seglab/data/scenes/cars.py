"""Passenger cars and vans, parked or driving."""

from dataclasses import dataclass

import numpy as np

from seglab.data.scenes.canvas import Canvas
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.solid import Pose, Solid

_PAINTS = (
    ((168, 172, 178), 0.22), ((40, 42, 46), 0.22), ((92, 96, 102), 0.16), ((222, 224, 224), 0.14),
    ((44, 66, 118), 0.10), ((142, 34, 34), 0.08), ((202, 192, 148), 0.04), ((70, 92, 78), 0.04),
)  # fmt: skip
_GLASS = (44, 51, 60)
_SHEEN = (104, 118, 132)

# Side views: (ahead / length, up / height, half width / half width), clockwise from the lower rear edge.
# The first edge is the tail, the last but one the nose; windows name the edges that are glass.
_SHAPES = {
    "hatchback": (
        (4.0, 1.48, 1.74),
        (
            (-0.5, 0.17, 0.95), (-0.497, 0.60, 0.98), (-0.40, 0.95, 0.74), (0.06, 1.0, 0.74),
            (0.27, 0.66, 0.92), (0.47, 0.54, 0.93), (0.5, 0.17, 0.94),
        ),
        (1, 3),
        ((-0.43, 0.65), (-0.37, 0.92), (0.05, 0.95), (0.22, 0.66)),
    ),
    "estate": (
        (4.6, 1.50, 1.80),
        (
            (-0.5, 0.17, 0.95), (-0.497, 0.58, 0.98), (-0.45, 0.94, 0.76), (0.06, 1.0, 0.75),
            (0.25, 0.65, 0.92), (0.47, 0.52, 0.93), (0.5, 0.17, 0.94),
        ),
        (1, 3),
        ((-0.46, 0.64), (-0.42, 0.91), (0.05, 0.95), (0.20, 0.65)),
    ),
    "saloon": (
        (4.7, 1.45, 1.80),
        (
            (-0.5, 0.17, 0.95), (-0.495, 0.62, 0.97), (-0.34, 0.68, 0.94), (-0.19, 0.97, 0.73),
            (0.05, 1.0, 0.73), (0.24, 0.67, 0.92), (0.47, 0.53, 0.93), (0.5, 0.17, 0.94),
        ),
        (2, 4),
        ((-0.30, 0.68), (-0.17, 0.93), (0.04, 0.95), (0.19, 0.67)),
    ),
    "suv": (
        (4.5, 1.72, 1.88),
        (
            (-0.5, 0.19, 0.95), (-0.497, 0.62, 0.98), (-0.45, 0.96, 0.78), (0.06, 1.0, 0.77),
            (0.24, 0.69, 0.92), (0.47, 0.60, 0.94), (0.5, 0.19, 0.95),
        ),
        (1, 3),
        ((-0.45, 0.68), (-0.41, 0.93), (0.05, 0.95), (0.20, 0.69)),
    ),
    "van": (
        (5.2, 2.25, 1.95),
        (
            (-0.5, 0.13, 0.96), (-0.5, 0.55, 0.98), (-0.485, 0.98, 0.90), (0.22, 1.0, 0.88),
            (0.40, 0.60, 0.93), (0.48, 0.46, 0.93), (0.5, 0.13, 0.95),
        ),
        (1, 3),
        ((0.06, 0.58), (0.06, 0.87), (0.22, 0.87), (0.34, 0.58)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Car:
    """One car to be drawn: a shape by name, its paint, and where it stands."""

    shape: str
    paint: Colour
    pose: Pose

    @property
    def size(self) -> tuple[float, float]:
        """Length and width in metres."""
        length, _, width = _SHAPES[self.shape][0]
        return length, width


def sample_car(generator: np.random.Generator, *, pose: Pose) -> Car:
    """Any car, in the colours seen in German streets."""
    shape = ("hatchback", "estate", "saloon", "suv", "van")[generator.choice(5, p=[0.34, 0.22, 0.18, 0.16, 0.10])]
    paint = _PAINTS[generator.choice(len(_PAINTS), p=[share for _, share in _PAINTS])][0]
    return Car(shape=shape, paint=tuple(np.array(paint) * generator.uniform(0.85, 1.12)), pose=pose)


def draw_car(canvas: Canvas, *, car: Car, code: int) -> None:
    """The car with windows, lights, plate and wheels."""
    (length, height, width), points, windows, pane = _SHAPES[car.shape]
    if not canvas.sees(car.pose.footprint(length, width) + np.array([0.0, height / 2, 0.0])):
        return
    profile = np.array(points) * [length, height, width / 2]
    solid = Solid(canvas, pose=car.pose, profile=profile, code=code)
    colours: list[Colour] = [_GLASS if i in windows else car.paint for i in range(len(points))]
    if car.shape == "van":
        colours[1] = car.paint
    solid.body(colours, side=car.paint)
    if solid.scale > 6.0:
        _draw_side(solid, car=car, length=length, height=height, pane=np.array(pane) * [length, height])
    nose = len(points) - 2
    for edge in windows:
        solid.edge(edge, (-0.88, 0.88, 0.12, 0.9), _GLASS)
        solid.edge(edge, (-0.88, 0.1, 0.62, 0.9) if edge == 1 else (-0.88, 0.88, 0.1, 0.34), _SHEEN, shade=0.85)
    if solid.scale > 9.0:
        _draw_ends(canvas, solid, nose=nose)
    solid.wheels([-0.32 * length, 0.33 * length], radius=0.32 if height < 1.6 else 0.36)
    solid.finish()


def _draw_side(solid: Solid, *, car: Car, length: float, height: float, pane: np.ndarray) -> None:
    low, dark = 0.2 * height, shaded(car.paint, 0.55)
    solid.side(
        np.array(
            [
                [-0.495 * length, low],
                [0.495 * length, low],
                [0.49 * length, 0.3 * height],
                [-0.49 * length, 0.3 * height],
            ]
        ),
        dark,
    )
    bright = shaded(shaded(car.paint, 1.06), 1.14)
    solid.side(np.array([[-0.48, 0.54], [0.44, 0.49], [0.44, 0.54], [-0.48, 0.6]]) * [length, height], bright)
    solid.side(pane, _GLASS)
    upper = pane.copy()
    upper[[0, 3]] = pane[[0, 3]] * 0.45 + pane[[1, 2]] * 0.55
    solid.side(upper, _SHEEN, shade=0.85)
    if solid.scale > 12.0:
        for pillar in (-0.12, -0.36) if car.shape == "estate" else (-0.12,):
            bar = np.array([[-0.012, 0.62], [0.012, 0.62], [0.012, 0.97], [-0.012, 0.97]]) * [length, height]
            solid.side(bar + np.array([pillar * length, 0.0]), shaded(car.paint, 0.8))


def _draw_ends(canvas: Canvas, solid: Solid, *, nose: int) -> None:
    lit = canvas.light.lit_windows > 0.3
    red, white = ((232, 40, 30), (255, 250, 226)) if lit else ((158, 22, 22), (214, 220, 224))
    solid.edge(0, (-1.0, 1.0, 0.0, 0.22), (36, 36, 40))
    solid.edge(nose, (-1.0, 1.0, 0.72, 1.0), (36, 36, 40))
    solid.edge(nose, (-0.5, 0.5, 0.22, 0.58), (28, 29, 32))
    for left, right in ((-0.97, -0.68), (0.68, 0.97)):
        solid.edge(0, (left, right, 0.62, 0.92), red, shade=1.0)
        solid.edge(nose, (left, right, 0.1, 0.36), white, shade=1.0)
    solid.edge(0, (-0.27, 0.27, 0.36, 0.5), (228, 228, 222))
    solid.edge(nose, (-0.27, 0.27, 0.6, 0.72), (228, 228, 222))
