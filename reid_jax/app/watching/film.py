"""Videos in files: which there are, whether they are written still, and their frames."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import NamedTuple

from reid_jax.app.tracks.follow import stride
from reid_jax.app.watching.named import named
from reid_jax.app.watching.units import Frame
from reid_jax.video import find, frames

FASTEST = 1000.0  # frames a second that a header can mean


class Clock(NamedTuple):
    """What is said of all videos, where their names do not tell.

    Attributes:
        camera: of all; empty: by their names.
        start: of those whose names do not tell, microseconds since 1970 (UTC); None: not known.
        zone: of the times in names.
        rate: frames a second where a file does not say; 0: not known.
    """

    camera: str = ""
    start: int | None = None
    zone: tzinfo = UTC
    rate: float = 0.0


class Place(NamedTuple):
    """A file that may be watched.

    Attributes:
        path: of it, absolute: the video's name in the gallery.
        name: of its boxes, where they are files.
        size: in bytes.
        changed: when it was last written, nanoseconds since 1970.
    """

    path: str
    name: str
    size: int
    changed: int


def places(paths: Sequence[str], empty: bool) -> list[Place]:
    """The videos among files and below folders.

    Args:
        paths: of them.
        empty: a folder may hold no video yet.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: a folder holds no video.
    """
    found: dict[str, Place] = {}
    for path in paths:
        try:
            sources = find.videos([path])
        except FileNotFoundError:
            if Path(path).exists():  # a file below it went away just now
                continue
            raise
        except ValueError:
            if not empty:
                raise
            continue
        for view in (source.views[0] for source in sources):
            try:
                about = Path(view.path).stat()
            except FileNotFoundError:
                continue
            whole = str(Path(view.path).absolute())
            found.setdefault(whole, Place(whole, view.name, about.st_size, about.st_mtime_ns))
    return list(found.values())


class Settled:
    """Tells which files are written still: those that changed lately."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._seconds, self._clock = seconds, clock
        self._seen: dict[str, tuple[int, int, float]] = {}

    def __call__(self, place: Place) -> bool:
        """Whether a file has not changed for long enough."""
        size, changed, since = self._seen.get(place.path, (-1, -1, 0.0))
        if (size, changed) != (place.size, place.changed):
            since = self._clock()
            self._seen[place.path] = place.size, place.changed, since
        old = time.time() - place.changed / 1e9 >= self._seconds
        return old or self._clock() - since >= self._seconds

    def keep(self, paths: set[str]) -> None:
        """Forget the files that are not among these."""
        self._seen = {path: seen for path, seen in self._seen.items() if path in paths}


class Film:
    """One file, frame by frame.

    Attributes:
        camera: that filmed it.
        start: of its first frame, microseconds since 1970; None: not known.
        step: every so many frames are looked at.
        claim: frames that it says it has.
        last: the number of the last frame that was looked at.
    """

    def __init__(self, place: Place, clock: Clock, hertz: float):
        """Open it.

        Raises:
            ValueError: it is empty, or no video.
        """
        told = named(place.path, clock.zone)
        self.claim, rate = frames.claims(place.path)
        self.rate = rate if 0 < rate < FASTEST else clock.rate
        self.camera = clock.camera or told.camera
        self.start = clock.start if told.start is None else told.start
        self.step, self.last = stride(self.rate, hertz), 0
        self._path = place.path

    def frames(self) -> Iterator[Frame]:
        """The frames that are looked at, each with its moment where start and rate are known."""
        for number, picture in frames.frames(self._path, itertools.count(1, self.step)):
            self.last = number
            yield Frame(number, picture, self._time(number))

    def short(self) -> str:
        """What is missing at its end, in words, when all frames were read; empty: nothing."""
        missing = self.last + self.step <= self.claim - max(1, self.rate)
        return f"ends after frame {self.last:,} of {self.claim:,}" if missing else ""

    def _time(self, number: int) -> int | None:
        if self.start is None or (number > 1 and not self.rate):
            return None
        return self.start + (round((number - 1) / self.rate * 1e6) if number > 1 else 0)
