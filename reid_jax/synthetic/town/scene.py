"""What a camera sees without people: ground, walls, greenery, things that stand about."""

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from reid_jax.synthetic.chance import between, generator
from reid_jax.synthetic.town.camera import Camera, draw_camera
from reid_jax.synthetic.town.switches import Switches

SIZE = (540, 960)  # (height, width) of the scene in pixels


def clouds(
    rng: np.random.Generator, size: tuple[int, int], finest: int = 2, octaves: int = 5
) -> np.ndarray:
    """Noise of several sizes, f32[h w] about 0."""
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        cell = finest * 2**octave
        small = rng.normal(size=(size[0] // cell + 2, size[1] // cell + 2)).astype(np.float32)
        total += cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC) * 0.7 ** (
            octaves - octave
        )
    return total / max(1e-6, float(total.std()))


def _tone(
    rng: np.random.Generator, low: float = 0.15, high: float = 0.75, colour: float = 0.12
) -> np.ndarray:
    """A muted colour."""
    grey = between(rng, (low, high))
    return np.clip(grey * (1 + colour * rng.normal(size=3)), 0.02, 0.98).astype(np.float32)


def horizon(camera: Camera) -> float:
    """The row of the horizon; the camera looks at persons half way."""
    middle = 0.5 * (camera.near + camera.far)
    return SIZE[0] * 0.5 - camera.lens * (camera.height - 0.9) / middle


def _ground(
    rng: np.random.Generator, camera: Camera, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Colours of the ground below the horizon, f32[h w 3]."""
    z = camera.lens * camera.height / np.maximum(row - horizon(camera), 1.0)
    x = (column - SIZE[1] / 2) * z / camera.lens
    turn = rng.random() * math.pi
    u, v = x * math.cos(turn) + z * math.sin(turn), z * math.cos(turn) - x * math.sin(turn)
    base = _tone(rng, 0.35, 0.8, 0.04)
    picture = np.broadcast_to(base, (*SIZE, 3)).copy()
    kind = rng.integers(5)
    if kind in (0, 1):  # tiles or bricks
        step, long = between(rng, (0.12, 0.9)), between(rng, (1, 2.5))
        line = np.floor(v / step)
        a, b = u / (step * long) + 0.5 * (line % 2) * (kind == 1), v / step
        joint = ((a % 1) < 0.06) | ((b % 1) < 0.08)
        table = rng.normal(0, between(rng, (0.02, 0.12)), 997).astype(np.float32)
        number = (np.floor(a).astype(int) * 31 + line.astype(int) * 57) % 997
        picture *= (1 + table[number] - 0.3 * rng.random() * joint)[..., None]
    elif kind == 2:  # lawn
        picture[:] = np.array([0.28, 0.42, 0.2], np.float32) * between(rng, (0.6, 1.4))
    if rng.random() < 0.5:  # a stripe of another ground
        at, wide = between(rng, (-4, 4)), between(rng, (0.5, 4))
        picture[np.abs(u - at) < wide] = _tone(rng, 0.25, 0.8, 0.07)
    if rng.random() < 0.4:
        at = between(rng, (-4, 4))
        picture[np.abs(u - at) < 0.09] = _tone(rng, 0.7, 0.95, 0.1)
    far = np.clip(z / 60, 0, 1)[..., None]
    return picture * (1 - 0.5 * far) + 0.5 * far * 0.6


def _wall(
    rng: np.random.Generator, row: np.ndarray, column: np.ndarray, foot: float, metre: float
) -> np.ndarray:
    """Colours of what stands at the back, f32[h w 3]: its foot in a row, so many pixels a metre."""
    u, v = column / metre, (foot - row) / metre
    base = _tone(rng, 0.06, 0.8, 0.05)
    picture = np.broadcast_to(base, (*SIZE, 3)).copy()
    kind = rng.integers(4)
    if kind == 0:  # windows, doors, shutters
        step, tall = between(rng, (1.0, 4.0)), between(rng, (1.5, 4.0))
        hole = ((u / step) % 1 < between(rng, (0.3, 0.8))) & ((v / tall + 0.2) % 1 < 0.7)
        table = rng.uniform(0.05, 0.5, 97).astype(np.float32)
        glass = table[(np.floor(u / step).astype(int) * 7 + np.floor(v / tall).astype(int)) % 97]
        tint = 1 + 0.1 * rng.normal(size=3).astype(np.float32)
        picture[hole] = glass[hole][:, None] * tint
    elif kind == 1:  # a hedge or trees
        leaves = clouds(rng, SIZE, 3, 5)
        green = np.array([0.2, 0.3, 0.14], np.float32) * between(rng, (0.5, 1.6))
        picture = green * (1 + 0.45 * leaves)[..., None]
    elif kind == 2:  # panels or bars
        step = between(rng, (0.1, 1.5))
        picture *= (1 - between(rng, (0.2, 0.7)) * ((u / step) % 1 < between(rng, (0.1, 0.5))))[
            ..., None
        ]
    else:  # bricks
        line = np.floor(v / 0.2)
        joint = ((v / 0.2) % 1 < 0.15) | ((u / 0.45 + 0.5 * (line % 2)) % 1 < 0.08)
        picture *= (1 + 0.25 * joint)[..., None]
    if rng.random() < 0.5:
        picture[(v > 0) & (v < between(rng, (0.2, 1.0)))] = _tone(rng, 0.1, 0.7, 0.08)
    return picture


def _thing(rng: np.random.Generator, picture: np.ndarray, x: float, y: float, metre: float) -> None:
    """Something that stands on the ground at a place, so many pixels a metre."""
    colour = [float(c) for c in _tone(rng, 0.04, 0.8, 0.15)]
    dark = [0.5 * c for c in colour]
    kind = rng.integers(7)

    def box(left: float, top: float, right: float, low: float, fill: Sequence[float]) -> None:
        a = int(x + left * metre), int(y - top * metre)
        cv2.rectangle(picture, a, (int(x + right * metre), int(y - low * metre)), fill, -1)

    if kind == 0:  # a post
        box(-0.05, between(rng, (0.8, 5)), 0.05, 0, colour)
    elif kind == 1:  # a bin or a box
        wide = between(rng, (0.2, 0.8))
        box(-wide, between(rng, (0.6, 1.6)), wide, 0, colour)
        box(-wide, 0.5, wide * 0.2, 0, dark)
    elif kind == 2:  # a car
        box(-2, 0.9, 2, 0.2, colour)
        box(-1.2, 1.45, 1.2, 0.9, (0.12, 0.13, 0.15))
        for side in (-1.3, 1.3):
            wheel = int(x + side * metre), int(y - 0.3 * metre)
            cv2.circle(picture, wheel, int(0.33 * metre), (0.05,) * 3, -1)
    elif kind in (3, 4):  # bicycles
        for step in range(int(rng.integers(1, 7))):
            _bicycle(picture, x + step * 0.6 * metre, y, metre, colour)
    elif kind == 5:  # a bush
        _bush(rng, picture, x, y, metre)
    else:
        _railing(picture, x, y, metre, between(rng, (1, 5)), colour)


def _bicycle(
    picture: np.ndarray, x: float, y: float, metre: float, colour: Sequence[float]
) -> None:
    thick = max(1, int(0.035 * metre))
    wheels = [(int(x + side * metre), int(y - 0.34 * metre)) for side in (-0.5, 0.5)]
    top = int(x - 0.1 * metre), int(y - 0.9 * metre)
    bar = int(x + 0.35 * metre), int(y - 1.0 * metre)
    for wheel in wheels:
        cv2.circle(picture, wheel, int(0.34 * metre), (0.06,) * 3, thick, cv2.LINE_AA)
        cv2.line(picture, wheel, top, colour, thick, cv2.LINE_AA)
    cv2.line(picture, top, bar, [0.5 * c for c in colour], thick, cv2.LINE_AA)


def _bush(rng: np.random.Generator, picture: np.ndarray, x: float, y: float, metre: float) -> None:
    wide = between(rng, (0.4, 1.5))
    for _ in range(40):
        bright = between(rng, (0.4, 1.5))
        column = int(x + wide * metre * rng.normal() * 0.5)
        row = int(y - abs(rng.normal()) * 0.5 * metre)
        green = (0.16 * bright, 0.28 * bright, 0.1 * bright)
        cv2.circle(picture, (column, row), int(0.15 * metre), green, -1)


def _railing(
    picture: np.ndarray, x: float, y: float, metre: float, long: float, colour: Sequence[float]
) -> None:
    thick, end = max(1, int(0.04 * metre)), x + long * metre
    for up in (0.5, 1.0):
        row = int(y - up * metre)
        cv2.line(picture, (int(x), row), (int(end), row), colour, thick)
    for at in np.arange(x, end, max(1.0, 0.5 * metre)):
        cv2.line(picture, (int(at), int(y)), (int(at), int(y - metre)), colour, thick)


@lru_cache(maxsize=128)
def scene(number: int, switches: Switches) -> np.ndarray:
    """The scene of a camera, uint8 [540 960 3], sRGB."""
    if not switches.places:
        return np.full((*SIZE, 3), 120, np.uint8)
    camera, rng = draw_camera(number, switches), generator("town scene", number)
    row, column = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    picture = _ground(rng, camera, row, column)
    back = camera.far + between(rng, (0.5, 10))
    line = horizon(camera) + camera.lens * camera.height / back
    slope = between(rng, (-0.12, 0.12)) * (column - SIZE[1] / 2)
    wall = row < line + slope
    metre = camera.lens / back
    picture[wall] = _wall(rng, row, column, line, metre)[wall]
    picture *= (1 + between(rng, (0.005, 0.03)) * clouds(rng, SIZE, 1, 4))[..., None]
    dark = np.clip(clouds(rng, SIZE, 16, 3) * 3, -1, 1)  # shadows of what is not in the picture
    picture *= (1 - 0.18 * camera.shade * min(1.0, camera.strength) * (1 + dark))[..., None]
    for z in sorted(
        (between(rng, (camera.near, back)) for _ in range(int(rng.integers(0, 14)))), reverse=True
    ):
        y = horizon(camera) + camera.lens * camera.height / z
        _thing(rng, picture, between(rng, (0, SIZE[1])), y, camera.lens / z)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)
