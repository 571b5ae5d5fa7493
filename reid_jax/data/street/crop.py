"""One crop: a person whom a camera saw in passing, as a detector cut it out."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.data.street.brush import Brush, settle
from reid_jax.data.street.camera import Camera, draw_camera, expose, soften, speckle
from reid_jax.data.street.chance import generator, pick
from reid_jax.data.street.domain import find
from reid_jax.data.street.figure import paint_figure
from reid_jax.data.street.person import Person, draw_person
from reid_jax.data.street.place import background

SCENE = (360, 480)  # the picture of the camera from which crops are cut
_STUFF = ((92, 96, 100), (150, 60, 50), (70, 100, 70), (176, 170, 160), (60, 70, 96))


class Passage(NamedTuple):
    """How a person passes a camera: where (pixels of the scene), how large, in which view and light."""

    x: float
    depth: float
    view: float
    stride: float
    exposure: float


class Shot(NamedTuple):
    """Random numbers between 0 and 1 of one picture, by what they decide."""

    view: float
    step: float
    phase: float
    zoom: float
    across: float
    up: float
    fate: float
    occluder: float
    where: float
    size: float
    row: float
    column: float
    light: float


def _pass_by(rng: np.random.Generator, camera: Camera) -> Passage:
    chance = rng.random(5)
    low, high = find(camera.domain).exposure
    mode = camera.flow[int(chance[0] * len(camera.flow))]
    return Passage(
        x=SCENE[1] * (0.15 + 0.7 * chance[1]),
        depth=4.5 + 5 * chance[2],
        view=mode + camera.spread * (2 * chance[3] - 1),
        stride=30.0,
        exposure=low + (high - low) * chance[4],
    )


def _frame(passage: Passage, shot: Shot, camera: Camera, height: float, size: tuple[int, int]):
    """Give the left, the top and the scale (crop pixels per scene pixel) of the crop, and the foot in the scene."""
    focal = camera.focal * SCENE[0]
    foot_x = passage.x + passage.stride * (2 * shot.step - 1)
    foot_y = camera.horizon * SCENE[0] + focal * camera.height / passage.depth
    tall = focal * height / passage.depth
    slack = 4 * (shot.fate < 0.06) + 1  # now and then the detector is far off
    box = tall * (1.04 + 0.2 * shot.zoom)
    scale = size[0] / box
    left = foot_x - 0.5 * size[1] / scale + 0.05 * tall * (2 * shot.across - 1) * slack
    top = foot_y + 0.03 * tall - box + 0.03 * tall * (2 * shot.up - 1) * slack + 0.1 * tall * (shot.zoom - 0.3)
    return left, top, scale, (foot_x, foot_y), tall


def _cut(camera: Camera, left: float, top: float, scale: float, size: tuple[int, int]) -> np.ndarray:
    scene = background(camera, SCENE)
    to = np.array([[1 / scale, 0, left], [0, 1 / scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(scene, to, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _occlude(canvas: np.ndarray, camera: Camera, shot: Shot, foot: tuple[float, float], tall: float) -> None:
    """Paint what stands in front: another person, a post, or a low obstacle."""
    kind, side = int(3 * shot.occluder), 1 if shot.where < 0.5 else -1
    if kind == 0:
        other = draw_person(camera.domain, 0, "crowd", int(shot.where * 512))
        at = foot[0] + side * tall * (0.2 + 0.1 * shot.size), foot[1] + 0.03 * tall
        paint_figure(canvas, other, 6.28 * shot.size, 6.28 * shot.where, at, tall * 1.03)
        return
    colour = _STUFF[(camera.number + int(5 * shot.size)) % len(_STUFF)]
    brush = Brush([])
    if kind == 1:
        x = side * (0.06 + 0.12 * shot.size)
        brush.limb([((x, -0.2), (x, 1.3), 0.028, 0.028, colour)])
    else:
        x, top = 0.3 * (shot.size - 0.5), 0.1 + 0.2 * shot.where
        brush.limb([((x - 0.3, top - 0.2), (x + 0.3, top - 0.2), 0.2, 0.2, colour)])
    brush.paint(canvas, foot, tall)


def _finish(image: np.ndarray, camera: Camera, exposure: float, shot: Shot) -> np.ndarray:
    scale = image.shape[0] / 128
    image = expose(image, camera, exposure * (0.95 + 0.1 * shot.light))
    image = soften(image, camera.blur * scale, camera.resolution)
    return speckle(image, camera.noise, (int(800 * shot.row), int(800 * shot.column)))


def shoot(name: tuple[str, int, str, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Take the picture called (domain, seed, pool, person, camera, shot).

    Args:
        name: all that the picture depends on; the person's looks depend on the first four, the camera on the domain
            and its number, the passage on all but the shot.
        size: (height, width) in pixels.

    Returns:
        uint8 [h w 3], RGB.
    """
    domain, seed, pool, number, camera_number, _ = name
    person, camera = draw_person(domain, seed, pool, number), draw_camera(domain, "fixed", camera_number)
    passage = _pass_by(generator("passage", *name[:-1]), camera)
    shot = Shot(*generator("shot", *name).random(len(Shot._fields)).tolist())
    return _compose(person, passage, shot, camera, size)


def _compose(person: Person, passage: Passage, shot: Shot, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    left, top, scale, foot, tall = _frame(passage, shot, camera, person.height, size)
    image = _cut(camera, left, top, scale, size)
    canvas = np.zeros((*size, 4), np.uint8)
    at = (foot[0] - left) * scale, (foot[1] - top) * scale
    view = passage.view + 0.25 * (2 * shot.view - 1)
    paint_figure(canvas, person, view, 2 * math.pi * shot.phase, at, tall * scale)
    if shot.fate > 1 - camera.occlusion:
        _occlude(canvas, camera, shot, at, tall * scale)
    settle(image, canvas)
    return _finish(image, camera, passage.exposure, shot)


def shoot_nobody(name: tuple[str, int, str, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Take a picture that a detector wrongly made: background only, or a corner of somebody.

    Args:
        name: (domain, seed, pool, number, camera, shot), all that the picture depends on.
        size: (height, width) in pixels.

    Returns:
        uint8 [h w 3], RGB.
    """
    domain, seed, pool, number, camera_number, _ = name
    camera = draw_camera(domain, "fixed", camera_number)
    rng = generator("passage", *name[:-1])
    passage = _pass_by(rng, camera)
    shot = Shot(*generator("shot", *name).random(len(Shot._fields)).tolist())
    left, top, scale, foot, tall = _frame(passage, shot, camera, 1.7, size)
    image = _cut(camera, left, top, scale, size)
    if rng.random() < 0.5:
        canvas = np.zeros((*size, 4), np.uint8)
        away = pick(rng, ((-0.4, 0.1), (0.4, 0.0), (0.0, 0.62), (0.1, -0.65)))
        at = (foot[0] - left + away[0] * tall) * scale, (foot[1] - top + away[1] * tall) * scale
        other = draw_person(domain, seed, pool, number)
        paint_figure(canvas, other, passage.view, 2 * math.pi * shot.phase, at, tall * scale)
        settle(image, canvas)
    return _finish(image, camera, passage.exposure, shot)
