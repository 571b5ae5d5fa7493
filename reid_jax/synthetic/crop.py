"""Crops: one person who passes a camera, as a detector would cut it out."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from reid_jax.synthetic.brush import Brush, settle
from reid_jax.synthetic.camera import Camera, draw_camera, expose, soften, speckle
from reid_jax.synthetic.chance import generator, pick
from reid_jax.synthetic.domain import find
from reid_jax.synthetic.figure import paint_figure
from reid_jax.synthetic.person import Person, draw_person
from reid_jax.synthetic.place import background

SCENE = (360, 480)  # (height, width) of the camera's picture from which crops are cut
_STUFF = ((92, 96, 100), (150, 60, 50), (70, 100, 70), (176, 170, 160), (60, 70, 96))


class Passage(NamedTuple):
    """One passage of a person in front of a camera.

    Attributes:
        x: column of the foot in the scene, pixels.
        depth: metres from the camera.
        view: radians, 0 from the front.
        stride: largest distance of the foot from `x` in a shot, pixels.
        exposure: factor on the light.
    """

    x: float
    depth: float
    view: float
    stride: float
    exposure: float


class Shot(NamedTuple):
    """The random numbers of one picture, each uniform in [0, 1).

    Attributes:
        view: decides the deviation from the view of the passage.
        step: the position along the path.
        phase: the phase of the walking cycle.
        zoom: the size of the detector's box.
        across: the box's shift to the side.
        up: the box's shift up or down.
        fate: a low one makes a box far off, a high one an occlusion.
        occluder: the kind of the object in front.
        where: its position.
        size: its size.
        row: the first row of the noise.
        column: the first column of the noise.
        light: a small change of the exposure.
    """

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
    """Draw a passage."""
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


def _frame(
    passage: Passage, shot: Shot, camera: Camera, height: float, size: tuple[int, int]
) -> tuple[float, float, float, tuple[float, float], float]:
    """Place the crop of a person of `height` metres in the scene.

    Returns left, top and scale (crop pixels per scene pixel) of the crop, and the foot and the body
    height of the person, all in pixels of the scene.
    """
    focal = camera.focal * SCENE[0]
    foot_x = passage.x + passage.stride * (2 * shot.step - 1)
    foot_y = camera.horizon * SCENE[0] + focal * camera.height / passage.depth
    tall = focal * height / passage.depth
    slack = 4 * (shot.fate < 0.06) + 1  # a few boxes of the detector are far off
    box = tall * (1.04 + 0.2 * shot.zoom)
    scale = size[0] / box
    left = foot_x - 0.5 * size[1] / scale + 0.05 * tall * (2 * shot.across - 1) * slack
    top = (
        foot_y
        + 0.03 * tall
        - box
        + 0.03 * tall * (2 * shot.up - 1) * slack
        + 0.1 * tall * (shot.zoom - 0.3)
    )
    return left, top, scale, (foot_x, foot_y), tall


def _cut(
    camera: Camera, left: float, top: float, scale: float, size: tuple[int, int]
) -> np.ndarray:
    """Cut the background of a crop from the scene, uint8 [*size 3]."""
    scene = background(camera, SCENE)
    to = np.array([[1 / scale, 0, left], [0, 1 / scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        scene, to, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def _occlude(
    canvas: np.ndarray, camera: Camera, shot: Shot, foot: tuple[float, float], tall: float
) -> None:
    """Paint an object in front of the person: another person, a post or a low obstacle."""
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
    """Record a crop with the camera: light, blur, resolution and noise."""
    scale = image.shape[0] / 128
    image = expose(image, camera, exposure * (0.95 + 0.1 * shot.light))
    image = soften(image, camera.blur * scale, camera.resolution)
    return speckle(image, camera.noise, (int(800 * shot.row), int(800 * shot.column)))


def shoot(name: tuple[str, int, str, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Render the crop of a person.

    Args:
        name: (domain, seed, pool, person, camera, shot), on which the picture depends: the
            appearance of the person on the first four, the camera on its number and the domain,
            the passage on all but the shot.
        size: (height, width) in pixels.

    Returns:
        uint8 [h w 3], RGB.
    """
    domain, seed, pool, number, camera_number, _ = name
    person = draw_person(domain, seed, pool, number)
    camera = draw_camera(domain, "fixed", camera_number)
    passage = _pass_by(generator("passage", *name[:-1]), camera)
    shot = Shot(*generator("shot", *name).random(len(Shot._fields)).tolist())
    return _compose(person, passage, shot, camera, size)


def _compose(
    person: Person, passage: Passage, shot: Shot, camera: Camera, size: tuple[int, int]
) -> np.ndarray:
    """Paint background, person and occlusion, and record them with the camera."""
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
    """Render a false positive of a detector: background only, or a part of a person.

    Args:
        name: (domain, seed, pool, number, camera, shot), on which the picture depends.
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
