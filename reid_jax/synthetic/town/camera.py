"""A camera: where it hangs, the light of its place, and how it records."""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

import reid_jax.synthetic.town.shade as shade
from reid_jax.synthetic.chance import between, generator
from reid_jax.synthetic.town.switches import Switches


class Camera(NamedTuple):
    """A camera and its place.

    Attributes:
        number: its number.
        height: metres above the ground.
        near: least distance of persons, metres.
        far: greatest.
        lens: pixels of the scene that a metre has at a distance of a metre.
        sun: where the sun stands: azimuth and elevation, radians; 0 is behind the camera.
        strength: of the sun over the sky's.
        warm: the sun's colour, RGB.
        sky: the sky's.
        ground: what the ground throws back.
        shade: how deep shadows are.
        gains: white balance, RGB.
        gamma: exponent of the tone curve.
        contrast: factor about mid grey.
        saturation: 1 leaves it.
        haze: share of grey.
        light: exposure.
        noise: grey levels.
        coarse: how coarse noise is, pixels.
        blur: pixels at a height of 128.
        sharp: how much is sharpened.
        rows: rows that a picture has before it is enlarged, least and greatest.
        quality: of the jpeg.
        moving: pixels of motion blur at most.
        flow: directions that people walk in, radians.
    """

    number: int
    height: float
    near: float
    far: float
    lens: float
    sun: tuple[float, float]
    strength: float
    warm: tuple[float, float, float]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]
    shade: float
    gains: tuple[float, float, float]
    gamma: float
    contrast: float
    saturation: float
    haze: float
    light: float
    noise: float
    coarse: float
    blur: float
    sharp: float
    rows: tuple[float, float]
    quality: int
    moving: float
    flow: tuple[float, float]


@lru_cache(maxsize=1024)
def draw_camera(number: int, switches: Switches) -> Camera:
    """Draw the camera of a number."""
    rng = generator("town camera", number)
    height = between(rng, (2.0, 8.0) if rng.random() < 0.4 else (2.0, 4.0))
    near = max(between(rng, (4, 9)), 1.5 * height)
    cast, warmth = rng.normal(0, 0.018), rng.normal(0, 0.04)
    cool = np.clip(rng.normal(0.05, 0.06), -0.1, 0.2)
    rows = between(rng, (44, 190))
    flow = 2 * math.pi * rng.random()
    strength = 0.0 if not switches.sun else weighed(rng)
    return Camera(
        number=number,
        height=height if switches.high else 1.5,
        near=near,
        far=near + between(rng, (3, 14)),
        lens=between(rng, (700, 1100)),
        sun=(2 * math.pi * rng.random(), between(rng, (0.35, 1.3))),
        strength=strength,
        warm=(1.06, 1.0, 0.9 + 0.1 * rng.random()),
        sky=(1 - cool, 1.0, 1 + cool),
        ground=tuple(between(rng, (0.1, 0.4)) * np.array([1.05, 1.0, 0.92])),
        shade=between(rng, (0.4, 0.95)),
        gains=(1 + warmth + cast / 2, 1 - cast / 2, 1 - warmth + cast / 2),
        gamma=math.exp(rng.normal(0.05, 0.15)),
        contrast=between(rng, (0.85, 1.4)),
        saturation=between(rng, (0.4, 1.1)),
        haze=max(0.0, between(rng, (-0.2, 0.2))),
        light=math.exp(rng.normal(0.0, 0.16)),
        noise=between(rng, (0.3, 3.0)) if rng.random() < 0.8 else between(rng, (3, 7)),
        coarse=between(rng, (0.0, 1.2)),
        blur=between(rng, (0.0, 0.7)),
        sharp=max(0.0, between(rng, (-0.4, 2.2))),
        rows=(rows, rows * between(rng, (1.2, 2.2))),
        quality=int(between(rng, (28, 96))),
        moving=max(0.0, between(rng, (-2.0, 4.0))),
        flow=(flow, flow + between(rng, (1.2, math.pi))),
    )


def weighed(rng: np.random.Generator) -> float:
    """How strong the sun is: often none, seldom glaring."""
    return between(rng, (0.0, 0.4)) if rng.random() < 0.55 else between(rng, (0.5, 2.2))


def light_of(camera: Camera, pitch: float, azimuth: float) -> np.ndarray:
    """The light on a body as `shade.paint` takes it; `azimuth` turns the sun for a passage."""
    turn, up = camera.sun[0] + azimuth, camera.sun[1]
    x, y, z = math.cos(up) * math.sin(turn), math.sin(up), math.cos(up) * math.cos(turn)
    cp, sp = math.cos(pitch), math.sin(pitch)
    light = np.zeros(shade.LIGHT)
    light[shade.UP : shade.UP + 3] = 0, cp, sp
    light[shade.SUN : shade.SUN + 3] = x, y * cp - z * sp, y * sp + z * cp
    share = 1 / (0.75 + 0.6 * camera.strength)
    light[shade.SKY : shade.SKY + 3] = np.array(camera.sky) * share
    light[shade.WARM : shade.WARM + 3] = np.array(camera.warm) * camera.strength * share
    light[shade.GROUND : shade.GROUND + 3] = np.array(camera.ground) * share
    light[shade.SHADE] = camera.shade
    return light


def _curves(camera: Camera, exposure: float) -> np.ndarray:
    """What each grey level of each channel becomes, f32[256 1 3]."""
    level = np.linspace(0, 1, 256)[:, None] * np.array(camera.gains) * exposure
    level = np.clip(level, 0, 1.15) ** camera.gamma
    level = (level - 0.45) * (camera.contrast * (1 - camera.haze)) + 0.45 + 0.12 * camera.haze
    return (255 * level).astype(np.float32)[:, None]


def record(image: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """What a camera makes of f32[h w 3], sRGB in [0, 1]: uint8 [h w 3]."""
    high, wide = image.shape[:2]
    chance = rng.random(6)
    auto = (0.42 / max(0.05, float(image.mean()))) ** 0.6  # as a camera's own exposure does
    exposure = auto * camera.light * math.exp(0.1 * rng.normal())
    image = cv2.LUT((np.clip(image, 0, 1) * 255).astype(np.uint8), _curves(camera, exposure))
    grey = (1 - camera.saturation) / 3
    mix = np.full((3, 3), grey, np.float32) + np.eye(3, dtype=np.float32) * camera.saturation
    image = np.clip(cv2.transform(image, mix), 0, 255)
    scale = high / 128
    if camera.blur > 0.2:
        image = cv2.GaussianBlur(image, (0, 0), camera.blur * scale)
    length = int(camera.moving * chance[0] * scale)
    if length > 1:
        image = cv2.blur(image, (length, 1))
    rows = camera.rows[0] + (camera.rows[1] - camera.rows[0]) * chance[1]
    small = image
    if rows < 128:
        share = rows / 128
        size = max(6, round(wide * share)), max(12, round(high * share))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    noise = rng.normal(0, camera.noise, small.shape).astype(np.float32)
    noise = 0.6 * noise.mean(2, keepdims=True) * 1.7 + 0.4 * noise
    if camera.coarse > 0.3:
        noise = cv2.GaussianBlur(noise, (0, 0), camera.coarse) * (1 + camera.coarse)
    small = small + noise
    if camera.sharp > 0:
        small = small + camera.sharp * (small - cv2.GaussianBlur(small, (0, 0), 1.0))
    small = np.clip(small + 0.5, 0, 255).astype(np.uint8)
    if camera.quality < 92:
        quality = min(95, max(15, camera.quality + int(16 * chance[2] - 8)))
        coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        small = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    if small.shape[:2] != (high, wide):
        way = cv2.INTER_LINEAR if chance[3] < 0.5 else cv2.INTER_CUBIC
        small = cv2.resize(small, (wide, high), interpolation=way)
    return small
