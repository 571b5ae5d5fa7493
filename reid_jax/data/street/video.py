"""People who walk over a square, and the cameras that film it."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reid_jax.data.street.brush import settle
from reid_jax.data.street.camera import draw_camera, expose
from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.figure import paint_figure
from reid_jax.data.street.person import Person, draw_person
from reid_jax.data.street.place import backdrop

TRUTH = np.dtype(
    [("frame", "i4"), ("person", "i4"), ("x", "i4"), ("y", "i4"), ("w", "i4"), ("h", "i4"), ("visible", "f4")]
)
HORIZON = 0.3  # of the height of a frame
EYE = 3.2  # metres above the ground
FAR = 9.0  # metres from a camera to the middle of the square


class Walk(NamedTuple):
    """A straight way over the square: metres at the first frame, metres a frame, and the phase of the step."""

    person: int
    start: tuple[float, float]
    speed: tuple[float, float]
    phase: float


class Lens(NamedTuple):
    """A camera that looks at the middle of the square: its number in the domain, and the side it stands on (radians)."""

    camera: int
    yaw: float


class Video(NamedTuple):
    """One camera's film, frames drawn on demand; a pure value, picklable.

    len(video.walks) people; `count` frames; `frame(i)` is uint8 [h w 3]; `truth` the boxes of all frames.
    """

    domain: str
    seed: int
    lens: Lens
    walks: tuple[Walk, ...]
    count: int
    size: tuple[int, int]

    def frame(self, number: int) -> np.ndarray:
        """Frame `number` of `count`, uint8 [h w 3], RGB."""
        if not 0 <= number < self.count:
            raise IndexError(f"frame {number} of a video of {self.count}")
        return _shot(self, number, True)

    def empty(self, number: int) -> np.ndarray:
        """The same frame without people."""
        return _shot(self, number, False)

    @property
    def truth(self) -> np.ndarray:
        """Rows of TRUTH, frame by frame: box in pixels inside the frame, `visible` the share of the figure that is seen."""
        return _truth(self)


class Sprite(NamedTuple):
    """A painted person, premultiplied uint8 [h w 4], its place in the frame (left, top), and its distance."""

    person: int
    paint: np.ndarray
    left: int
    top: int
    distance: float


def draw_video(domain: str, seed: int, number: int, frames: int, people: int, size: tuple[int, int]) -> Video:
    """Film `number` of a seed: a camera of its own, and `people` walks."""
    lens = Lens(camera=number, yaw=0.0)
    return Video(domain, seed, lens, _walks(domain, seed, number, frames, people), frames, size)


def draw_pair(domain: str, seed: int, frames: int, people: int, size: tuple[int, int]) -> tuple[Video, Video]:
    """Two films of the same walks, from two sides."""
    walks = _walks(domain, seed, 10_000, frames, people)
    return tuple(Video(domain, seed, Lens(20 + side, 1.9 * side), walks, frames, size) for side in (0, 1))


def _walks(domain: str, seed: int, number: int, frames: int, people: int) -> tuple[Walk, ...]:
    rng = generator("walks", domain, seed, number, frames, people)
    walks = []
    for place in range(people):
        heading = between(rng, (0, 2 * math.pi))
        pace = between(rng, (0.06, 0.13))  # metres a frame, 10 frames a second
        # The moment at which a person passes the middle: some are under way at the start, some come later.
        when = between(rng, (-0.1, 1.1)) * frames
        aside = between(rng, (-2.2, 2.2))
        middle = aside * math.cos(heading), -aside * math.sin(heading)
        speed = pace * math.sin(heading), pace * math.cos(heading)
        start = middle[0] - when * speed[0], middle[1] - when * speed[1]
        walks.append(Walk(1 + place + 1000 * number, start, speed, between(rng, (0, 2 * math.pi))))
    return tuple(walks)


def _sprites(film: Video, number: int) -> list[Sprite]:
    """The people of a frame, from far to near."""
    height, width = film.size
    focal = 1.05 * width
    sprites = []
    for walk in film.walks:
        who = draw_person(film.domain, film.seed, "walkers", walk.person)
        x, z = (start + number * speed for start, speed in zip(walk.start, walk.speed, strict=True))
        cos, sin = math.cos(film.lens.yaw), math.sin(film.lens.yaw)
        right, away = x * cos - z * sin, x * sin + z * cos + FAR
        if away < 2.5 or away > 3 * FAR:
            continue
        scale = focal * who.height / away
        foot = width / 2 + focal * right / away, HORIZON * height + focal * EYE / away
        if not -scale < foot[0] < width + scale or foot[1] - 1.1 * scale > height:
            continue
        to_right = walk.speed[0] * cos - walk.speed[1] * sin
        to_away = walk.speed[0] * sin + walk.speed[1] * cos
        view = math.atan2(to_right, -to_away) - math.atan2(right, away)
        phase = walk.phase + 2 * math.pi * number * math.hypot(*walk.speed) / 1.5
        sprite = _paint(walk.person, who, view, phase, foot, scale, film.size)
        if sprite is not None:
            sprites.append(sprite._replace(distance=away))
    return sorted(sprites, key=lambda sprite: -sprite.distance)


def _paint(number: int, who: Person, view: float, phase: float, foot, scale: float, size) -> Sprite | None:
    left, top = int(foot[0] - 0.45 * scale), int(foot[1] - 1.1 * scale)
    right, bottom = int(foot[0] + 0.45 * scale) + 1, int(foot[1] + 0.06 * scale) + 1
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[1]), min(bottom, size[0])
    if right - left < 4 or bottom - top < 8:
        return None
    paint = np.zeros((bottom - top, right - left, 4), np.uint8)
    paint_figure(paint, who, view, phase, (foot[0] - left, foot[1] - top), scale)
    return Sprite(number, paint, left, top, 0.0)


def _shot(film: Video, number: int, peopled: bool) -> np.ndarray:
    camera = draw_camera(film.domain, film.lens.camera)
    image = backdrop(film.domain, film.lens.camera, camera.place, camera.ground, film.size, HORIZON).copy()
    for sprite in _sprites(film, number) if peopled else ():
        height, width = sprite.paint.shape[:2]
        settle(image[sprite.top : sprite.top + height, sprite.left : sprite.left + width], sprite.paint)
    rng = generator("frame", film.domain, film.seed, film.lens.camera, number)
    return expose(image, camera._replace(resolution=1.0, blur=0.0), 1.0, rng)


@lru_cache(maxsize=256)
def _truth(film: Video) -> np.ndarray:
    rows = []
    for number in range(film.count):
        covered = np.zeros(film.size, bool)
        for sprite in reversed(_sprites(film, number)):
            body = sprite.paint[:, :, 3] > 128  # the shadow is fainter
            if body.sum() < 30:
                continue
            tall, wide = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
            height, width = body.shape
            under = covered[sprite.top : sprite.top + height, sprite.left : sprite.left + width]
            box = sprite.left + wide[0], sprite.top + tall[0], wide[-1] - wide[0] + 1, tall[-1] - tall[0] + 1
            rows.append((number, sprite.person, *box, (body & ~under).sum() / body.sum()))
            under |= body
    table = np.array(rows, TRUTH)
    table.flags.writeable = False
    return table
