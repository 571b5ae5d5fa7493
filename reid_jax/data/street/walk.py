"""People who walk over the ground, and where a camera sees them: all a function of time, nothing is remembered."""

import math
from typing import NamedTuple

from reid_jax.data.street.camera import Camera
from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.person import Person

CENTRE = 7.0  # metres before the camera, where paths cross
_STEP = 1.5  # metres of one walking cycle


class Walker(NamedTuple):
    """A path over the ground in metres and seconds.

    person: a whole number, unique in a data set; time: when the walker is at (x, z), with the velocity (right, on) and
    the acceleration `turn` along x, which bends the path; phase: radians of the walking cycle at that time.
    """

    person: int
    looks: Person
    time: float
    x: float
    z: float
    right: float
    on: float
    turn: float
    phase: float


class Station(NamedTuple):
    """Where a camera stands (metres) and looks (radians from the z axis towards x)."""

    camera: Camera
    x: float
    z: float
    yaw: float


class Sight(NamedTuple):
    """A walker in a picture: pixel between the feet, body height in pixels, depth in metres, view and phase."""

    walker: Walker
    foot: tuple[float, float]
    tall: float
    depth: float
    view: float
    phase: float


def draw_walker(name: tuple[str, int, str, int], number: int, looks: Person, time: float) -> Walker:
    """Draw the path of the walker called `number` in the video called `name`, near the middle at `time` (seconds)."""
    rng = generator("walk", *name, number)
    side = 1 if rng.random() < 0.5 else -1
    pace = between(rng, (0.8, 1.7))
    x, z = between(rng, (-1.5, 1.5)), between(rng, (-2.2, 2.2)) + CENTRE
    phase = 2 * math.pi * rng.random()
    if rng.random() < 0.6:  # across the picture, slightly on or back
        return Walker(number, looks, time, x, z, side * pace, between(rng, (-0.5, 0.5)) * pace, 0.0, phase)
    # Towards the camera or away from it, on a bend, so that the path leaves the picture at a side.
    away = 1 if rng.random() < 0.5 else -1
    return Walker(number, looks, time, side * abs(x), z, 0.0, away * pace, side * between(rng, (0.5, 0.9)), phase)


def sight(walker: Walker, station: Station, time: float, size: tuple[int, int]) -> Sight | None:
    """Give where a walker is seen at `time` (seconds) in a picture of size (height, width), None if not at all."""
    t = time - walker.time
    right, on = walker.right + walker.turn * t, walker.on
    dx = walker.x + walker.right * t + 0.5 * walker.turn * t * t - station.x
    dz = walker.z + on * t - station.z
    cos, sin = math.cos(station.yaw), math.sin(station.yaw)
    across, depth = dx * cos - dz * sin, dx * sin + dz * cos
    if not 1.0 < depth < 25.0:
        return None
    height, width = size
    focal = station.camera.focal * height
    foot = width / 2 + focal * across / depth, height * station.camera.horizon + focal * station.camera.height / depth
    tall = focal * walker.looks.height / depth
    if not -0.6 * tall < foot[0] < width + 0.6 * tall or foot[1] - 1.1 * tall > height:
        return None
    # The view is the angle between where the walker heads and the way back to the camera.
    view = math.atan2(right * cos - on * sin, -(right * sin + on * cos)) + math.atan2(across, depth)
    phase = walker.phase + 2 * math.pi * math.hypot(walker.right, on) * t / _STEP
    return Sight(walker, foot, tall, depth, view, phase)
