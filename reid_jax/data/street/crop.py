"""A detector's crop: a person somewhere in front of a camera."""

import cv2
import numpy as np

from reid_jax.data.street.brush import settle
from reid_jax.data.street.camera import Camera, draw_camera, expose
from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.domain import find
from reid_jax.data.street.figure import paint_figure
from reid_jax.data.street.person import draw_person
from reid_jax.data.street.place import backdrop

WIDE = 5  # a camera's backdrop is so many crops wide


def render(domain: str, seed: int, pool: str, person: int, camera: int, take: int, size: tuple[int, int]) -> np.ndarray:
    """Render one crop: uint8 [*size 3], RGB.

    Args:
        domain, seed, pool, person: who, as in `draw_person`.
        camera: number of the domain's camera.
        take: number of the picture of this person in this camera; pose, place and light differ.
        size: (height, width) in pixels, made for 2:1.
    """
    of, lens = find(domain), draw_camera(domain, camera)
    rng = generator("crop", domain, seed, pool, person, camera, take)
    height, width = size
    horizon = 0.5 + 0.04 * (camera % 5)
    scene = backdrop(domain, camera, lens.place, lens.ground, (height, width * WIDE), horizon)
    left = int(rng.random() * (width * (WIDE - 1)))
    image = scene[:, left : left + width].copy()
    layer = np.zeros((height, width, 4), np.uint8)
    scale = height * between(rng, (0.84, 1.0))
    foot = width * between(rng, (0.42, 0.58)), height * between(rng, (0.955, 1.0))
    front = rng.random() < of.occlusion
    who = draw_person(domain, seed, pool, person)
    heading, phase = lens.view + lens.spread * rng.standard_normal(), between(rng, (0, 2 * np.pi))
    if rng.random() < 0.15:  # somebody else, further away
        _passer(layer, domain, rng, foot, 0.75 * scale)
    paint_figure(layer, who, heading, phase, foot, scale)
    settle(image, layer)
    if front:
        _occlude(image, domain, lens, rng)
    return expose(image, lens, between(rng, of.exposure), rng)


def _passer(layer: np.ndarray, domain: str, rng: np.random.Generator, foot: tuple[float, float], scale: float) -> None:
    other = draw_person(domain, 0, "passers", int(rng.integers(0, 500)))
    side = 1 if rng.random() < 0.5 else -1
    x = foot[0] + side * layer.shape[1] * between(rng, (0.3, 0.5))
    paint_figure(layer, other, between(rng, (0, 6.3)), between(rng, (0, 6.3)), (x, foot[1] - 0.06 * scale), scale)


def _occlude(image: np.ndarray, domain: str, camera: Camera, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    if camera.occluder == "pole":
        x = int(width * (between(rng, (0.0, 0.3)) + 0.7 * (rng.random() < 0.5)))
        cv2.rectangle(image, (x, 0), (x + max(3, width // 12), height), (84, 86, 90), -1)
    elif camera.occluder == "rail":
        y = int(height * between(rng, (0.72, 0.85)))
        cv2.rectangle(image, (0, y), (width, y + 4), (96, 98, 100), -1)
        for x in range(int(rng.random() * 12), width, 14):
            cv2.rectangle(image, (x, y), (x + 2, height), (96, 98, 100), -1)
    elif camera.occluder == "bush":
        for _ in range(6):
            at = int(rng.random() * width), int(height * between(rng, (0.9, 1.02)))
            cv2.circle(image, at, int(width * 0.16), (52, 92, 48), -1, cv2.LINE_AA)
    else:
        layer = np.zeros((height, width, 4), np.uint8)
        x = width * (-0.02 if rng.random() < 0.5 else 1.02)
        other = draw_person(domain, 0, "passers", int(rng.integers(0, 500)))
        paint_figure(layer, other, between(rng, (0, 6.3)), between(rng, (0, 6.3)), (x, height * 1.12), height * 1.1)
        settle(image, layer)
