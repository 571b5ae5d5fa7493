"""A tracker for programs: frames and boxes of anyone's detector in, numbers of persons out."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from reid_jax.options import nearest
from reid_jax.tracking import moving, tracks
from reid_jax.tracking.tracks import How, Seen
from reid_jax.video.cut import crop

FAR = 1e6  # pixels; a coordinate beyond is no place in a picture


class Embed(Protocol):
    """Pictures, uint8 [h w 3] RGB each -> f32[n d], rows of length one."""

    def __call__(self, pictures: Any, /) -> np.ndarray:
        """Embed pictures."""


class Tracked(NamedTuple):
    """What `Tracker.update` tells of a frame of m boxes.

    Attributes:
        id: i64[m], the number of each box that was given; -1: none (yet), or the box was left out.
        seen: the persons of the frame, those just lost among them.
        embedding: f32[m d], of each box, rows of length one; 0 where it was left out; None without
            an encoder.
    """

    id: Int[np.ndarray, "m"]
    seen: Seen
    embedding: Float[np.ndarray, "m d"] | None


class Tracker:
    """Deep SORT, frame by frame: see `reid_jax.tracking.tracks`.

    Attributes:
        tracks: all that are remembered.
        left_out: how many boxes were not used: by "confidence"; without "area", less than a pixel
            wide or high; "outside".
        seconds: spent so far on "embedding", "tracking" and, where asked for, "camera".

    Example:
        >>> import numpy as np, reid_jax
        >>> tracker = reid_jax.Tracker(reid_jax.load("runs/market"))
        >>> frame = np.zeros((240, 320, 3), np.uint8)
        >>> for _ in range(3):
        ...     tracked = tracker.update(frame, [[10, 20, 50, 140]])
        >>> tracked.id.tolist()
        [1]
    """

    def __init__(
        self,
        encoder: Embed | None = None,
        *,
        confidence: float = 0.3,
        camera_motion: bool = False,
        **how: Any,
    ):
        """Begin without tracks.

        Args:
            encoder: a `reid_jax.Encoder`, or any function of pictures; None: boxes are paired by
                overlap alone.
            confidence: boxes below it are left out, where the detector tells one.
            camera_motion: find how the picture moves, and move the tracks with it.
            **how: options of `tracks.How`: distance, overlap, gate, budget, confirm, forget, coast,
                noise.

        Raises:
            ValueError: there is no such option, or it cannot have that value.
        """
        self.encoder, self.confidence, self.camera_motion = encoder, confidence, camera_motion
        self.how = checked(how)
        self.tracks, self.left_out = tracks.begin(), Counter[str]()
        self.seconds: dict[str, float] = {"embedding": 0.0, "tracking": 0.0, "camera": 0.0}
        self._before: np.ndarray | None = None
        self._frames = 0

    def update(self, frame: np.ndarray | None, boxes: Any, confidence: Any = None) -> Tracked:
        """Go on by a frame.

        Args:
            frame: uint8 [h w 3], RGB; None where there is no encoder and no camera_motion.
            boxes: f[m 4], left, top, right, bottom in pixels; or an object with .xyxy and perhaps
                .confidence, as `supervision.Detections`. Boxes that have no area, or lie outside
                the frame, are left out.
            confidence: f[m], where `boxes` is an array.

        Returns:
            Numbers of the boxes, and the persons of the frame.

        Raises:
            ValueError: the frame is no picture, or boxes are not [m 4] or not finite.
        """
        self._frames += 1
        box, certain = given(boxes, confidence, self._frames)
        if frame is None and (self.encoder is not None or self.camera_motion):
            raise ValueError("update needs the frame, uint8 [h w 3] RGB, to see what boxes show")
        if frame is not None and (frame.dtype != np.uint8 or frame.ndim != 3):
            raise ValueError(
                f"frame {self._frames} is {frame.dtype} {list(frame.shape)}; give uint8 [h w 3] RGB"
            )
        size = None if frame is None else (frame.shape[0], frame.shape[1])
        used = np.flatnonzero(usable(box, certain, self.confidence, size, self.left_out))
        vectors = self._embedded(frame, box[used])
        moved = self._moved(frame)
        began = time.perf_counter()
        self.tracks, seen = tracks.step(self.tracks, box[used], vectors, self.how, moved)
        self.seconds["tracking"] += time.perf_counter() - began
        found = seen.row >= 0
        row = np.where(found, used[seen.row] if len(used) else -1, -1)
        number = np.full(len(box), -1)
        number[row[found]] = seen.number[found]
        embedding = None
        if vectors is not None:
            embedding = np.zeros((len(box), vectors.shape[1]), np.float32)
            embedding[used] = vectors
        return Tracked(number, seen._replace(row=row), embedding)

    def skip(self, frames: int = 1) -> None:
        """Let frames pass that are missing: tracks move on, and none counts as not seen."""
        self.tracks = tracks.passed(self.tracks, frames, self.how)
        self._frames += frames
        self._before = None

    def _embedded(self, frame: np.ndarray | None, box: np.ndarray) -> np.ndarray | None:
        if self.encoder is None or frame is None:
            return None
        began = time.perf_counter()
        vectors = embedded(self.encoder, frame, box)
        self.seconds["embedding"] += time.perf_counter() - began
        return vectors

    def _moved(self, frame: np.ndarray | None) -> Callable | None:
        if not self.camera_motion or frame is None:
            return None
        began, now, before = time.perf_counter(), moving.small(frame), self._before
        self._before = now
        moved = None
        if before is not None and before.shape == now.shape:
            moved = moving.moved(moving.between(before, now, frame.shape[1]))
        self.seconds["camera"] += time.perf_counter() - began
        return moved


def checked(how: dict[str, Any]) -> How:
    """The options of tracking by name.

    Raises:
        ValueError: there is no such option, or it cannot have that value.
    """
    for name, value in how.items():
        if name not in How._fields:
            near = nearest(name, How._fields)
            raise ValueError(
                f"there is no option {name!r}{near}; those of tracking are {', '.join(How._fields)}"
            )
        least = {"confirm": 1, "budget": 1, "noise": 1e-3}.get(name, 0)
        if not value >= least:
            raise ValueError(f"{name}={value}; give {least} or more")
    return How(**how)


def given(boxes: Any, confidence: Any, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """(f64[m 4], f64[m]) of boxes in any form; a box without a confidence has infinity.

    Raises:
        ValueError: they are not [m 4], or not finite.
    """
    if hasattr(boxes, "xyxy"):
        boxes, confidence = boxes.xyxy, getattr(boxes, "confidence", None)
    box = np.asarray(boxes, float)
    if box.size == 0:
        box = box.reshape(0, 4)
    if box.ndim != 2 or box.shape[1] != 4:
        raise ValueError(
            f"the boxes of frame {frame} are {list(box.shape)}; give [m 4]: left, top, right, "
            "bottom in pixels"
        )
    if not (np.abs(box) < FAR).all():  # NaN is not, either
        row = int(np.argmin((np.abs(box) < FAR).all(1)))
        raise ValueError(f"box {row} of frame {frame} is {box[row].tolist()}, which is no place")
    certain = np.full(len(box), np.inf) if confidence is None else np.asarray(confidence, float)
    if certain.shape != (len(box),):
        raise ValueError(
            f"frame {frame} has {len(box)} boxes and confidences {list(certain.shape)}; give one "
            "for each box"
        )
    return box, certain


def usable(
    box: Float[np.ndarray, "m 4"],
    certain: Float[np.ndarray, "m"],
    least: float,
    size: tuple[int, int] | None,
    left_out: Counter[str] | None = None,
) -> Bool[np.ndarray, "m"]:
    """Which boxes can be tracked.

    Args:
        box: f[m 4], left, top, right, bottom.
        certain: f[m], the detector's confidence.
        least: of it.
        size: (height, width) of the frame, in which a part of a box must be; None: not known.
        left_out: is told how many are not, by reason.
    """
    sure, solid = certain >= least, ((box[:, 2:] - box[:, :2]) >= 1).all(1)
    inside = np.ones(len(box), bool)
    if size is not None:
        inside &= (box[:, 2:] > 0).all(1) & (box[:, :2] < np.array(size[::-1])).all(1)
    if left_out is not None:
        left_out["confidence"] += int((~sure).sum())
        left_out["area"] += int((sure & ~solid).sum())
        left_out["outside"] += int((sure & solid & ~inside).sum())
    return sure & solid & inside


def embedded(encoder: Embed, frame: np.ndarray, box: Float[np.ndarray, "m 4"]) -> np.ndarray:
    """f32[m d], the embeddings of boxes that are usable in a frame, uint8 [h w 3]."""
    pieces = [crop(frame, one, 1) for one in box]
    pictures = [np.ascontiguousarray(piece[0]) for piece in pieces if piece]
    if not pictures:  # the width of an embedding is not known before the first
        return np.zeros((0, getattr(encoder, "width", 0)), np.float32)
    return np.asarray(encoder(pictures), np.float32)
