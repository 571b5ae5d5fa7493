"""Units into a gallery: in commits, each track of a video once."""

import time
from typing import NamedTuple

import numpy as np

from reid_jax.app.watching.units import Picture, Unit
from reid_jax.gallery.store import Store
from reid_jax.gallery.watched import Watched
from reid_jax.gallery.where import where

MANY, LATE = 64, 30.0  # units, and seconds, after which a commit is made
TIDY = 50  # commits after which the gallery is looked after


class Video(NamedTuple):
    """What a unit is of.

    Attributes:
        name: in the gallery, which no other has.
        camera: that filmed it.
        live: it is of a connection, and never seen again.
    """

    name: str
    camera: str
    live: bool = False


class Adder:
    """Adds units by tens, notes what was added, and passes over what was added before.

    Attributes:
        tracks: that were added.
        pictures: that were added.
        there: tracks that were there already.
    """

    def __init__(self, store: Store, watched: Watched, best: int):
        """Add nothing yet.

        Args:
            store: the gallery.
            watched: what it says of videos.
            best: pictures of a track that are kept.
        """
        self.tracks = self.pictures = self.there = 0
        self._store, self._watched, self._best = store, watched, best
        self._waiting: list[tuple[Video, Unit]] = []
        self._known: dict[str, set[str]] = {}
        self._since, self._commits = time.monotonic(), 0

    def size(self, name: str) -> int | None:
        """The bytes that a video had when it was done with; None: it is not."""
        return self._watched.done.get(name)

    def begin(self, video: Video) -> None:
        """Look which tracks of a video are in the gallery."""
        rows = self._store.rows(where(videos=[video.name]), ["track"])
        known = {row["track"] for row in rows} | self._watched.tracks.get(video.name, set())
        self._known[video.name] = known

    def add(self, video: Video, units: list[Unit]) -> None:
        """Take units of a video, which was begun unless it is live."""
        if video.live:
            self._waiting += [(video, one) for one in units]
            return
        new = [one for one in units if one.track not in self._known[video.name]]
        self.there += len(units) - len(new)
        self._known[video.name] |= {one.track for one in new}
        self._waiting += [(video, one) for one in new]

    def commit(self, *, now: bool = True) -> None:
        """Bring what waits to the disk.

        Args:
            now: else only where much waits, or for long.

        Raises:
            ValueError: another writer keeps the gallery.
            OSError: the disk is full.
        """
        due = len(self._waiting) >= MANY or time.monotonic() - self._since >= LATE
        if not (now or due):
            return
        if self._waiting:
            self._write()
            self._commits += 1
        self._since = time.monotonic()
        if self._commits >= TIDY:
            self.tidy()

    def end(self, video: Video, size: int | None = None) -> None:
        """Commit, and forget which tracks of a video are there.

        Args:
            video: that was begun.
            size: of its file, all of which is in the gallery now; None: not all is.
        """
        self.commit()
        if size is not None:
            self._watched.ended(video.name, size)
        self._known.pop(video.name, None)

    def tidy(self) -> None:
        """Look after the gallery's files and its index."""
        self._commits = 0
        self._store.maintain()

    def _write(self) -> None:
        waiting = self._waiting
        rows = [(video, unit.track, one) for video, unit in waiting for one in unit.pictures]
        added = self._store.add(
            np.stack([one.embedding for _, _, one in rows]),
            camera=[video.camera for video, _, _ in rows],
            video=[video.name for video, _, _ in rows],
            track=[track for _, track, _ in rows],
            frame=[one.frame for _, _, one in rows],
            time=[_seconds(one) for _, _, one in rows],
            box=[one.box for _, _, one in rows],
            name=[f"{video.name}#{track}/{one.frame}" for video, track, one in rows],
            jpegs=[one.jpeg for _, _, one in rows],
            best=self._best,
            maintain=False,
        )
        for video in dict.fromkeys(video for video, _ in waiting if not video.live):
            own = [unit.track for other, unit in waiting if other == video]
            self._watched.added(video.name, own)
        self.tracks += len(waiting)
        self.pictures += len(added)
        self._waiting = []


def _seconds(picture: Picture) -> float | None:
    return None if picture.time is None else picture.time / 1e6
