"""What is being watched: a file, or a camera live."""

import dataclasses
import os
from collections.abc import Callable, Iterator

import cv2

from reid_jax.app import command, progress
from reid_jax.app.tracks.follow import noise
from reid_jax.app.watching.adder import Adder, Video
from reid_jax.app.watching.film import Clock, Film, Place
from reid_jax.app.watching.stream import Live, Stream
from reid_jax.app.watching.units import Frame, Unit, Units
from reid_jax.gallery import moment
from reid_jax.tracking.tracker import Embed
from reid_jax.tracking.tracks import PUBLISHED, How
from reid_jax.video.detect import Detect

UNTOLD = Clock()
UNREADABLE = (ValueError, FileNotFoundError, cv2.error)


@dataclasses.dataclass(frozen=True)
class Options:
    """How is watched.

    Attributes:
        hertz: looks a second, at most.
        how: the options of tracking.
        confidence: least of a box.
        best: pictures of a track that are kept.
        longest: seconds after which a track is given out, and goes on as another.
        settle: seconds for which a file must not have changed.
        follow: wait for new files until a stop.
        poll: seconds between two looks for new files.
        clock: what is said of all videos.
    """

    hertz: float = 8.0
    how: How = PUBLISHED
    confidence: float = 0.3
    best: int = 5
    longest: float = 300.0
    settle: float = 5.0
    follow: bool = False
    poll: float = 2.0
    clock: Clock = UNTOLD


class Running:
    """A file that is being watched."""

    def __init__(
        self,
        place: Place,
        detector: Callable[[str], Detect],
        encoder: Embed,
        adder: Adder,
        options: Options,
    ):
        """Open it.

        Raises:
            ValueError: it is empty, or no video.
            FileNotFoundError: it, or the file of its boxes, is not there.
        """
        self.place = place
        self.error: Exception | None = None
        self.watch: progress.Watch = lambda done, total: None
        self._film = Film(place, options.clock, options.hertz)
        self._video = Video(place.path, self._film.camera)
        self._detect, self._adder = detector(place.name), adder
        looks = max(1, round(options.longest * (self._film.rate or 25.0) / self._film.step))
        self._units = _units(encoder, options, self._film.step, looks)
        self._frames: Iterator[Frame] = self._film.frames()
        self._tracks = 0
        adder.begin(self._video)

    def step(self) -> bool:
        """Look at a frame; False: there is none any more."""
        try:
            frame = next(self._frames, None)
            if frame is None:
                if not self._film.last:
                    raise ValueError(f"{self.place.path} has no frame that can be read")
                return False
            units = self._units.look(frame, self._detect(frame.picture, frame.number))
        except UNREADABLE as error:
            self.error = error
            self._adder.end(self._video)
            return False
        self._add(units)
        self.watch(frame.number, max(frame.number, self._film.claim))
        return True

    def finished(self) -> bool:
        """Give the last units out; False: the file grew meanwhile, and is to be watched again."""
        try:
            grown = os.stat(self.place.path).st_size != self.place.size
        except FileNotFoundError:
            grown = False  # what was there was watched
        if grown:
            self._adder.end(self._video)
            return False
        self._add(self._units.close())
        self._adder.end(self._video, self.place.size)
        return True

    def told(self) -> str:
        """What became of it, in a line."""
        start, short = self._film.start, self._film.short()
        at = f", from {moment.iso(start)}" if start is not None else ", at an unknown time"
        tracks = f"{self._tracks:,} track{'s' * (self._tracks != 1)}"
        text = f"{os.path.basename(self.place.path)}: {tracks} in "
        text += f"{-(-self._film.last // self._film.step):,} frames; camera {self._film.camera}{at}"
        return f"{text}; it {short}, what is there was used" if short else text

    def _add(self, units: list[Unit]) -> None:
        self._tracks += len(units)
        self._adder.add(self._video, units)


class Camera:
    """A camera that is watched live; each connection is a video."""

    def __init__(
        self,
        stream: Stream,
        detector: Callable[[str], Detect],
        encoder: Embed,
        adder: Adder,
        options: Options,
    ):
        self._stream, self._detect = stream, detector(stream.camera)
        self._encoder, self._adder, self._options = encoder, adder, options
        self._units: Units | None = None
        self._video, self._connection, self._last = Video("", ""), 0, 0

    def step(self) -> bool:
        """Look at the newest frame; False: there is no new one."""
        while not self._stream.lines.empty():
            command.say(self._stream.lines.get())
        live = self._stream.newest()
        if live is None:
            return False
        if live.connection != self._connection:
            self._end()
            self._begin(live)
        passed = round((live.time - self._last) * self._options.hertz / 1e6) - 1
        frame = Frame(live.number, live.picture, live.time, max(0, passed))
        self._last = live.time
        assert self._units is not None
        units = self._units.look(frame, self._detect(live.picture, live.number))
        self._adder.add(self._video, units)
        return True

    def close(self) -> None:
        """Read no more, and give the last units out."""
        self._stream.close()
        self._end()

    def _begin(self, live: Live) -> None:
        self._connection, self._last = live.connection, live.time
        camera = self._stream.camera
        name = f"{camera}@{moment.iso(live.time)}"
        self._video = Video(name, self._options.clock.camera or camera, live=True)
        looks = max(1, round(self._options.longest * self._options.hertz))
        self._units = _units(self._encoder, self._options, 1, looks)

    def _end(self) -> None:
        if self._units is not None:
            self._adder.add(self._video, self._units.close())
            self._adder.commit()
            self._units = None


def _units(encoder: Embed, options: Options, step: int, longest: int) -> Units:
    how = options.how._replace(noise=noise("stride", step))
    return Units(encoder, how, confidence=options.confidence, longest=longest)
