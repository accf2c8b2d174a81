"""What moves or may move: cars, heavy vehicles, cyclists, motorcyclists, people on foot."""

from functools import partial

import numpy as np

from seglab.data.scenes import ids
from seglab.data.scenes.cars import draw_car, sample_car
from seglab.data.scenes.heavy import SIZES, draw_bus, draw_caravan, draw_trailer, draw_train, draw_truck
from seglab.data.scenes.people import draw_person
from seglab.data.scenes.riders import draw_bicycle, draw_motorcycle
from seglab.data.scenes.solid import Pose
from seglab.data.scenes.stage import Stage
from seglab.data.scenes.street import Side

_HEAVY = {"truck": (ids.TRUCK, draw_truck, 3.7), "bus": (ids.BUS, draw_bus, 3.1), "train": (ids.TRAIN, draw_train, 3.4)}
_FAR = 110.0  # metres


def plan_traffic(stage: Stage) -> None:
    """All vehicles and people of the scene."""
    generator, street = stage.generator, stage.street
    density = generator.uniform(0.15, 0.85)
    for across, way in street.lanes:
        _plan_lane(stage, across=across, way=way, density=density)
    for side in street.sides:
        _plan_parked(stage, side=side)
        _plan_walkers(stage, side=side)
    if street.tracks is not None and generator.random() < 0.55:
        along = float(generator.uniform(24.0, 48.0))
        _add_heavy(stage, "train", Pose(street.tracks, along, generator.choice([0.0, np.pi])))
    if street.crossing is not None:
        _plan_crossing_traffic(stage, crossing=street.crossing)
    _plan_riders(stage)


def _add_car(stage: Stage, pose: Pose) -> float:
    car = sample_car(stage.generator, pose=pose)
    length, width = car.size
    _shade(stage, pose, length=length, width=width, height=1.2)
    code = stage.canvas.new_instance(ids.CAR)
    stage.add(_nearest(pose, length, width), partial(draw_car, stage.canvas, car=car, code=code))
    return length


def _add_heavy(stage: Stage, kind: str, pose: Pose) -> float:
    label, draw, height = _HEAVY[kind]
    length, width = SIZES[kind]
    _shade(stage, pose, length=length, width=width, height=height)
    code = stage.canvas.new_instance(label)
    stage.add(_nearest(pose, length, width), partial(draw, stage.canvas, stage.generator, pose=pose, code=code))
    return length


def _shade(stage: Stage, pose: Pose, *, length: float, width: float, height: float) -> None:
    stage.shade_box(pose.footprint(length, width), height=height)


def _nearest(pose: Pose, length: float, width: float) -> float:
    return float(pose.footprint(length, width)[:, 2].min())


def _plan_lane(stage: Stage, *, across: float, way: int, density: float) -> None:
    generator, street = stage.generator, stage.street
    own_lane = abs(across - stage.canvas.camera.across) < 1.2
    heading = 0.0 if way == 1 else np.pi
    along = generator.uniform(10.0, 30.0) if own_lane else generator.uniform(7.0, 26.0)
    while along < _FAR:
        if generator.random() < density:
            kind = ("car", "truck", "bus", "motorcycle")[
                generator.choice(
                    4, p=[0.91, 0.032, 0.03, 0.028] if street.kind != "residential" else [0.955, 0.02, 0.0, 0.025]
                )
            ]
            pose = Pose(across + generator.normal(0, 0.18), along, heading + generator.normal(0, 0.02))
            if kind == "motorcycle":
                _add_motorcyclist(stage, pose, turned=generator.uniform(0.1, 0.4))
                length = 2.0
            elif kind == "car":
                length = _add_car(stage, pose)
            else:
                length = SIZES[kind][0]
                _add_heavy(stage, kind, Pose(pose.across, along + max(0.0, 4.0 + length / 2 - along / 4), pose.heading))
            along += length + 4.0
        along += generator.uniform(3.0, 26.0)


def _plan_parked(stage: Stage, *, side: Side) -> None:
    generator = stage.generator
    if side.kerb - side.lane_edge < 1.5:
        return
    across = side.sign * (side.lane_edge + side.kerb) / 2
    filled = generator.uniform(0.4, 0.95)
    along = generator.uniform(6.0, 13.0)
    while along < 90.0:
        pose = Pose(across, along + 2.4, generator.normal(0, 0.025) + (np.pi if generator.random() < 0.25 else 0.0))
        if stage.street.crosses(along + 2.0, margin=5.0) or generator.random() > filled:
            along += 6.0
        elif generator.random() < 0.02:
            along += _add_parked_odd(stage, pose) + 1.5
        else:
            along += _add_car(stage, pose) + generator.uniform(0.8, 1.8)


def _add_parked_odd(stage: Stage, pose: Pose) -> float:
    """A caravan, a trailer, or a delivery truck in a row of parked cars."""
    kind = ("caravan", "trailer", "truck")[stage.generator.integers(3)]
    length, width = SIZES[kind]
    pose = Pose(pose.across, pose.along + length / 2, 0.0)
    if kind == "truck":
        return _add_heavy(stage, kind, pose)
    draw, label = (draw_caravan, ids.CARAVAN) if kind == "caravan" else (draw_trailer, ids.TRAILER)
    _shade(stage, pose, length=length, width=width, height=2.0)
    code = stage.canvas.new_instance(label)
    stage.add(_nearest(pose, length, width), partial(draw, stage.canvas, pose=pose, code=code))
    return length


def _plan_crossing_traffic(stage: Stage, *, crossing: float) -> None:
    generator, street = stage.generator, stage.street
    if generator.random() < 0.4:
        right = generator.random() < 0.5
        lane = crossing + street.crossing_width * (0.28 if right else 0.72)
        pose = Pose(generator.uniform(-9.0, 9.0), lane, np.pi / 2 if right else -np.pi / 2)
        heavy = generator.random()
        if heavy < 0.06 and crossing > 18.0:
            _add_heavy(stage, "bus" if heavy < 0.03 else "truck", pose)
        else:
            _add_car(stage, pose)
    for _ in range(generator.poisson(0.9)):
        across = generator.uniform(-street.left.kerb, street.right.kerb)
        _add_person(stage, across=across, along=crossing - generator.uniform(1.8, 4.2), code=None)


def _plan_walkers(stage: Stage, *, side: Side) -> None:
    generator, street = stage.generator, stage.street
    walk = side.walk_end - side.kerb
    if walk < 1.0:
        return
    crowd = {"downtown": 5.5, "residential": 1.5, "boulevard": 3.8, "outskirts": 0.4}[street.kind]
    for _ in range(generator.poisson(crowd * generator.uniform(0.2, 1.6))):
        along = 6.5 + 55.0 * generator.random() ** 1.8
        across = side.sign * (side.kerb + generator.uniform(0.7, max(walk - 0.3, 0.8)))
        _add_person(stage, across=across, along=along, code=None)
        if generator.random() < 0.3:
            _add_person(stage, across=across + 0.55, along=along + generator.uniform(-0.2, 0.2), code=None)
    if generator.random() < 0.08 and street.kind != "outskirts":  # people too close to tell apart: one group
        along = generator.uniform(22.0, 45.0)
        for i in range(generator.integers(4, 9)):
            across = side.sign * (side.kerb + 0.8 + 0.3 * i)
            _add_person(stage, across=across, along=along + generator.uniform(-0.6, 0.6), code=ids.PERSON)


def _add_person(stage: Stage, *, across: float, along: float, code: int | None) -> None:
    stage.shade_disc(across, along, radius=0.3, height=1.0)
    person = partial(draw_person, stage.canvas, stage.generator, across=float(across), along=float(along))
    stage.add(along, partial(person, code=stage.canvas.new_instance(ids.PERSON) if code is None else code))


def _plan_riders(stage: Stage) -> None:
    generator, street = stage.generator, stage.street
    for _ in range(generator.poisson(0.38 if street.kind != "outskirts" else 0.2)):
        side = street.sides[generator.integers(2)]
        across = side.sign * (side.lane_edge - 0.6 if generator.random() < 0.6 else side.kerb + 0.9)
        _add_cyclist(stage, across=across, along=generator.uniform(9.0, 36.0), turned=generator.uniform(0.15, 0.7))
    if street.crossing is not None and generator.random() < 0.2:
        across = generator.uniform(-street.left.kerb, street.right.kerb)
        _add_cyclist(stage, across=across, along=street.crossing + generator.uniform(0.5, 2.5), turned=1.0)
    if street.crossing is not None and generator.random() < 0.08:
        pose = Pose(generator.uniform(-5.0, 5.0), street.crossing + 2.0, np.pi / 2)
        _add_motorcyclist(stage, pose, turned=1.0)


def _add_cyclist(stage: Stage, *, across: float, along: float, turned: float) -> None:
    canvas = stage.canvas
    stage.shade_disc(across, along, radius=0.45, height=0.8)
    bicycle, rider = canvas.new_instance(ids.BICYCLE), canvas.new_instance(ids.RIDER)
    draw = partial(draw_bicycle, canvas, stage.generator, across=float(across), along=float(along), code=bicycle)
    stage.add(along, partial(draw, rider=rider, turned=float(turned)))


def _add_motorcyclist(stage: Stage, pose: Pose, *, turned: float) -> None:
    canvas = stage.canvas
    stage.shade_disc(pose.across, pose.along, radius=0.6, height=0.8)
    bike, rider = canvas.new_instance(ids.MOTORCYCLE), canvas.new_instance(ids.RIDER)
    draw = partial(
        draw_motorcycle, canvas, stage.generator, across=float(pose.across), along=float(pose.along), code=bike
    )
    stage.add(pose.along, partial(draw, rider=rider, turned=float(turned)))
