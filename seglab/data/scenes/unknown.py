"""Things that no class is for, on the road and beside it: balls, crates, animals, furniture, nets of wire, foam.

They are drawn by a generator of their own, so that everything else of a scene stays as it is without them.
"""

from collections.abc import Callable
from functools import partial
from math import ceil

import cv2
import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.figure import Figure
from seglab.data.scenes.light import Colour, shaded
from seglab.data.scenes.solid import Pose, Solid
from seglab.data.scenes.stage import Stage

_MOST = 3  # in a scene
_NEAR, _FAR = 6.0, 32.0  # metres ahead
_TURN = np.linspace(0.0, 2.0 * np.pi, 25)[:-1]


def plan_unknown(stage: Stage, generator: np.random.Generator) -> None:
    """One to three unknown things on the lanes, the parking rows and the pavements."""
    sides = stage.street.sides
    left, right = -sides[0].walk_end, sides[1].walk_end
    for _ in range(generator.integers(1, _MOST + 1)):
        along = float(np.exp(generator.uniform(np.log(_NEAR), np.log(_FAR))))
        # what the camera sees at this distance, so that hardly any thing lies outside of the picture
        reach = 0.42 * stage.canvas.ids.shape[1] / stage.canvas.camera.scale(along)
        centre = stage.canvas.camera.across
        across = float(generator.uniform(max(left, centre - reach), min(right, centre + reach)))
        size = float(generator.uniform(0.35, 1.5))
        draw = _KINDS[generator.integers(len(_KINDS))]
        stage.shade_disc(across, along, radius=0.5 * size, height=0.6 * size)
        stage.add(along, partial(draw, stage, generator, across=across, along=along, size=size))


def _bright(generator: np.random.Generator) -> Colour:
    """Of a hue that streets seldom have."""
    hue = np.array(
        [[[generator.integers(0, 180), generator.integers(150, 256), generator.integers(140, 250)]]], np.uint8
    )
    red, green, blue = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return float(red), float(green), float(blue)


def _ball(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A ball of stripes, lit from above."""
    figure = Figure(stage.canvas, across=across, along=along, code=ids.UNKNOWN)
    first, second = _bright(generator), _bright(generator)
    radius = size / 2
    figure.disc((0.0, radius), radius, shaded(first, 0.7))
    for stripe in range(4):
        start = stripe * np.pi / 2 + generator.uniform(0.0, 0.5)
        wedge = [(0.0, radius), *((0.95 * radius * np.cos(t), radius + 0.95 * radius * np.sin(t))
                                  for t in np.linspace(start, start + np.pi / 4, 5))]  # fmt: skip
        figure.shape(wedge, second, detail=True)
    figure.disc((-0.3 * radius, 1.4 * radius), 0.22 * radius, shaded(first, 1.8), detail=True)


def _crate(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A crate of cardboard or of bright plastic, turned."""
    half, height = size / 2, size * generator.uniform(0.6, 1.1)
    pose = Pose(across, along, float(generator.uniform(-0.7, 0.7)))
    profile = np.array([(-half, 0.0, half), (-half, height, half), (half, height, half), (half, 0.0, half)])
    colour = (176, 132, 84) if generator.random() < 0.5 else _bright(generator)
    crate = Solid(stage.canvas, pose=pose, profile=profile, code=ids.UNKNOWN)
    crate.body(colour, side=shaded(colour, 0.85))
    for low in (0.15, 0.45, 0.75):
        crate.edge(0, (-0.9, 0.9, low, low + 0.08), shaded(colour, 0.55))
    crate.finish()


def _animal(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A beast with four legs, seen from its side: cow, dog or sheep by its coat."""
    figure = Figure(stage.canvas, across=across, along=along, code=ids.UNKNOWN)
    coat, spots = (((236, 232, 224), (38, 34, 32)), ((122, 82, 46), (90, 58, 34)), ((214, 206, 190), (186, 178, 160)))[
        generator.integers(3)
    ]
    turn = generator.choice([-1.0, 1.0])
    for leg in (-0.5, -0.34, 0.34, 0.5):
        figure.limb([(leg * size, 0.0), (0.95 * leg * size, 0.5 * size)], 0.11 * size, shaded(coat, 0.8))
    body = [(0.62 * size * np.cos(t), 0.62 * size + 0.27 * size * np.sin(t)) for t in _TURN]
    figure.shape(body, coat)
    figure.limb([(0.5 * turn * size, 0.75 * size), (0.75 * turn * size, 0.98 * size)], 0.18 * size, coat)
    figure.disc((0.83 * turn * size, 0.98 * size), 0.16 * size, coat)
    figure.limb([(-0.6 * turn * size, 0.75 * size), (-0.78 * turn * size, 0.5 * size)], 0.05 * size, spots)
    for _ in range(4):
        place = (generator.uniform(-0.4, 0.4) * size, (0.62 + generator.uniform(-0.12, 0.12)) * size)
        figure.disc(place, generator.uniform(0.06, 0.13) * size, spots, detail=True)


def _chair(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A chair, through which the street is seen."""
    figure = Figure(stage.canvas, across=across, along=along, code=ids.UNKNOWN)
    colour = _bright(generator)
    width = 0.5 * size
    for x in (-width, 0.9 * width):
        figure.limb([(x, 0.0), (x, size)], 0.1 * size, shaded(colour, 0.8))
    figure.shape([(-width, 0.42 * size), (width, 0.42 * size), (width, 0.56 * size), (-width, 0.56 * size)], colour)
    for rail in (0.78, 1.0):
        figure.limb([(-width, rail * size), (width, rail * size)], 0.1 * size, colour)


def _patches(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A shape without a name, with a chequered or a spotted surface."""
    outline = size / 2 * (1 + 0.35 * np.sin(generator.integers(2, 6) * _TURN + generator.uniform(0, 6)))
    points = np.stack([outline * np.cos(_TURN), size / 2 + 0.9 * outline * np.sin(_TURN)], axis=1)
    points[:, 1] -= points[:, 1].min()
    figure = Figure(stage.canvas, across=across, along=along, code=ids.UNKNOWN)
    first, second = _bright(generator), _bright(generator)
    figure.shape([tuple(point) for point in points.tolist()], first)
    inside = cv2.pointPolygonTest
    cell = size / 6
    steps = ceil(size / cell)
    contour = points.astype(np.float32)
    for row in range(steps + 1):
        for column in range(-steps, steps + 1):
            x, y = (column + 0.5) * cell, (row + 0.5) * cell
            if (row + column) % 2 == 0 and inside(contour, (x, y), True) > 0.75 * cell:
                square = [(x - cell / 2, y - cell / 2), (x + cell / 2, y - cell / 2),
                          (x + cell / 2, y + cell / 2), (x - cell / 2, y + cell / 2)]  # fmt: skip
                figure.shape(square, second, detail=True)


def _cones(stage: Stage, generator: np.random.Generator, *, across: float, along: float, size: float) -> None:
    """A pyramid of discs that grow smaller, as toys are."""
    figure = Figure(stage.canvas, across=across, along=along, code=ids.UNKNOWN)
    layers = int(generator.integers(3, 6))
    height = 1.1 * size / layers
    for layer in range(layers):
        half = 0.5 * size * (1 - layer / (layers + 1))
        base = layer * height
        figure.shape([(-half, base), (half, base), (0.92 * half, base + height), (-0.92 * half, base + height)],
                     _bright(generator))  # fmt: skip


_KINDS: tuple[Callable[..., None], ...] = (_ball, _crate, _animal, _chair, _patches, _cones)
