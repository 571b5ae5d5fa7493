"""Paths of persons over the ground, and where a camera sees them, as functions of time."""

import math
from typing import NamedTuple

from reid_jax.synthetic.camera import Camera
from reid_jax.synthetic.chance import between, generator
from reid_jax.synthetic.person import Person

CENTRE = 7.0  # metres in front of the camera, where paths cross
_STEP = 1.5  # metres walked in one walking cycle


class Walker(NamedTuple):
    """A person and the path over the ground, in metres and seconds.

    Attributes:
        person: the number of the person, unique in a data set.
        looks: the appearance.
        time: when the walker is at (x, z).
        x: position to the right.
        z: position away from the camera.
        right: velocity along x at `time`.
        on: velocity along z.
        turn: acceleration along x, which bends the path.
        phase: radians of the walking cycle at `time`.
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
    """A camera and its position.

    Attributes:
        camera: the camera.
        x: metres.
        z: metres.
        yaw: direction of the view, radians from the z axis towards x.
    """

    camera: Camera
    x: float
    z: float
    yaw: float


class Sight(NamedTuple):
    """A walker as seen in a picture.

    Attributes:
        walker: the walker.
        foot: (x, y) of the pixel between the feet.
        tall: body height in pixels.
        depth: metres from the camera.
        view: radians, 0 from the front.
        phase: radians of the walking cycle.
    """

    walker: Walker
    foot: tuple[float, float]
    tall: float
    depth: float
    view: float
    phase: float


def draw_walker(name: tuple[str, int, str, int], number: int, looks: Person, time: float) -> Walker:
    """Draw the path of a walker.

    Args:
        name: of the video.
        number: of the person.
        looks: its appearance.
        time: seconds, when it is near the middle of the scene.

    Returns:
        The walker.
    """
    rng = generator("walk", *name, number)
    side = 1 if rng.random() < 0.5 else -1
    pace = between(rng, (0.8, 1.7))
    x, z = between(rng, (-1.5, 1.5)), between(rng, (-2.2, 2.2)) + CENTRE
    phase = 2 * math.pi * rng.random()
    if rng.random() < 0.6:  # across the picture, with a slight change of depth
        on = between(rng, (-0.5, 0.5)) * pace
        return Walker(number, looks, time, x, z, side * pace, on, 0.0, phase)
    # Towards the camera or away from it, on a bend, so that the path leaves the picture at a side.
    away = 1 if rng.random() < 0.5 else -1
    turn = side * between(rng, (0.5, 0.9))
    return Walker(number, looks, time, side * abs(x), z, 0.0, away * pace, turn, phase)


def sight(walker: Walker, station: Station, time: float, size: tuple[int, int]) -> Sight | None:
    """Project a walker into a picture.

    Args:
        walker: the walker.
        station: the camera.
        time: seconds.
        size: (height, width) of the picture in pixels.

    Returns:
        The walker in the picture, None if outside.
    """
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
    foot = (
        width / 2 + focal * across / depth,
        height * station.camera.horizon + focal * station.camera.height / depth,
    )
    tall = focal * walker.looks.height / depth
    if not -0.6 * tall < foot[0] < width + 0.6 * tall or foot[1] - 1.1 * tall > height:
        return None
    # The view is the angle between the walker's heading and the direction to the camera.
    view = math.atan2(right * cos - on * sin, -(right * sin + on * cos)) + math.atan2(across, depth)
    phase = walker.phase + 2 * math.pi * math.hypot(walker.right, on) * t / _STEP
    return Sight(walker, foot, tall, depth, view, phase)
