"""What stands on the pavements: lamps, signs, traffic lights, trees, bins, parked bicycles."""

from functools import partial

import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.furniture import (
    draw_bollard,
    draw_direction_board,
    draw_dynamic,
    draw_lamp,
    draw_sign,
    draw_static,
    draw_traffic_light,
    draw_wires,
)
from seglab.data.scenes.plants import draw_tree
from seglab.data.scenes.riders import draw_bicycle, draw_motorcycle
from seglab.data.scenes.stage import Stage
from seglab.data.scenes.street import Side


def plan_roadside(stage: Stage) -> None:
    """Everything that stands between the kerbs and the frontiers, on both sides."""
    for side in stage.street.sides:
        _plan_lamps_and_signs(stage, side=side)
        _plan_trees(stage, side=side)
        _plan_small_things(stage, side=side)
        _plan_parked_cycles(stage, side=side)
        if stage.street.crossing is not None:
            _plan_traffic_lights(stage, side=side, crossing=stage.street.crossing)
    if stage.street.tracks is not None:
        wires = partial(draw_wires, stage.canvas, across=stage.street.tracks, street_end=stage.street.end)
        stage.add(6.0, wires)


def _plan_lamps_and_signs(stage: Stage, *, side: Side) -> None:
    canvas, generator = stage.canvas, stage.generator
    across = side.sign * (side.kerb + 0.5)
    tall = bool(generator.random() < (0.8 if stage.street.kind != "residential" else 0.4))
    if generator.random() < 0.75:
        for along in np.arange(generator.uniform(6.0, 26.0), 110.0, generator.uniform(22.0, 34.0)):
            if not stage.street.crosses(along):
                stage.add(along, partial(draw_lamp, canvas, generator, across=across, along=float(along), tall=tall))
    for along in np.cumsum(generator.uniform(9.0, 30.0, 5)):
        if generator.random() < 0.62 and not stage.street.crosses(along):
            place = across + side.sign * generator.uniform(-0.1, 0.5)
            stage.add(along, partial(draw_sign, canvas, generator, across=place, along=float(along)))
    if generator.random() < 0.14:
        along = float(generator.uniform(14.0, 40.0))
        board = partial(draw_direction_board, canvas, generator, across=side.sign * (side.kerb + 1.6), along=along)
        stage.add(along, board)


def _plan_traffic_lights(stage: Stage, *, side: Side, crossing: float) -> None:
    generator = stage.generator
    if generator.random() < 0.3:
        return
    arm = float(generator.uniform(2.5, 4.5)) if generator.random() < 0.35 else 0.0
    across = side.sign * (side.kerb + 0.4)
    before, behind = crossing - 1.5, crossing + stage.street.crossing_width + 1.0
    for along, seen in ((before, side.sign > 0), (behind, generator.random() < 0.6)):
        draw = partial(draw_traffic_light, stage.canvas, generator, across=across, along=float(along), arm=arm)
        stage.add(along, partial(draw, facing=bool(seen)))


def _plan_trees(stage: Stage, *, side: Side) -> None:
    generator, street = stage.generator, stage.street
    chance = {"downtown": 0.48, "residential": 0.55, "boulevard": 0.9, "outskirts": 0.35}[street.kind]
    if generator.random() > chance:
        return
    room = side.frontier - side.kerb
    across = side.sign * (side.kerb + min(1.3, 0.5 * room))
    height = generator.uniform(6.5, 13.0)
    for along in np.arange(generator.uniform(9.0, 20.0), street.end, generator.uniform(8.0, 15.0)):
        if street.crosses(along, margin=2.0) or generator.random() < 0.15:
            continue
        own = height * generator.uniform(0.8, 1.2)
        stage.shade_disc(across, along, radius=0.3 * own, height=0.6 * own)
        tree = partial(draw_tree, stage.canvas, generator, height=own, leaf=street.leaf)
        stage.add(along, partial(tree, across=across + generator.normal(0, 0.15), along=float(along)))


def _plan_small_things(stage: Stage, *, side: Side) -> None:
    generator = stage.generator
    walk = side.walk_end - side.kerb
    if walk < 1.0:
        return
    for _ in range(generator.integers(0, 3)):
        along = float(generator.uniform(8.0, 45.0))
        across = side.sign * (side.walk_end - 0.5)
        draw = draw_static if generator.random() < 0.7 else draw_dynamic
        stage.shade_disc(across, along, radius=0.5, height=0.6)
        stage.add(along, partial(draw, stage.canvas, generator, across=across, along=along))
    if generator.random() < 0.18:
        for along in np.arange(generator.uniform(7.0, 20.0), 45.0, 2.6):
            bollard = partial(draw_bollard, stage.canvas, generator, across=side.sign * (side.kerb + 0.35))
            stage.add(along, partial(bollard, along=float(along)))


def _plan_parked_cycles(stage: Stage, *, side: Side) -> None:
    """A rack of bicycles (one group with a bare id, or each on its own), sometimes a parked motorcycle."""
    canvas, generator = stage.canvas, stage.generator
    busy = stage.street.kind in ("downtown", "boulevard")
    if side.walk_end - side.kerb > 1.5 and generator.random() < (0.5 if busy else 0.22):
        start = float(generator.uniform(7.0, 26.0))
        group = bool(generator.random() < 0.2)
        for i in range(generator.integers(1, 6)):
            along, across = start + 0.8 * i, side.sign * (side.walk_end - 0.9)
            code = ids.BICYCLE if group else canvas.new_instance(ids.BICYCLE)
            bicycle = partial(draw_bicycle, canvas, generator, across=across, along=along, code=code, rider=None)
            stage.add(along, partial(bicycle, turned=float(generator.uniform(0.75, 1.0))))
    if generator.random() < (0.11 if busy else 0.05):
        along = float(generator.uniform(8.0, 28.0))
        stage.shade_disc(side.sign * (side.kerb + 0.7), along, radius=0.7, height=0.5)
        motorcycle = partial(
            draw_motorcycle,
            canvas,
            generator,
            across=side.sign * (side.kerb + 0.7),
            along=along,
            code=canvas.new_instance(ids.MOTORCYCLE),
            rider=None,
        )
        stage.add(along, partial(motorcycle, turned=float(generator.uniform(0.7, 1.0))))
