"""The camera as a vector: where it looks from, its light, its colours, and what its sensor does to a picture."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.data.street.chance import between, generator, pick
from reid_jax.data.street.domain import find


class Camera(NamedTuple):
    """view: the heading (radians, 0 is towards us) that most people have here, spread: its deviation; gain f32[3] and
    gamma of the tone curve; the rest as in Domain; occluder: what may stand in front.
    """

    place: str
    ground: str
    view: float
    spread: float
    gain: tuple[float, float, float]
    gamma: float
    saturation: float
    haze: float
    blur: float
    noise: float
    resolution: float
    occluder: str


@lru_cache(maxsize=4096)
def draw_camera(domain: str, number: int) -> Camera:
    """Draw camera `number` (at least 0) of a domain, always the same."""
    of, rng = find(domain), generator("camera", domain, number)
    return Camera(
        place=of.places[number % len(of.places)],
        ground=pick(rng, of.grounds),
        view=(number * 2.4 + between(rng, (-0.4, 0.4))) % (2 * np.pi),  # the golden angle spreads neighbours apart
        spread=between(rng, (0.5, 1.1)),
        gain=tuple(between(rng, of.gain) for _ in range(3)),
        gamma=between(rng, of.gamma),
        saturation=between(rng, of.saturation),
        haze=between(rng, of.haze),
        blur=between(rng, of.blur),
        noise=between(rng, of.noise),
        resolution=between(rng, of.resolution),
        occluder=pick(rng, ("pole", "rail", "bush", "person")),
    )


@lru_cache(maxsize=8)
def _grain() -> np.ndarray:
    """Sensor noise of one grey level, i8 [512 512 3], coarse enough to survive a resize; windows of it are used."""
    rng = generator("grain")
    return np.clip(rng.normal(0, 32, (512, 512, 3)), -127, 127).astype(np.int16)


def expose(image: np.ndarray, camera: Camera, exposure: float, rng: np.random.Generator) -> np.ndarray:
    """What the sensor makes of a scene: uint8 [h w 3] -> uint8 [h w 3].

    Args:
        image: the scene under white light. camera: whose colours. exposure: of this passage, about 1.
        rng: where in the noise this picture lies.
    """
    height, width = image.shape[:2]
    if camera.resolution < 0.95:
        small = max(8, round(width * camera.resolution)), max(8, round(height * camera.resolution))
        image = cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height))
    if camera.blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), camera.blur * height / 128)
    image = cv2.LUT(cv2.transform(image, _saturate(camera.saturation)), _curve(camera, round(exposure, 2)))
    row, column = rng.integers(0, 512 - height if height < 512 else 1), rng.integers(0, 512 - width if width < 512 else 1)
    grain = _grain()[row : row + height, column : column + width]
    if grain.shape[:2] != (height, width):
        grain = np.tile(_grain(), (-(-height // 512), -(-width // 512), 1))[:height, :width]
    noisy = image.astype(np.int16) + ((grain * round(camera.noise * 8)) >> 8)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@lru_cache(maxsize=4096)
def _curve(camera: Camera, exposure: float) -> np.ndarray:
    levels = np.linspace(0, 1, 256)[:, None] * np.asarray(camera.gain) * exposure
    out = camera.haze + (1 - camera.haze) * np.clip(levels, 0, 1) ** camera.gamma
    return (255 * out).astype(np.uint8)[None]


@lru_cache(maxsize=4096)
def _saturate(amount: float) -> np.ndarray:
    grey = np.array([0.299, 0.587, 0.114])
    return (amount * np.eye(3) + (1 - amount) * np.tile(grey, (3, 1))).astype(np.float32)
