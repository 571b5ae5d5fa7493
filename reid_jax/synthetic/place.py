"""The background of a camera: a backdrop above, the ground in perspective below, shadows on it."""

from functools import lru_cache

import cv2
import numpy as np

from reid_jax.synthetic.backdrop import paint_backdrop
from reid_jax.synthetic.camera import Camera
from reid_jax.synthetic.chance import between, generator, pick

FAR = 14.0  # metres to the backdrop; persons walk in front of it


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Draw smooth noise f32 [h w], about in [-1, 1], from a grid of `cells` x `cells` values."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _joints(x: np.ndarray, side: float, gap: float) -> np.ndarray:
    """Mark the points in the joints of width `gap` between tiles of `side`, all in metres."""
    return (x / side) % 1 < gap / side


def _paving(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    stone = np.array(
        pick(rng, ((186, 176, 160), (160, 158, 156), (178, 156, 132), (140, 132, 126))), np.float32
    )
    side = between(rng, (0.6, 1.2))
    tiles = rng.uniform(0.88, 1.08, (64, 64))
    tone = tiles[(z / side).astype(int) % 64, np.floor(x / side).astype(int) % 64]
    tone = np.where(_joints(x, side, 0.05) | _joints(z, side, 0.08), 0.72, tone)
    return stone * tone[..., None]


def _tiles(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    pale = np.array(pick(rng, ((206, 204, 196), (196, 188, 170), (180, 188, 192))), np.float32)
    side = between(rng, (0.8, 1.5))
    odd = (np.floor(x / side) + np.floor(z / side)) % 2
    return pale * np.where(odd, 1.0, between(rng, (0.62, 0.9)))[..., None]


def _road(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    ground = np.empty((*x.shape, 3), np.float32)
    ground[:] = pick(rng, ((104, 104, 108), (88, 90, 96), (122, 118, 112)))
    ground[(z > between(rng, (9, 11)))] = (168, 164, 156)  # the pavement behind the road
    lane, stripes = between(rng, (-2.5, 2.5)), rng.random() < 0.5
    if stripes:
        ground[(np.abs(x - lane) < 1.8) & (z < 9) & (z % 1.0 < 0.5)] = (226, 226, 222)
    else:
        ground[(np.abs(x - lane) < 0.1) & (z % 3 < 1.8)] = (224, 216, 180)
    return ground


def _lawn(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    ground = np.empty((*x.shape, 3), np.float32)
    ground[:] = pick(rng, ((104, 140, 66), (122, 148, 84), (92, 122, 70)))
    ground[:] *= (1 + 0.12 * clouds(rng, x.shape, 60))[..., None]
    bend = x + 0.25 * (z - 7) * between(rng, (-1, 1))
    ground[np.abs(bend) < between(rng, (1.2, 2.6))] = pick(rng, ((206, 190, 156), (178, 174, 168)))
    return ground


def _platform(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    ground = _tiles(rng, x, z) * 0.85
    edge = between(rng, (9.5, 11.0))
    ground[(z > edge - 0.9) & (z < edge - 0.5)] = (222, 186, 54)
    ground[z > edge] = (58, 54, 52)
    return ground


def _planks(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    wood = np.array(pick(rng, ((128, 106, 84), (112, 104, 96), (140, 120, 92))), np.float32)
    across = x if rng.random() < 0.5 else z
    side = between(rng, (0.3, 0.5))
    tone = rng.uniform(0.82, 1.1, 64)[np.floor(across / side).astype(int) % 64]
    return wood * np.where(_joints(across, side, 0.04), 0.5, tone)[..., None]


def _wet(rng: np.random.Generator, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    ground = np.empty((*x.shape, 3), np.float32)
    ground[:] = pick(rng, ((84, 86, 92), (74, 80, 84)))
    ground[clouds(rng, x.shape, 7) > 0.25] = pick(rng, ((136, 146, 160), (120, 126, 132)))
    return ground


# Each paints a ground, f32 [h w 3], at points (x to the right, z from the camera) in metres.
_GROUNDS = {
    "paving": _paving,
    "tiles": _tiles,
    "road": _road,
    "lawn": _lawn,
    "platform": _platform,
    "planks": _planks,
    "wet": _wet,
}


@lru_cache(maxsize=64)
def background(camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Paint what a camera sees without persons, in normal light.

    Args:
        camera: the camera, on which alone the background depends.
        size: (height, width) in pixels.

    Returns:
        uint8 [h w 3], shared between callers and therefore read-only.
    """
    height, width = size
    rng = generator("place", camera.domain, camera.scene, camera.number)
    focal, horizon = camera.focal * height, camera.horizon * height
    image = np.zeros((height, width, 3), np.uint8)
    foot = int(horizon + focal * camera.height / FAR)
    paint_backdrop(rng, image[:foot], camera.place)
    rows, columns = np.mgrid[foot:height, 0:width].astype(np.float32)
    z = focal * camera.height / (rows - horizon + 0.5)
    x = (columns - width / 2) * z / focal
    ground = _GROUNDS[camera.ground](rng, x, z)
    ground = (
        ground * (1 + 0.06 * clouds(rng, x.shape, 90) + 0.08 * clouds(rng, x.shape, 5))[..., None]
    )
    image[foot:] = np.clip(ground, 0, 255).astype(np.uint8)
    _cast_shadows(rng, image, foot)
    image.flags.writeable = False
    return image


def _cast_shadows(rng: np.random.Generator, image: np.ndarray, foot: int) -> None:
    """Darken slanting bands of the ground, like shadows of poles and trees outside the picture."""
    height, width = image.shape[:2]
    mask = np.full((height, width), 255, np.uint8)
    slant = between(rng, (-0.6, 0.6)) * width
    for _ in range(int(rng.integers(1, 4))):
        left, wide = rng.random() * width, between(rng, (0.03, 0.16)) * width
        band = np.array(
            [
                [left, foot],
                [left + wide / 2, foot],
                [left + wide + slant, height],
                [left + slant, height],
            ]
        )
        cv2.fillConvexPoly(mask, band.astype(np.int32), 176, cv2.LINE_AA)
    image[:] = cv2.multiply(
        image, cv2.merge([cv2.GaussianBlur(mask, (0, 0), 2.0)] * 3), scale=1 / 255
    )
