"""Persons of one video as units of a gallery: a track's pictures, thinned while it goes on.

A track of any length takes bounded memory: of its pictures `POOL` at most are kept, evenly over its
time, each as an embedding and a thumbnail.
"""

from typing import NamedTuple

import numpy as np

from reid_jax.gallery import thumbnails
from reid_jax.tracking.tracker import Embed, Tracker
from reid_jax.tracking.tracks import How
from reid_jax.video.boxes import Boxes
from reid_jax.video.cut import crop

POOL = 32  # pictures of a track that are kept while it goes on


class Frame(NamedTuple):
    """A frame that is looked at.

    Attributes:
        number: in the video.
        picture: uint8 [h w 3], RGB.
        time: microseconds since 1970 (UTC); None: not known.
        passed: how many looks were left out since the frame before.
    """

    number: int
    picture: np.ndarray
    time: int | None
    passed: int = 0


class Picture(NamedTuple):
    """A person in a frame.

    Attributes:
        embedding: f32[d], of length one.
        jpeg: the thumbnail.
        frame: the frame's number.
        box: left, top, width, height in pixels, within the frame.
        time: of the frame.
    """

    embedding: np.ndarray
    jpeg: bytes
    frame: int
    box: list[int]
    time: int | None


class Unit(NamedTuple):
    """A track that ended.

    Attributes:
        track: its name within the video.
        pictures: at most `POOL`.
    """

    track: str
    pictures: list[Picture]


class _Pool:
    """Pictures of one track, evenly over its time."""

    def __init__(self, part: int):
        self.part, self.seen, self.every = part, 0, 1
        self.pictures: list[Picture] = []

    def due(self) -> bool:
        """Whether the next picture is one to keep."""
        return self.seen % self.every == 0

    def add(self, picture: Picture) -> None:
        self.pictures.append(picture)
        if len(self.pictures) >= POOL:
            self.pictures, self.every = self.pictures[::2], 2 * self.every


class Units:
    """The tracks of one video, by Deep SORT."""

    def __init__(self, encoder: Embed, how: How, *, confidence: float, longest: int):
        """Begin.

        Args:
            encoder: pictures -> embeddings.
            how: the options of tracking.
            confidence: least of a box.
            longest: looks after which a track is given out and goes on as another unit.
        """
        self._tracker = Tracker(encoder, confidence=confidence, **how._asdict())
        self._longest, self._pools = longest, dict[int, _Pool]()

    def look(self, frame: Frame, boxes: Boxes) -> list[Unit]:
        """Go on by a frame; returns the units that ended.

        Raises:
            ValueError: as `Tracker.update`.
        """
        if frame.passed:
            self._tracker.skip(frame.passed)
        tracked = self._tracker.update(frame.picture, boxes.box, boxes.score)
        for row, number in enumerate(tracked.id.tolist()):
            if number > 0 and tracked.embedding is not None:
                self._see(number, frame, boxes.box[row], tracked.embedding[row])
        alive = set(self._tracker.tracks.number.tolist())
        ended = [self._given(one) for one in sorted(set(self._pools) - alive)]
        long = [one for one, pool in self._pools.items() if pool.seen >= self._longest]
        for number in long:
            part = self._pools[number].part
            ended.append(self._given(number))
            self._pools[number] = _Pool(part + 1)
        return [one for one in ended if one.pictures]

    def close(self) -> list[Unit]:
        """The units of the tracks that go on; the video is over."""
        given = [self._given(one) for one in sorted(self._pools)]
        return [one for one in given if one.pictures]

    def _see(self, number: int, frame: Frame, box: np.ndarray, embedding: np.ndarray) -> None:
        pool = self._pools.setdefault(number, _Pool(1))
        piece = crop(frame.picture, box, 1) if pool.due() else None
        pool.seen += 1
        if piece is not None:
            pixels, place = piece
            jpeg = thumbnails.made(np.ascontiguousarray(pixels))
            pool.add(Picture(embedding.copy(), jpeg, frame.number, place, frame.time))

    def _given(self, number: int) -> Unit:
        pool = self._pools.pop(number)
        name = str(number) if pool.part == 1 else f"{number}.{pool.part}"
        return Unit(name, pool.pictures)
