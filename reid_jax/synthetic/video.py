"""Videos: frames rendered on demand, and the true boxes of the persons in them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from reid_jax.synthetic.brush import settle
from reid_jax.synthetic.camera import expose, soften, speckle
from reid_jax.synthetic.chance import generator
from reid_jax.synthetic.figure import paint_figure
from reid_jax.synthetic.place import background
from reid_jax.synthetic.walk import Sight, Station, Walker, sight

TRUTH = np.dtype(
    [
        ("frame", "i4"),
        ("person", "i4"),
        ("x", "i4"),
        ("y", "i4"),
        ("w", "i4"),
        ("h", "i4"),
        ("visible", "f4"),
    ]
)
_MARGIN = 6  # pixels around a region that the blur depends on
_SOLID = 127  # a pixel of a higher opacity belongs to the figure; the shadow has a lower one


@dataclass(frozen=True)
class Video:
    """A single-camera video of walking persons: item i is frame i, uint8 [h w 3], RGB.

    Attributes:
        name: (domain, seed, scene, number), which seeds the noise.
        camera: the number of the camera in the data set.
        station: the camera and its position.
        walkers: the persons and their paths.
        frames: number of frames.
        rate: frames a second.
        size: (height, width) in pixels.
    """

    name: tuple[str, int, str, int]
    camera: int
    station: Station
    walkers: tuple[Walker, ...]
    frames: int
    rate: float
    size: tuple[int, int]

    @property
    def group(self) -> int:
        """The number of the video in its data set."""
        return self.name[3]

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[frame] for frame in range(self.frames))

    def __getitem__(self, number: int) -> np.ndarray:
        """Render a frame, uint8 [h w 3]; a negative number counts from the end."""
        return self.frame(number)

    def frame(self, frame: int) -> np.ndarray:
        """Render a frame, uint8 [h w 3]; a negative number counts from the end."""
        return self.region(frame, (0, 0, self.size[1], self.size[0]))

    def region(self, frame: int, box: tuple[int, int, int, int]) -> np.ndarray:
        """Render a part of a frame with the same pixels as in the whole frame.

        Args:
            frame: the number of the frame.
            box: (left, top, right, bottom) in pixels, inside the frame.

        Returns:
            uint8 [h w 3].
        """
        frame = self._check(frame)
        return _render(self, frame, self.sights(frame), box)

    def empty(self, frame: int) -> np.ndarray:
        """Render a frame without persons, uint8 [h w 3]."""
        return _render(self, self._check(frame), [], (0, 0, self.size[1], self.size[0]))

    def sights(self, frame: int) -> list[Sight]:
        """List the persons in view in a frame, from far to near; some may be hidden by others."""
        time = frame / self.rate
        seen = [sight(walker, self.station, time, self.size) for walker in self.walkers]
        return sorted((one for one in seen if one is not None), key=lambda one: -one.depth)

    @property
    def truth(self) -> np.ndarray:
        """The true boxes: a `TRUTH` row of each person in each frame, sorted by frame and person.

        x, y, w, h bound the pixels of the figure inside the frame, whether others hide them or not.
        `visible` is the share of the whole figure that is inside the frame and not hidden.
        """
        return self.truth_every(1)

    def truth_every(self, stride: int) -> np.ndarray:
        """Return the rows of `truth` of every `stride`-th frame, beginning with the first."""
        return _truth(self, stride)

    def _check(self, frame: int) -> int:
        """Return the number of a frame counted from 0."""
        if not -self.frames <= frame < self.frames:
            raise IndexError(f"frame {frame} of a video of {self.frames} frames")
        return int(frame) % self.frames


def _figure(one: Sight) -> tuple[np.ndarray, int, int]:
    """Paint a walker: (canvas uint8 [h w 4], column and row of the frame where it begins)."""
    left = math.floor(one.foot[0] - 0.55 * one.tall) - 2
    top = math.floor(one.foot[1] - 1.1 * one.tall) - 2
    canvas = np.zeros((math.ceil(1.2 * one.tall) + 6, math.ceil(1.1 * one.tall) + 6, 4), np.uint8)
    foot = one.foot[0] - left, one.foot[1] - top
    paint_figure(canvas, one.walker.looks, one.view, one.phase, foot, one.tall)
    return canvas, left, top


def _meet(
    shape: tuple[int, ...], left: int, top: int, box: tuple[int, int, int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Intersect a canvas at (left, top) with a box: slices of canvas and box, None if apart."""
    x0, y0 = max(left, box[0]), max(top, box[1])
    x1, y1 = min(left + shape[1], box[2]), min(top + shape[0], box[3])
    if x0 >= x1 or y0 >= y1:
        return None
    inner = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    return inner, (slice(y0 - box[1], y1 - box[1]), slice(x0 - box[0], x1 - box[0]))


def _render(
    video: Video, frame: int, sights: list[Sight], box: tuple[int, int, int, int]
) -> np.ndarray:
    """Render the part `box` of a frame with the given walkers, uint8 [h w 3]."""
    height, width = video.size
    left, top = max(box[0] - _MARGIN, 0), max(box[1] - _MARGIN, 0)
    wide = left, top, min(box[2] + _MARGIN, width), min(box[3] + _MARGIN, height)
    camera = video.station.camera
    image = background(camera, video.size)[wide[1] : wide[3], wide[0] : wide[2]].copy()
    for one in sights:
        reach = 0.55 * one.tall + 8
        if one.foot[0] + reach < wide[0] or one.foot[0] - reach > wide[2]:
            continue
        canvas, x, y = _figure(one)
        met = _meet(canvas.shape, x, y, wide)
        if met is not None:
            part = image[met[1]].copy()
            settle(part, np.ascontiguousarray(canvas[met[0]]))
            image[met[1]] = part
    row, column = generator("frame", *video.name, video.camera, frame).integers(0, 1024, 2)
    image = soften(expose(image, camera), camera.blur, 1.0)
    image = speckle(image, camera.noise, (int(row) + top, int(column) + left))
    return image[box[1] - top : box[3] - top, box[0] - left : box[2] - left]


@lru_cache(maxsize=64)
def _truth(video: Video, stride: int) -> np.ndarray:
    rows = [row for frame in range(0, video.frames, stride) for row in _truth_of(video, frame)]
    truth = np.array(rows, TRUTH)
    truth.flags.writeable = False
    return truth


def _truth_of(video: Video, frame: int) -> list[tuple]:
    """Compute the `TRUTH` rows of a frame, sorted by person."""
    height, width = video.size
    covered = np.zeros((height, width), bool)
    rows = []
    for one in reversed(video.sights(frame)):  # from near to far: the near ones hide the far ones
        canvas, left, top = _figure(one)
        met = _meet(canvas.shape, left, top, (0, 0, width, height))
        if met is None:
            continue
        solid = canvas[..., 3] > _SOLID
        inside = solid[met[0]]
        if not inside.any():
            continue
        seen = inside & ~covered[met[1]]
        covered[met[1]] |= inside
        down, across = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        x, y = met[1][1].start + across[0], met[1][0].start + down[0]
        size = across[-1] - across[0] + 1, down[-1] - down[0] + 1
        rows.append((frame, one.walker.person, x, y, *size, seen.sum() / solid.sum()))
    return sorted(rows)
