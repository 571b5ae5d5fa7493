"""The camera as a vector: where it looks, how people pass by, and what it does to light."""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.data.street.chance import between, generator, pick
from reid_jax.data.street.domain import find

_GRAIN = 1024  # the side of the sheet of noise that all cameras cut from
_GREY = np.array([0.299, 0.587, 0.114])


class Camera(NamedTuple):
    """What a camera sees and how.

    domain, scene, number: its name, which also seeds its background. place and ground: what it looks at.
    horizon: share of the picture above it; focal: in picture heights; height: metres above the ground, looking level.
    flow: the views (radians, 0 from the front) in which people pass, spread: how much they scatter.
    gain: of red, green and blue; gamma, saturation, haze: tone; blur: pixels at a crop height of 128; noise: grey
    levels; resolution: the share of pixels that it really has; occlusion: probability that something stands in front.
    """

    domain: str
    scene: str
    number: int
    place: str
    ground: str
    horizon: float
    focal: float
    height: float
    flow: tuple[float, ...]
    spread: float
    gain: tuple[float, float, float]
    gamma: float
    saturation: float
    haze: float
    blur: float
    noise: float
    resolution: float
    occlusion: float


@lru_cache(maxsize=4096)
def draw_camera(domain: str, scene: str, number: int) -> Camera:
    """Draw the camera called `number` of a scene, such as "fixed"; it depends on nothing else."""
    of = find(domain)
    rng = generator("camera", domain, scene, number)
    # Neighbouring numbers look at people from different sides, so that most pairs of cameras differ in view.
    first = 0.5 * math.pi * (number % 4) + between(rng, (-0.4, 0.4))
    second = first + pick(rng, (0.0, math.pi, 0.8))
    return Camera(
        domain=domain,
        scene=scene,
        number=number,
        place=of.places[(number + int(rng.integers(0, 2))) % len(of.places)],
        ground=pick(rng, of.grounds),
        horizon=between(rng, (0.2, 0.36)),
        focal=between(rng, (1.0, 1.25)),
        height=between(rng, (1.5, 2.8)),
        flow=(first, first, second),
        spread=between(rng, (0.15, 0.45)),
        gain=tuple(between(rng, of.gain) for _ in range(3)),
        gamma=between(rng, of.gamma),
        saturation=between(rng, of.saturation),
        haze=between(rng, of.haze),
        blur=between(rng, of.blur),
        noise=between(rng, of.noise),
        resolution=between(rng, of.resolution),
        occlusion=of.occlusion,
    )


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    sheet = generator("grain").standard_normal((_GRAIN, _GRAIN, 3), dtype=np.float32)
    return np.clip(sheet * 32, -127, 127).astype(np.int8)


@lru_cache(maxsize=4096)
def _curve(gamma: float) -> np.ndarray:
    return (255 * (np.arange(256) / 255) ** gamma + 0.5).astype(np.uint8)


@lru_cache(maxsize=4096)
def _mix(camera: Camera) -> np.ndarray:
    """Give the colour matrix f64 [3 4] of the sensor: saturation, colour cast and haze."""
    grey = np.tile(_GREY, (3, 1))
    mix = np.array(camera.gain)[:, None] * (grey + camera.saturation * (np.eye(3) - grey))
    air = 185.0 * np.array(camera.gain) / max(camera.gain)
    return np.concatenate([(1 - camera.haze) * mix, camera.haze * air[:, None]], 1)


def expose(image: np.ndarray, camera: Camera, exposure: float = 1.0) -> np.ndarray:
    """Give colours as the camera records them.

    Args:
        image: uint8 [h w 3].
        camera: whose cast, haze and tone curve count.
        exposure: factor on the light; 1 is the camera's usual.

    Returns:
        uint8 [h w 3].
    """
    return cv2.LUT(cv2.transform(image, exposure * _mix(camera)), _curve(camera.gamma))


def soften(image: np.ndarray, blur: float, resolution: float) -> np.ndarray:
    """Blur by `blur` pixels, then keep only a share `resolution` of the rows and columns, at the same size."""
    height, width = image.shape[:2]
    if blur > 0.3:
        side = 2 * math.ceil(2 * blur) + 1
        image = cv2.GaussianBlur(image, (side, side), blur)
    if resolution < 0.95:
        few = max(4, round(width * resolution)), max(4, round(height * resolution))
        image = cv2.resize(cv2.resize(image, few, interpolation=cv2.INTER_AREA), (width, height))
    return image


def speckle(image: np.ndarray, noise: float, corner: tuple[int, int]) -> np.ndarray:
    """Add noise of `noise` grey levels, cut at `corner` = (row, column) from one endless sheet."""
    height, width = image.shape[:2]
    top, left = corner[0] % _GRAIN, corner[1] % _GRAIN
    if top + height <= _GRAIN and left + width <= _GRAIN:
        cut = _grain()[top : top + height, left : left + width]
    else:
        cut = _grain()[np.arange(top, top + height) % _GRAIN][:, np.arange(left, left + width) % _GRAIN]
    return cv2.addWeighted(image, 1.0, cut, noise / 32, 0.0, dtype=cv2.CV_8U)
