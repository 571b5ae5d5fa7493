"""The camera as a vector: its view, how persons pass it, and how it records light."""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.synthetic.chance import between, generator, pick
from reid_jax.synthetic.domain import find

_GRAIN = 1024  # rows and columns of the sheet of noise from which all cameras cut
_GREY = np.array([0.299, 0.587, 0.114])


class Camera(NamedTuple):
    """A camera. It looks horizontally.

    Attributes:
        domain: domain, scene and number are its name, which also seeds its background.
        scene: such as "fixed".
        number: in the scene.
        place: its backdrop.
        ground: its ground.
        horizon: share of the picture above the horizon.
        focal: focal length in picture heights.
        height: metres above the ground.
        flow: the views in which persons pass, radians, 0 from the front.
        spread: largest deviation from these views, radians.
        gain: factors on red, green and blue.
        gamma: exponent of the tone curve.
        saturation: 1 leaves the colours.
        haze: share of haze, in [0, 1].
        blur: sigma in pixels at a crop height of 128.
        noise: in grey levels.
        resolution: share of the rows and columns that it resolves.
        occlusion: probability that something stands in front of a person.
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
    """Draw the camera called (domain, scene, number), on which alone it depends."""
    style = find(domain)
    rng = generator("camera", domain, scene, number)
    # Consecutive numbers see persons from different sides, so most pairs of cameras differ in view.
    first = 0.5 * math.pi * (number % 4) + between(rng, (-0.4, 0.4))
    second = first + pick(rng, (0.0, math.pi, 0.8))
    return Camera(
        domain=domain,
        scene=scene,
        number=number,
        place=style.places[(number + int(rng.integers(0, 2))) % len(style.places)],
        ground=pick(rng, style.grounds),
        horizon=between(rng, (0.2, 0.36)),
        focal=between(rng, (1.0, 1.25)),
        height=between(rng, (1.5, 2.8)),
        flow=(first, first, second),
        spread=between(rng, (0.15, 0.45)),
        gain=(between(rng, style.gain), between(rng, style.gain), between(rng, style.gain)),
        gamma=between(rng, style.gamma),
        saturation=between(rng, style.saturation),
        haze=between(rng, style.haze),
        blur=between(rng, style.blur),
        noise=between(rng, style.noise),
        resolution=between(rng, style.resolution),
        occlusion=style.occlusion,
    )


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Draw the sheet of noise, i8 [1024 1024 3], standard deviation 32."""
    sheet = generator("grain").standard_normal((_GRAIN, _GRAIN, 3), dtype=np.float32)
    return np.clip(sheet * 32, -127, 127).astype(np.int8)


@lru_cache(maxsize=4096)
def _curve(gamma: float) -> np.ndarray:
    """Tabulate the tone curve, uint8 [256]."""
    return (255 * (np.arange(256) / 255) ** gamma + 0.5).astype(np.uint8)


@lru_cache(maxsize=4096)
def _mix(camera: Camera) -> np.ndarray:
    """Compute the colour matrix f64 [3 4] of the sensor: saturation, colour cast and haze."""
    grey = np.tile(_GREY, (3, 1))
    mix = np.array(camera.gain)[:, None] * (grey + camera.saturation * (np.eye(3) - grey))
    air = 185.0 * np.array(camera.gain) / max(camera.gain)
    return np.concatenate([(1 - camera.haze) * mix, camera.haze * air[:, None]], 1)


def expose(image: np.ndarray, camera: Camera, exposure: float = 1.0) -> np.ndarray:
    """Convert colours to those that the camera records.

    Args:
        image: uint8 [h w 3].
        camera: its gain, saturation, haze and tone curve are used.
        exposure: factor on the light; 1 is normal.

    Returns:
        uint8 [h w 3].
    """
    return cv2.LUT(cv2.transform(image, exposure * _mix(camera)), _curve(camera.gamma))


def soften(image: np.ndarray, blur: float, resolution: float) -> np.ndarray:
    """Blur, then reduce the resolution at the same size.

    Args:
        image: uint8 [h w 3].
        blur: sigma in pixels; up to 0.3 the image is not blurred.
        resolution: share of the rows and columns to keep; from 0.95 on all are kept.

    Returns:
        uint8 [h w 3].
    """
    height, width = image.shape[:2]
    if blur > 0.3:
        side = 2 * math.ceil(2 * blur) + 1
        image = cv2.GaussianBlur(image, (side, side), blur)
    if resolution < 0.95:
        few = max(4, round(width * resolution)), max(4, round(height * resolution))
        image = cv2.resize(cv2.resize(image, few, interpolation=cv2.INTER_AREA), (width, height))
    return image


def speckle(image: np.ndarray, noise: float, corner: tuple[int, int]) -> np.ndarray:
    """Add noise of `noise` grey levels, cut at `corner` = (row, column) from one periodic sheet."""
    height, width = image.shape[:2]
    top, left = corner[0] % _GRAIN, corner[1] % _GRAIN
    if top + height <= _GRAIN and left + width <= _GRAIN:
        cut = _grain()[top : top + height, left : left + width]
    else:
        cut = _grain()[np.arange(top, top + height) % _GRAIN][
            :, np.arange(left, left + width) % _GRAIN
        ]
    return cv2.addWeighted(image, 1.0, cut, noise / 32, 0.0, dtype=cv2.CV_8U)
