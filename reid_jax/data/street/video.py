"""Videos: frames that are rendered when asked for, and the truth about who is in them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from reid_jax.data.street.brush import settle
from reid_jax.data.street.camera import expose, soften, speckle
from reid_jax.data.street.chance import generator
from reid_jax.data.street.figure import paint_figure
from reid_jax.data.street.place import background
from reid_jax.data.street.walk import Sight, Station, Walker, sight

TRUTH = np.dtype(
    [("frame", "i4"), ("person", "i4"), ("x", "i4"), ("y", "i4"), ("w", "i4"), ("h", "i4"), ("visible", "f4")]
)
_MARGIN = 6  # pixels around a region that blur may reach into
_SOLID = 127  # opacity from which a pixel belongs to a figure; the shadow at the feet stays below


@dataclass(frozen=True)
class Video:
    """A single-camera video of walking people, a sequence of frames uint8 [h w 3], RGB.

    name: (domain, seed, scene, number), which seeds the noise; station: the camera; walkers: who passes; frames: how
    many there are, at `rate` frames a second; size: (height, width) in pixels.
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
        """Render one frame, uint8 [h w 3]; frames count from 0, and from the end below 0."""
        return self.frame(number)

    def frame(self, frame: int) -> np.ndarray:
        """Render one frame, uint8 [h w 3]."""
        return self.region(frame, (0, 0, self.size[1], self.size[0]))

    def region(self, frame: int, box: tuple[int, int, int, int]) -> np.ndarray:
        """Render the part (left, top, right, bottom) of a frame, in pixels: the same pixels that the frame has."""
        frame = self._check(frame)
        return _render(self, frame, self.sights(frame), box)

    def empty(self, frame: int) -> np.ndarray:
        """Render a frame as it would be without people, uint8 [h w 3]."""
        return _render(self, self._check(frame), [], (0, 0, self.size[1], self.size[0]))

    def sights(self, frame: int) -> list[Sight]:
        """Give who may be seen in a frame, from far to near."""
        seen = [sight(walker, self.station, frame / self.rate, self.size) for walker in self.walkers]
        return sorted((one for one in seen if one is not None), key=lambda one: -one.depth)

    @property
    def truth(self) -> np.ndarray:
        """Who is where: a `TRUTH` row for each person in each frame, sorted by frame and person.

        x, y, w, h bound the pixels of the figure inside the frame, be they hidden by others or not; `visible` is the
        share of the whole figure that is in the frame and not hidden.
        """
        return self.truth_every(1)

    def truth_every(self, stride: int) -> np.ndarray:
        """`truth` of each `stride`-th frame, from the first on."""
        return _truth(self, stride)

    def _check(self, frame: int) -> int:
        if not -self.frames <= frame < self.frames:
            raise IndexError(f"frame {frame} of a video of {self.frames} frames")
        return int(frame) % self.frames


def _figure(one: Sight) -> tuple[np.ndarray, int, int]:
    """Paint a walker; give the canvas uint8 [h w 4] and the column and row of the frame where it begins."""
    left, top = math.floor(one.foot[0] - 0.55 * one.tall) - 2, math.floor(one.foot[1] - 1.1 * one.tall) - 2
    canvas = np.zeros((math.ceil(1.2 * one.tall) + 6, math.ceil(1.1 * one.tall) + 6, 4), np.uint8)
    foot = one.foot[0] - left, one.foot[1] - top
    paint_figure(canvas, one.walker.looks, one.view, one.phase, foot, one.tall)
    return canvas, left, top


def _meet(shape: tuple[int, ...], left: int, top: int, box: tuple[int, int, int, int]) -> tuple | None:
    """Give where a canvas at (left, top) lies in a box: the slices of the canvas and those of the box, or None."""
    x0, y0 = max(left, box[0]), max(top, box[1])
    x1, y1 = min(left + shape[1], box[2]), min(top + shape[0], box[3])
    if x0 >= x1 or y0 >= y1:
        return None
    inner = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    return inner, (slice(y0 - box[1], y1 - box[1]), slice(x0 - box[0], x1 - box[0]))


def _render(video: Video, frame: int, sights: list[Sight], box: tuple[int, int, int, int]) -> np.ndarray:
    height, width = video.size
    left, top = max(box[0] - _MARGIN, 0), max(box[1] - _MARGIN, 0)
    wide = left, top, min(box[2] + _MARGIN, width), min(box[3] + _MARGIN, height)
    camera = video.station.camera
    image = background(camera, video.size)[wide[1] : wide[3], wide[0] : wide[2]].copy()
    for one in sights:
        reach = 0.55 * one.tall + 8
        if one.foot[0] + reach < wide[0] or one.foot[0] - reach > wide[2]:
            continue
        canvas, *corner = _figure(one)
        met = _meet(canvas.shape, *corner, wide)
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
    height, width = video.size
    covered = np.zeros((height, width), bool)
    rows = []
    for one in reversed(video.sights(frame)):  # from near to far: what is covered hides those behind
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
