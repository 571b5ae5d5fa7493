"""Backdrops: the upper part of a background, from house fronts to container stacks."""

import cv2
import numpy as np

from reid_jax.synthetic.chance import between, pick
from reid_jax.synthetic.domain import Colour


def _box(
    image: np.ndarray,
    left: float,
    top: float,
    right: float,
    bottom: float,
    colour: Colour | np.ndarray,
) -> None:
    """Fill a rectangle."""
    corners = (int(left), int(top)), (int(right), int(bottom))
    cv2.rectangle(image, *corners, tuple(map(int, colour)), -1)


def _sky(rng: np.random.Generator, image: np.ndarray, colours: tuple[Colour, ...]) -> None:
    """Fill the image with a colour that fades to a lighter one below."""
    top = np.array(pick(rng, colours), np.float32)
    fade = np.linspace(0, 1, image.shape[0])[:, None, None]
    image[:] = (top * (1 - fade) + np.minimum(top + 45, 255) * fade).astype(np.uint8)


def _facade(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a house front: rows of windows, some lit, and a door."""
    h, w = image.shape[:2]
    wall = np.array(
        pick(
            rng, ((196, 160, 120), (170, 172, 176), (158, 92, 76), (214, 204, 180), (120, 132, 140))
        )
    )
    image[:] = wall
    wide, tall = w / rng.integers(7, 14), h / rng.integers(2, 4)
    for top in np.arange(0, h - 0.6 * tall, tall):
        for left in np.arange(-0.3 * wide, w, wide):
            glass = pick(rng, ((62, 76, 94), (84, 104, 126), (236, 212, 150), (48, 54, 66)))
            sides = left + 0.22 * wide, top + 0.2 * tall, left + 0.78 * wide, top + 0.82 * tall
            _box(image, sides[0] - 2, sides[1] - 2, sides[2] + 2, sides[3] + 3, wall * 0.75)
            _box(image, *sides, glass)
    left = between(rng, (0.1, 0.8)) * w
    _box(
        image,
        left,
        0.35 * h,
        left + 0.09 * w,
        h,
        pick(rng, ((92, 60, 40), (40, 70, 60), (60, 60, 70))),
    )


def _shops(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint shop windows under coloured signs."""
    h, w = image.shape[:2]
    image[:] = pick(rng, ((150, 146, 140), (120, 110, 104), (176, 168, 150)))
    left = -between(rng, (0, 0.1)) * w
    while left < w:
        right = left + between(rng, (0.16, 0.34)) * w
        sign = np.array(
            pick(
                rng, ((180, 50, 46), (40, 96, 150), (226, 180, 60), (60, 130, 84), (230, 230, 226))
            )
        )
        _box(image, left + 4, 0.12 * h, right - 4, 0.32 * h, sign)
        for letter in np.arange(left + 16, right - 16, 9):
            _box(image, letter, 0.18 * h, letter + 5, 0.26 * h, 255 - sign)
        _box(
            image,
            left + 6,
            0.4 * h,
            right - 6,
            0.92 * h,
            pick(rng, ((58, 70, 84), (216, 200, 160), (96, 110, 120))),
        )
        for _ in range(5):
            x, y = between(rng, (left + 8, right - 14)), between(rng, (0.55, 0.8)) * h
            _box(image, x, y, x + 12, 0.9 * h, rng.integers(60, 220, 3))
        left = right


def _trees(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint trees in front of the sky, and a hedge."""
    h, w = image.shape[:2]
    _sky(rng, image, ((132, 178, 226), (176, 196, 214), (206, 208, 206)))
    greens = ((62, 104, 52), (84, 130, 60), (48, 82, 50), (110, 142, 74))
    for _ in range(int(rng.integers(3, 7))):
        x = between(rng, (0, 1)) * w
        _box(image, x - 4, 0.3 * h, x + 5, h, (84, 66, 50))
        for _ in range(14):
            at = int(x + rng.normal() * 0.05 * w), int((0.28 + 0.12 * rng.normal()) * h)
            cv2.circle(
                image,
                at,
                int(between(rng, (0.06, 0.16)) * h) + 2,
                pick(rng, greens),
                -1,
                cv2.LINE_AA,
            )
    for x in range(0, w, 7):
        y = int((0.84 + 0.05 * rng.normal()) * h)
        cv2.circle(image, (x, y), int(0.16 * h), pick(rng, greens[:3]), -1, cv2.LINE_AA)
    image[int(0.93 * h) :] = pick(rng, greens[:3])


def _wall(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a brick wall with posters."""
    h, w = image.shape[:2]
    brick = np.array(pick(rng, ((150, 86, 66), (172, 148, 124), (132, 128, 124), (108, 78, 70))))
    image[:] = brick * 0.72
    tall = max(5, h // 14)
    for row, top in enumerate(range(0, h, tall)):
        for left in range(-tall * (row % 2), w, 2 * tall + 1):
            _box(
                image,
                left,
                top,
                left + 2 * tall - 1,
                top + tall - 2,
                brick * between(rng, (0.88, 1.12)),
            )
    for _ in range(int(rng.integers(1, 5))):
        x, y = between(rng, (0, 0.9)) * w, between(rng, (0.25, 0.5)) * h
        poster = rng.integers(60, 240, 3)
        _box(image, x, y, x + 0.1 * w, y + 0.4 * h, poster)
        cv2.circle(
            image,
            (int(x + 0.05 * w), int(y + 0.16 * h)),
            int(0.09 * h),
            (255 - poster).tolist(),
            -1,
        )


def _hall(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a hall: pale panels, lamps, lit advertisements and pillars."""
    h, w = image.shape[:2]
    panel = np.array(pick(rng, ((190, 196, 190), (204, 196, 178), (150, 158, 168))))
    image[:] = panel
    for x in np.arange(0, w, w / rng.integers(8, 16)):
        _box(image, x, 0, x + 1, h, panel * 0.8)
    for x in np.arange(0.05 * w, w, 0.2 * w):
        _box(image, x, 0.05 * h, x + 0.12 * w, 0.09 * h, (255, 252, 236))
    for _ in range(int(rng.integers(1, 4))):
        x = between(rng, (0, 0.85)) * w
        _box(image, x, 0.3 * h, x + 0.13 * w, 0.8 * h, (40, 42, 46))
        _box(image, x + 4, 0.33 * h, x + 0.13 * w - 4, 0.77 * h, rng.integers(50, 250, 3))
    for x in np.arange(between(rng, (0, 0.2)) * w, w, between(rng, (0.25, 0.4)) * w):
        for share, tone in ((0.0, 0.55), (0.012, 0.85), (0.026, 0.7)):
            _box(image, x + share * w, 0, x + 0.045 * w, h, panel * tone)


def _train(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a carriage at a platform."""
    h, w = image.shape[:2]
    image[:] = (52, 54, 58)
    body = np.array(pick(rng, ((196, 200, 204), (60, 92, 140), (210, 190, 90), (150, 50, 48))))
    _box(image, 0, 0.18 * h, w, 0.9 * h, body)
    _box(image, 0, 0.7 * h, w, 0.78 * h, pick(rng, ((200, 60, 50), (40, 60, 110), (240, 240, 240))))
    step = w / rng.integers(4, 7)
    for left in np.arange(-between(rng, (0, 1)) * step, w, step):
        _box(image, left + 0.1 * step, 0.3 * h, left + 0.62 * step, 0.6 * h, (46, 56, 66))
        _box(image, left + 0.72 * step, 0.26 * h, left + 0.94 * step, 0.88 * h, body * 0.72)
        _box(image, left + 0.76 * step, 0.32 * h, left + 0.9 * step, 0.6 * h, (58, 70, 80))


def _quay(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint a quay: cranes, water, ships and a railing."""
    h, w = image.shape[:2]
    _sky(rng, image, ((128, 138, 154), (150, 152, 156), (96, 104, 124)))
    for _ in range(int(rng.integers(1, 4))):
        x, steel = (
            int(between(rng, (0.05, 0.9)) * w),
            pick(rng, ((150, 70, 40), (70, 80, 96), (60, 64, 66))),
        )
        cv2.line(image, (x, int(0.6 * h)), (x, int(0.05 * h)), steel, 4, cv2.LINE_AA)
        cv2.line(image, (x - 20, int(0.12 * h)), (x + 70, int(0.06 * h)), steel, 3, cv2.LINE_AA)
    image[int(0.55 * h) :] = pick(rng, ((70, 92, 104), (84, 98, 112), (62, 78, 84)))
    for _ in range(3):
        x, wide = between(rng, (-0.1, 0.9)) * w, between(rng, (0.15, 0.35)) * w
        hull = pick(rng, ((130, 52, 44), (46, 60, 84), (206, 204, 198), (40, 44, 46)))
        _box(image, x, 0.46 * h, x + wide, 0.64 * h, hull)
        _box(image, x + 0.6 * wide, 0.3 * h, x + 0.85 * wide, 0.46 * h, (210, 208, 200))
    for y in np.arange(0.68, 0.98, 0.05) * h:
        x = rng.random() * w
        cv2.line(image, (int(x), int(y)), (int(x + 60), int(y)), (134, 150, 160), 1, cv2.LINE_AA)
    for x in np.arange(0, w, w / 12):
        _box(image, x, 0.74 * h, x + 3, h, (190, 190, 186))
    _box(image, 0, 0.74 * h, w, 0.77 * h, (190, 190, 186))


def _containers(rng: np.random.Generator, image: np.ndarray) -> None:
    """Paint stacks of containers."""
    h, w = image.shape[:2]
    _sky(rng, image, ((128, 138, 154), (150, 152, 156)))
    colours = ((150, 60, 44), (50, 86, 116), (70, 104, 84), (176, 128, 52), (120, 120, 118))
    tall, wide = h / rng.integers(2, 4), w / rng.integers(3, 6)
    for row, bottom in enumerate(np.arange(h, 0, -tall)):
        for left in np.arange(-wide * between(rng, (0, 1)), w, wide):
            if row and rng.random() < 0.25:
                continue
            colour = np.array(pick(rng, colours))
            _box(image, left, bottom - tall, left + wide - 2, bottom - 2, colour)
            for rib in np.arange(left + 4, left + wide - 4, 7):
                _box(image, rib, bottom - tall + 4, rib + 2, bottom - 5, colour * 0.75)


_BACKDROPS = {
    "facade": _facade,
    "shops": _shops,
    "trees": _trees,
    "wall": _wall,
    "hall": _hall,
    "platform": _train,
    "quay": _quay,
    "containers": _containers,
}


def paint_backdrop(rng: np.random.Generator, image: np.ndarray, place: str) -> None:
    """Paint the backdrop called `place` over all of `image` (uint8 [h w 3]), in place."""
    _BACKDROPS[place](rng, image)
