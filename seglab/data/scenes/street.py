"""The plan of a street: its kind, its cross-section, and what camera looks along it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from seglab.data.scenes.canvas import Camera

Kind = Literal["downtown", "residential", "boulevard", "outskirts"]
LANE = 3.3  # metres


@dataclass(frozen=True)
class Side:
    """One side of a street: distances in metres from the centre line, growing outwards; sign is -1 left, 1 right."""

    sign: int
    lane_edge: float
    kerb: float  # beyond lane_edge lies a row of parked cars, if there is room
    walk_end: float
    frontier: float  # beyond walk_end a verge; here stand the buildings
    parking_marked: bool


@dataclass(frozen=True)
class Street:
    """A street seen from its right half; lanes are (across, direction) with direction 1 = away from the camera."""

    kind: Kind
    left: Side
    right: Side
    lanes: tuple[tuple[float, int], ...]
    crossing: float | None  # metres to the street that crosses, if any
    crossing_width: float
    tracks: float | None  # where a tram line runs, across
    end: float  # metres to what closes the view
    floors: int  # of most buildings
    leaf: tuple[float, float, float]  # the season's green

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.left, self.right

    def crosses(self, along: float, *, margin: float = 0.0) -> bool:
        """Whether this distance lies on the crossing street."""
        if self.crossing is None:
            return False
        return self.crossing - margin < along < self.crossing + self.crossing_width + margin


def _sample_side(generator: np.random.Generator, *, sign: int, lane_edge: float, kind: Kind) -> Side:
    parking = {"downtown": 0.6, "residential": 0.75, "boulevard": 0.5, "outskirts": 0.15}[kind]
    kerb = lane_edge + (2.3 if generator.random() < parking else 0.25)
    walk, verge = {
        "downtown": (generator.uniform(2.8, 6.0), 0.0),
        "residential": (generator.uniform(1.6, 2.8), generator.choice([0.0, 1.2])),
        "boulevard": (generator.uniform(3.0, 5.5), generator.choice([0.0, 2.0, 4.0])),
        "outskirts": (generator.choice([0.0, 1.8, 2.4]), generator.uniform(2.0, 6.0)),
    }[kind]
    return Side(
        sign=sign,
        lane_edge=lane_edge,
        kerb=kerb,
        walk_end=kerb + walk,
        frontier=kerb + walk + verge,
        parking_marked=bool(kerb - lane_edge > 1.0 and generator.random() < 0.3),
    )


def sample_street(generator: np.random.Generator) -> Street:
    """A street of some kind, with lanes, sides, crossings and a season."""
    kind: Kind = ("downtown", "residential", "boulevard", "outskirts")[generator.choice(4, p=[0.38, 0.26, 0.2, 0.16])]
    per_way = 2 if kind == "boulevard" or (kind != "residential" and generator.random() < 0.25) else 1
    tracks = generator.random() < {"downtown": 0.25, "residential": 0.06, "boulevard": 0.35, "outskirts": 0.15}[kind]
    middle = 1.7 if tracks else 0.0  # trams run between the two ways
    right_lanes = [(middle + LANE * (i + 0.5), 1) for i in range(per_way)]
    left_lanes = [(-middle - LANE * (i + 0.5), -1) for i in range(per_way)]
    edge = middle + LANE * per_way
    crossing = generator.uniform(14.0, 60.0) if generator.random() < 0.55 else None
    return Street(
        kind=kind,
        left=_sample_side(generator, sign=-1, lane_edge=edge, kind=kind),
        right=_sample_side(generator, sign=1, lane_edge=edge, kind=kind),
        lanes=tuple(left_lanes + right_lanes),
        crossing=crossing,
        crossing_width=generator.uniform(6.5, 11.0),
        tracks=0.0 if tracks else None,
        end=generator.uniform(90.0, 220.0),
        floors=int(generator.integers(3, 7)),
        leaf=((88, 118, 52), (70, 98, 48), (112, 132, 58), (150, 128, 52), (60, 88, 52))[
            generator.choice(5, p=[0.34, 0.26, 0.18, 0.08, 0.14])
        ],
    )


def sample_camera(generator: np.random.Generator, *, street: Street, height: int, width: int) -> Camera:
    """A camera behind the windscreen of a car in one of the right lanes; height and width in pixels."""
    lane = generator.choice([across for across, way in street.lanes if way == 1])
    turn = generator.normal(0.0, 0.03)
    bend = 0.0 if generator.random() < 0.5 else generator.normal(0.0, 0.0012)
    return Camera(
        focal=width * generator.uniform(0.92, 1.15),
        horizon=height * generator.uniform(0.36, 0.45),
        centre=width * (0.5 + turn),
        height=generator.uniform(1.2, 1.5),
        across=float(lane + generator.normal(0.0, 0.25)),
        bend=float(bend),
    )
