"""What stands along both sides of a street and closes its end: buildings, gardens, woods, walls, fences."""

from functools import partial

import numpy as np

from seglab.data.scenes.barriers import draw_fence, draw_guard_rail, draw_wall
from seglab.data.scenes.facades import draw_building, draw_closing_building, sample_facade
from seglab.data.scenes.plants import draw_bush, draw_green_wall, draw_tree
from seglab.data.scenes.stage import Stage
from seglab.data.scenes.street import Side

_MIXTURES = {
    "downtown": {"building": 0.9, "yard": 0.06, "wood": 0.04},
    "residential": {"garden": 0.68, "building": 0.17, "yard": 0.08, "wood": 0.07},
    "boulevard": {"building": 0.66, "wood": 0.16, "yard": 0.18},
    "outskirts": {"wood": 0.34, "yard": 0.22, "building": 0.08, "garden": 0.12, "open": 0.24},
}


def plan_frontier(stage: Stage) -> None:
    """Fill both sides from the camera to the end of the street, and the end."""
    for side in stage.street.sides:
        _plan_side(stage, side=side)
    _plan_end(stage)


def _plan_side(stage: Stage, *, side: Side) -> None:
    generator, street = stage.generator, stage.street
    mixture = _MIXTURES[street.kind]
    planners = {
        "building": _plan_building,
        "garden": _plan_garden,
        "wood": _plan_wood,
        "yard": _plan_yard,
        "open": _plan_open,
    }
    near = generator.uniform(-4.0, 3.0)
    while near < street.end:
        if street.crosses(near, margin=0.5):
            assert street.crossing is not None
            near = street.crossing + street.crossing_width + 1.0
        far = near + generator.uniform(9.0, 21.0) * (1.0 + near / 120.0)
        if street.crossing is not None and near < street.crossing < far + 3.0:
            far = street.crossing - 0.5
        if far - near > 2.0 and far > 4.0:
            kind = generator.choice(list(mixture), p=list(mixture.values()))
            planners[kind](stage, side=side, along=(max(near, 2.5), far))
        near = max(far, near + 1.0)


def _sample_floors(stage: Stage) -> int:
    return max(stage.street.floors + int(stage.generator.integers(-1, 2)), 2)


def _plan_building(stage: Stage, *, side: Side, along: tuple[float, float]) -> None:
    generator = stage.generator
    facade = sample_facade(generator, house=stage.street.kind == "residential")
    low = stage.street.kind in ("residential", "outskirts")
    floors = min(_sample_floors(stage), 3 if low else 7)
    across = side.sign * (side.frontier + generator.choice([0.0, 0.0, 0.4, 1.5]))
    stage.shade_row(across, along, height=floors * facade.floor)
    stage.add(
        along[1],
        partial(
            draw_building,
            stage.canvas,
            generator,
            across=across,
            along=along,
            floors=floors,
            facade=facade,
            pitched=bool(generator.random() < (0.8 if low else 0.35)),
        ),
    )


def _plan_garden(stage: Stage, *, side: Side, along: tuple[float, float]) -> None:
    """A house behind a front garden with a hedge, a fence or a low wall."""
    generator = stage.generator
    near, far = along
    back = side.frontier + generator.uniform(3.5, 7.0)
    facade = sample_facade(generator, house=True)
    house = (near + generator.uniform(0.5, 2.5), far - generator.uniform(0.5, 3.0))
    if house[1] - house[0] > 4.0:
        building = partial(draw_building, stage.canvas, generator, facade=facade, pitched=True)
        stage.add(far + 0.6, partial(building, across=side.sign * back, along=house, floors=2))
    for _ in range(generator.integers(0, 4)):
        place = generator.uniform(near, far)
        across = side.sign * generator.uniform(side.frontier + 0.8, back)
        tree = generator.random() < 0.45
        draw = partial(draw_tree if tree else draw_bush, stage.canvas, generator, across=across, along=place)
        height = generator.uniform(4.0, 8.0) if tree else generator.uniform(0.8, 2.0)
        # Behind the hedge (depth far), before the house (far + 0.6).
        depth = far + 0.1 + 0.4 * (place - near) / (far - near)
        stage.add(depth, partial(draw, height=height, leaf=stage.street.leaf))
    _add_barrier(stage, across=side.sign * side.frontier, along=along, kinds=("hedge", "fence", "wall", "none"))


def _add_barrier(stage: Stage, *, across: float, along: tuple[float, float], kinds: tuple[str, ...]) -> None:
    generator = stage.generator
    kind = kinds[generator.integers(len(kinds))]
    near, far = along
    if kind == "hedge":
        hedge = partial(draw_green_wall, stage.canvas, generator, near=(across, near), far=(across, far))
        stage.add(far, partial(hedge, height=generator.uniform(0.9, 2.1), leaf=stage.street.leaf))
    elif kind == "none":
        return
    else:
        draw = draw_fence if kind == "fence" else draw_wall
        height = generator.uniform(1.0, 1.9) if kind == "fence" else generator.uniform(0.8, 2.4)
        stage.shade_row(across, along, height=height)
        stage.add(far, partial(draw, stage.canvas, generator, across=across, along=along, height=height))


def _plan_wood(stage: Stage, *, side: Side, along: tuple[float, float]) -> None:
    """Trees standing close, sometimes behind a fence."""
    generator = stage.generator
    near, far = along
    across = side.sign * (side.frontier + generator.uniform(1.0, 3.0))
    height = generator.uniform(4.0, 10.0)
    stage.shade_row(across, along, height=height)
    wood = partial(draw_green_wall, stage.canvas, generator, near=(across, near), far=(across, far))
    stage.add(far + 0.5, partial(wood, height=height, leaf=stage.street.leaf))
    for place in np.arange(near, far, 6.0):
        tree = partial(
            draw_tree, stage.canvas, generator, height=height * generator.uniform(0.9, 1.5), leaf=stage.street.leaf
        )
        stage.add(far + 0.4 - 0.01 * (far - place), partial(tree, across=across - side.sign * 0.5, along=float(place)))
    _add_barrier(stage, across=side.sign * side.frontier, along=along, kinds=("none", "fence", "none", "wall"))


def _plan_yard(stage: Stage, *, side: Side, along: tuple[float, float]) -> None:
    """A high wall or a fence before trees or a building that stands back."""
    generator = stage.generator
    near, far = along
    back = side.sign * (side.frontier + generator.uniform(3.0, 8.0))
    if generator.random() < 0.5:
        facade = sample_facade(generator, house=False)
        draw = partial(
            draw_building, stage.canvas, generator, facade=facade, pitched=False, floors=min(_sample_floors(stage), 4)
        )
        stage.add(far + 0.6, partial(draw, across=back, along=along))
    else:
        wood = partial(draw_green_wall, stage.canvas, generator, near=(back, near), far=(back, far))
        stage.add(far + 0.6, partial(wood, height=generator.uniform(3.0, 7.0), leaf=stage.street.leaf))
    across = side.sign * side.frontier
    if generator.random() < 0.5:
        height = generator.uniform(1.8, 3.2)
        stage.shade_row(across, along, height=height)
        stage.add(far, partial(draw_wall, stage.canvas, generator, across=across, along=along, height=height))
    else:
        height = generator.uniform(1.6, 2.4)
        stage.add(far, partial(draw_fence, stage.canvas, generator, across=across, along=along, height=height))


def _plan_open(stage: Stage, *, side: Side, along: tuple[float, float]) -> None:
    """Grass with bushes, a row of trees far back, sometimes a guard rail at the road."""
    generator = stage.generator
    near, far = along
    if generator.random() < 0.5:
        rail = partial(draw_guard_rail, stage.canvas, across=side.sign * (side.kerb + 0.6), along=along)
        stage.add(far, rail)
    across = side.sign * (side.frontier + generator.uniform(8.0, 20.0))
    wood = partial(draw_green_wall, stage.canvas, generator, near=(across, near), far=(across, far + 4.0))
    stage.add(far + 0.5, partial(wood, height=generator.uniform(2.0, 7.0), leaf=stage.street.leaf))
    for _ in range(generator.integers(0, 3)):
        bush = partial(draw_bush, stage.canvas, generator, height=generator.uniform(0.6, 1.8), leaf=stage.street.leaf)
        place = generator.uniform(near, far)
        stage.add(
            far + 0.1, partial(bush, across=side.sign * (side.frontier + generator.uniform(0.0, 5.0)), along=place)
        )


def _plan_end(stage: Stage) -> None:
    generator, street = stage.generator, stage.street
    end = street.end
    if street.kind in ("downtown", "boulevard") and generator.random() < 0.75:
        start = -60.0
        while start < 60.0:
            stop = start + generator.uniform(14.0, 30.0)
            floors = int(generator.integers(2, 6))
            closing = partial(draw_closing_building, stage.canvas, generator, span=(start, stop), along=end + 2.0)
            stage.add(end + 2.0, partial(closing, floors=floors))
            start = stop
    else:
        wood = partial(draw_green_wall, stage.canvas, generator, near=(-90.0, end + 2.0), far=(90.0, end + 2.1))
        stage.add(end + 2.0, partial(wood, height=generator.uniform(4.0, 12.0), leaf=street.leaf))
