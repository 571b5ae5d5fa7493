"""Crops: a person who passes a camera of the town, as a detector would cut it out."""

import math
from typing import NamedTuple

import cv2
import numpy as np

import reid_jax.synthetic.town.raster as raster
import reid_jax.synthetic.town.shade as shade
from reid_jax.synthetic.chance import between, generator
from reid_jax.synthetic.town.body import parts
from reid_jax.synthetic.town.camera import Camera, draw_camera, light_of, record
from reid_jax.synthetic.town.person import Person, draw_person
from reid_jax.synthetic.town.pose import draw_pose
from reid_jax.synthetic.town.scene import SIZE, horizon, scene
from reid_jax.synthetic.town.switches import Switches

FINE = 1.25  # rows that are ray-cast for one of the crop

Name = tuple[int, str, int, int, int]  # seed, pool, person, camera, shot


class View(NamedTuple):
    """How a crop lies before a camera.

    Attributes:
        pitch: radians that the camera looks down at the person by.
        distance: metres.
        azimuth: radians that the place is turned by, for the sun.
        row: the row of the foot in the scene.
        column: its column.
    """

    pitch: float
    distance: float
    azimuth: float
    row: float
    column: float


class Frame(NamedTuple):
    """What all bodies of a crop share: `fine` is the size in pixels that they are ray-cast at."""

    camera: Camera
    view: View
    light: np.ndarray
    fine: tuple[int, int]
    switches: Switches


class Place(NamedTuple):
    """Where a body stands in the ray-cast picture: its foot in pixels, and pixels of a metre."""

    foot: tuple[float, float]
    scale: float


def _view(camera: Camera, rng: np.random.Generator) -> View:
    distance = between(rng, (camera.near, camera.far))
    column = between(rng, (0.12, 0.88)) * SIZE[1]
    row = horizon(camera) + camera.lens * camera.height / distance
    return View(
        math.atan2(camera.height - 0.9, distance), distance, rng.normal() * 0.2, row, column
    )


def _extent(body: np.ndarray, yaw: float, pitch: float) -> tuple[float, float, float, float]:
    """Left, low, right and top of a body in metres of the picture."""
    ends = np.stack([body[:, raster.A : raster.A + 3], body[:, raster.B : raster.B + 3]])
    x = math.cos(yaw) * ends[..., 0] + math.sin(yaw) * ends[..., 2]
    z = math.cos(yaw) * ends[..., 2] - math.sin(yaw) * ends[..., 0]
    y = math.cos(pitch) * ends[..., 1] - math.sin(pitch) * z
    r = body[:, [raster.RADIUS_A, raster.RADIUS_B]].T
    up = r / np.maximum(1.0, body[:, raster.SQUASH])
    up = np.where(body[:, raster.LOW] >= 0, up * 0.2, up)
    return float((x - r).min()), float((y - up).min()), float((x + r).max()), float((y + up).max())


def _draw(person: Person, body: np.ndarray, yaw: float, frame: Frame, at: Place) -> np.ndarray:
    """A body as f32[h w 4], linear RGB times cover, and cover."""
    seen = np.zeros((*frame.fine, raster.SEEN), np.float32)
    seen[..., raster.DEPTH] = raster.NOTHING
    image = np.zeros((*frame.fine, 4), np.float32)
    view, foot = frame.view, np.array(at.foot, np.float64)
    raster.cast(body, yaw, view.pitch, view.distance, foot, at.scale, seen)
    shade.paint(seen, body, person.materials, frame.light, at.scale, image)
    return image


def _box(
    extent: tuple[float, float, float, float], rng: np.random.Generator, errs: bool
) -> tuple[float, float, float, float]:
    """Left, low, width and height of the detector's box in metres."""
    left, low, right, top = extent
    tall = top - low
    chance, off = rng.random(4), rng.normal(0, 0.025, 2)
    if not errs:
        chance[:], off[:] = 0.5, 0
    elif chance[3] < 0.06:
        off *= 4
    high = tall * (1.02 + 0.2 * chance[0])
    aspect = 0.5 if chance[1] < 0.6 else 0.36 + 0.24 * chance[2]
    wide = max(high * aspect, (right - left) * (0.75 if errs else 1.0))
    middle = 0.5 * (left + right) * 0.7 + off[0] * tall * 1.5
    return middle - wide / 2, low - 0.4 * (high - tall) + off[1] * tall, wide, high


def _background(
    camera: Camera,
    view: View,
    switches: Switches,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
) -> np.ndarray:
    """The scene behind a box, f32[h w 3], sRGB in [0, 1]."""
    metre = camera.lens / view.distance
    left, low, wide, high = box
    to = np.array([
        [wide * metre / size[1], 0, view.column + left * metre],
        [0, high * metre / size[0], view.row - (low + high) * metre],
    ])  # fmt: skip
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(
        scene(camera.number, switches), to, size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT
    )
    return picture.astype(np.float32) / 255


def _over(image: np.ndarray, figure: np.ndarray) -> np.ndarray:
    """Lay a figure over a picture."""
    small = cv2.resize(figure, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    cover = small[..., 3:]
    colour = np.sqrt(np.maximum(small[..., :3], 0) / np.maximum(cover, 1e-3))
    return image * (1 - cover) + colour * cover


def _shadow(image: np.ndarray, frame: Frame, place: Place) -> None:
    """Darken the ground at the feet, and along the sun's shadow."""
    camera, view = frame.camera, frame.view
    down, across = (image.shape[i] / frame.fine[i] for i in (0, 1))
    foot = place.foot[0] * across, place.foot[1] * down
    scale = place.scale * across, place.scale * down
    dark = np.zeros(image.shape[:2], np.float32)
    flat = max(0.15, math.sin(view.pitch))
    at = (int(foot[0]), int(foot[1]))
    axes = max(1, int(0.3 * scale[0])), max(1, int(0.3 * scale[1] * flat))
    cv2.ellipse(dark, at, axes, 0, 0, 360, 0.5, -1)
    turn, up = camera.sun[0] + view.azimuth, camera.sun[1]
    long = min(3.0, 1.6 / math.tan(up))
    tip = (
        int(foot[0] - long * math.sin(turn) * scale[0]),
        int(foot[1] + long * math.cos(turn) * scale[1] * flat),
    )
    strong = 0.6 * min(1.0, camera.strength)
    cv2.line(dark, at, tip, strong, max(1, int(0.36 * scale[0])))
    soft = cv2.GaussianBlur(dark, (0, 0), max(0.6, 0.06 * scale[0]))
    image *= (1 - camera.shade * 0.8 * soft)[..., None]


def _blot(image: np.ndarray, rng: np.random.Generator) -> None:
    """A thing in front: a post, a low wall, a leaf."""
    high, wide = image.shape[:2]
    colour = np.clip(between(rng, (0.1, 0.7)) * (1 + 0.12 * rng.normal(size=3)), 0, 1)
    kind, a, b = rng.integers(3), rng.random(), rng.random()
    grain = 1 + 0.08 * rng.normal(size=(high, wide, 1))
    mask: np.ndarray = np.zeros((high, wide), bool)
    if kind == 0:
        mask[:, int(a * wide) : int(a * wide) + max(2, int(0.14 * b * wide))] = True
    elif kind == 1:
        mask[int(high * (0.62 + 0.3 * a)) :, :] = True
    else:
        left = 0 if a < 0.5 else int(wide * (0.65 + 0.25 * b))
        mask[int(high * 0.3 * b) :, left : left + int(wide * 0.3)] = True
    image[mask] = (colour * grain)[mask]


def _stranger(
    image: np.ndarray, frame: Frame, at: Place, seed: int, rng: np.random.Generator, front: bool
) -> np.ndarray:
    """Lay another person over a picture, in front or behind."""
    away, near = ((0.3, 0.6), (1.02, 1.3)) if front else ((0.25, 0.9), (0.55, 0.97))
    shift, nearer = rng.choice([-1, 1]) * between(rng, away), between(rng, near)
    person = draw_person(seed, "crowd", int(rng.integers(4000)), frame.switches)
    body = parts(person, draw_pose(rng, person))
    foot = at.foot[0] + shift * at.scale, at.foot[1] + (nearer - 1) * 0.6 * at.scale
    place = Place(foot, at.scale * nearer)
    return _over(image, _draw(person, body, 6.28 * rng.random(), frame, place))


def shoot(
    name: Name, size: tuple[int, int], switches: Switches, *, empty: bool = False
) -> np.ndarray:
    """Render the crop of a person.

    Args:
        name: (seed, pool, person, camera, shot), on which the picture depends: looks on the first
            three, the camera on its number, the passage on all but the shot.
        size: (height, width) in pixels.
        switches: what is drawn.
        empty: whether nobody is drawn, as where a detector errs.

    Returns:
        uint8 [h w 3], RGB.
    """
    seed, pool, number, at, _ = name
    camera = draw_camera(at, switches)
    passing, rng = generator("town passage", *name[:-1]), generator("town shot", *name)
    person = draw_person(seed, pool, number, switches)
    if passing.random() < 0.06 and switches.twins:
        person = person._replace(bag="none")  # laid down somewhere
    view = _view(camera, passing)
    yaw = camera.flow[int(passing.random() * 2)] + 0.5 * passing.normal() + 0.35 * rng.normal()
    if not switches.turn:
        yaw = math.pi * (passing.random() < 0.5)
    body = parts(person, draw_pose(rng, person))
    box = _box(_extent(body, yaw, view.pitch), rng, switches.boxes)
    fine = round(size[0] * FINE), max(8, round(size[0] * FINE * box[2] / box[3]))
    frame = Frame(camera, view, light_of(camera, view.pitch, view.azimuth), fine, switches)
    scale = fine[0] / box[3]
    place = Place((-box[0] * scale, fine[0] + box[1] * scale), scale)
    image = _background(camera, view, switches, box, size)
    behind, before, thing = rng.random(3) < (0.22, 0.08, 0.07)
    if switches.front and behind:
        image = _stranger(image, frame, place, seed, rng, False)
    if not empty:
        _shadow(image, frame, place)
        image = _over(image, _draw(person, body, yaw, frame, place))
    if switches.front and before:
        image = _stranger(image, frame, place, seed, rng, True)
    if switches.front and thing:
        _blot(image, rng)
    if not switches.sensor:
        return (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return record(image, camera, rng)
