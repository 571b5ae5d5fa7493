"""What stands behind the people: a wall of the place above the horizon, its ground below."""

from functools import lru_cache

import cv2
import numpy as np

from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.domain import Colour

WALLS: dict[str, tuple[Colour, ...]] = {
    "facade": ((196, 176, 150), (170, 150, 140), (206, 196, 180)),
    "trees": ((168, 196, 216), (182, 202, 210)),
    "wall": ((150, 116, 96), (164, 160, 152), (120, 124, 128)),
    "shops": ((130, 120, 116), (96, 100, 112)),
    "hall": ((206, 204, 196), (178, 182, 186)),
    "platform": ((122, 130, 138), (150, 148, 140)),
    "quay": ((140, 160, 172), (120, 138, 150)),
    "containers": ((120, 124, 130), (104, 108, 112)),
}
GROUNDS: dict[str, Colour] = {
    "paving": (172, 166, 156), "road": (104, 104, 108), "lawn": (108, 138, 78), "tiles": (188, 184, 176),
    "platform": (140, 136, 130), "planks": (132, 108, 84), "wet": (92, 98, 106),
}  # fmt: skip


@lru_cache(maxsize=256)
def backdrop(domain: str, number: int, place: str, ground: str, size: tuple[int, int], horizon: float) -> np.ndarray:
    """The empty scene of a camera, uint8 [*size 3], shared between callers and therefore read-only.

    Args: domain, number: whose camera; place, ground: what it looks at; horizon: share of the height above the ground.
    """
    rng = generator("place", domain, number, place, ground)
    height, width = size
    line = int(height * horizon)
    image = np.empty((height, width, 3), np.uint8)
    wall = WALLS[place][int(rng.random() * len(WALLS[place]))]
    image[:line] = wall
    image[:line] = np.clip(image[:line] * np.linspace(1.1, 0.85, line)[:, None, None], 0, 255).astype(np.uint8)
    _DRAW[place](image[:line], rng, wall)
    below = np.asarray(GROUNDS[ground]) * between(rng, (0.85, 1.1))
    image[line:] = np.clip(below * np.linspace(0.85, 1.08, height - line)[:, None, None], 0, 255).astype(np.uint8)
    _ground(image[line:], ground, rng)
    image[max(line - 2, 0) : line + 1] = (image[max(line - 2, 0) : line + 1] * 0.6).astype(np.uint8)
    mottle = cv2.resize(rng.normal(0, 9, (height // 6 + 1, width // 6 + 1)).astype(np.float32), (width, height))
    image = np.clip(image + mottle[:, :, None], 0, 255).astype(np.uint8)
    image.flags.writeable = False
    return image


def _shaded(colour: Colour, light: float) -> tuple[int, ...]:
    return tuple(int(min(255, c * light)) for c in colour)


def _windows(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    height, width = image.shape[:2]
    step, tall = int(between(rng, (0.4, 0.7)) * height), int(0.42 * height)
    glass = (70, 86, 104) if rng.random() < 0.6 else (52, 54, 62)
    for top in range(int(0.12 * height), height - tall // 2, int(1.5 * tall)):
        for left in range(int(rng.random() * step), width, step):
            cv2.rectangle(image, (left, top), (left + step // 2, top + tall), _shaded(wall, 1.15), 2)
            cv2.rectangle(image, (left + 1, top + 1), (left + step // 2 - 1, top + tall - 1), glass, -1)


def _trees(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    height, width = image.shape[:2]
    for left in range(0, width, int(0.5 * height)):
        x = left + int(rng.random() * 0.3 * height)
        cv2.rectangle(image, (x - 3, height // 2), (x + 3, height), (74, 56, 42), -1)
        for _ in range(7):
            green = _shaded((70, 116, 58), between(rng, (0.6, 1.3)))
            at = x + int(between(rng, (-0.3, 0.3)) * height), int(between(rng, (0.15, 0.65)) * height)
            cv2.circle(image, at, int(between(rng, (0.1, 0.22)) * height), green, -1, cv2.LINE_AA)


def _bricks(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    height, width = image.shape[:2]
    rise, run, dark = max(4, height // 9), max(8, height // 4), _shaded(wall, 0.78)
    for course, top in enumerate(range(0, height, rise)):
        cv2.line(image, (0, top), (width, top), dark, 1)
        for left in range((course % 2) * run // 2, width, run):
            cv2.line(image, (left, top), (left, top + rise), dark, 1)


def _panels(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    """Shop windows, containers, posters: tall coloured panels side by side."""
    height, width = image.shape[:2]
    left = -int(rng.random() * height)
    while left < width:
        wide = int(between(rng, (0.5, 1.1)) * height)
        colour = tuple(int(c) for c in rng.integers(40, 200, 3))
        cv2.rectangle(image, (left, height // 8), (left + wide, height), colour, -1)
        cv2.rectangle(image, (left, height // 8), (left + wide, height), _shaded(colour, 0.6), 2)
        for line in range(left + 6, left + wide - 2, max(5, wide // 8)):
            cv2.line(image, (line, height // 4), (line, height - 4), _shaded(colour, 0.85), 1)
        left += wide + int(rng.random() * 0.2 * height)


def _columns(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    height, width = image.shape[:2]
    step = int(between(rng, (0.7, 1.2)) * height)
    for left in range(int(rng.random() * step), width, step):
        cv2.rectangle(image, (left, 0), (left + step // 4, height), _shaded(wall, 0.72), -1)
        cv2.rectangle(image, (left, 0), (left + step // 16, height), _shaded(wall, 1.1), -1)
    cv2.rectangle(image, (0, height // 6), (width, height // 4), tuple(int(c) for c in rng.integers(40, 180, 3)), -1)


def _sea(image: np.ndarray, rng: np.random.Generator, wall: Colour) -> None:
    height, width = image.shape[:2]
    image[height // 2 :] = _shaded((70, 92, 104), between(rng, (0.8, 1.2)))
    for _ in range(width // 30):
        x, tall = int(rng.random() * width), int(between(rng, (0.3, 0.9)) * height)
        cv2.line(image, (x, height), (x, height - tall), (60, 52, 46), 2)
    for _ in range(width // 12):
        x, y = int(rng.random() * width), int(between(rng, (0.52, 1.0)) * height)
        cv2.line(image, (x, y), (x + 9, y), (150, 164, 172), 1)


_DRAW = {
    "facade": _windows, "trees": _trees, "wall": _bricks, "shops": _panels, "hall": _columns, "platform": _columns,
    "quay": _sea, "containers": _panels,
}  # fmt: skip


def _ground(image: np.ndarray, ground: str, rng: np.random.Generator) -> None:
    """Lines that run away from us and across, closer together towards the horizon."""
    height, width = image.shape[:2]
    if ground in ("lawn", "wet", "road"):
        for _ in range(width // 8):
            x, y = int(rng.random() * width), int(rng.random() * height)
            spot = _shaded(tuple(int(c) for c in image[y, x]), between(rng, (0.8, 1.25)))
            cv2.ellipse(image, (x, y), (max(2, y // 8 + 2), 1 + y // 30), 0, 0, 360, spot, -1)
        return
    dark = _shaded(GROUNDS[ground], 0.75)
    for share in (np.arange(1, 9) / 8) ** 2:
        cv2.line(image, (0, int(share * height)), (width, int(share * height)), dark, 1)
    if ground != "planks":
        for x in range(-width, 2 * width, max(8, width // 9)):
            cv2.line(image, ((x + width // 2) // 2, 0), (x, height), dark, 1)
