"""The loop of `reid-jax watch`: one frame after the other, of files in turn and of cameras live."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from reid_jax.app import command, progress, stop
from reid_jax.app.watching import film as films
from reid_jax.app.watching.adder import Adder
from reid_jax.app.watching.film import Place, Settled
from reid_jax.app.watching.running import UNREADABLE, Camera, Options, Running
from reid_jax.app.watching.stream import Stream
from reid_jax.files.lock import Lock
from reid_jax.gallery import watched
from reid_jax.gallery.store import Store
from reid_jax.tracking.tracker import Embed
from reid_jax.video.detect import Detect

REST = 0.02  # seconds, where no camera has a new frame
LOOK = 0.2  # seconds, where there is none
TELL = 900.0  # seconds between two lines of what was added, where the work has no end


def watch(
    paths: Sequence[str],
    streams: Callable[[], Sequence[Stream]],
    detector: Callable[[str], Detect],
    encoder: Embed,
    store: Store,
    options: Options,
) -> Adder:
    """Watch videos into a gallery, until all are done, or until a stop.

    Args:
        paths: files, and folders of them.
        streams: begins to read the cameras.
        detector: a video's name -> its detector.
        encoder: pictures -> embeddings of the gallery's encoder.
        store: the gallery.
        options: how.

    Returns:
        What was added.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: somebody watches into the gallery already; there is no video, or none that can
            be read.
        OSError: the disk is full.
    """
    lock = Lock(store.folder / watched.LOCK, "is being watched into", "only one may; stop it first")
    with lock.held(1.0), stop.held():
        stop.unsaved(True)
        adder = Adder(store, watched.Watched(store.folder), options.best)
        live = [Camera(one, detector, encoder, adder, options) for one in streams()]
        loop = _Loop(paths, live, detector, encoder, adder, options)
        try:
            loop.run()
        finally:
            for one in live:
                one.close()
            loop.close()
        adder.commit()
        adder.tidy()
        loop.tell()
        return adder


class _Loop:
    """Files in turn, cameras at once."""

    def __init__(
        self,
        paths: Sequence[str],
        cameras: list[Camera],
        detector: Callable[[str], Detect],
        encoder: Embed,
        adder: Adder,
        options: Options,
    ):
        self._paths, self._cameras, self._adder = paths, cameras, adder
        self._detector, self._encoder, self._options = detector, encoder, options
        self._settled, self._looked = Settled(options.settle), 0.0
        self._broken: dict[str, int] = {}  # sizes of files that cannot be read
        self._done = self._there = 0
        self._open: list[Place] = []  # files that are not done with
        self._running: Running | None = None
        self._progress, self._said, self._told = ExitStack(), "", time.monotonic()

    def run(self) -> None:
        """Go on until all is done, or a stop is asked."""
        given = films.places(self._paths, empty=self._options.follow)
        self._there = sum(self._adder.size(one.path) is not None for one in given)
        if self._there:
            command.say(f"{self._there:,} of {len(given):,} videos are there already")
        self._take(given)
        if self._options.follow or self._cameras:
            progress.hush()
        while not stop.asked():
            busy = [camera.step() for camera in self._cameras]
            if self._running is None:
                self._begin()
            if self._running is not None and not self._running.step():
                self._end(self._running)
            self._adder.commit(now=False)
            if time.monotonic() - self._told >= TELL and (self._cameras or self._options.follow):
                self._tell()
            if self._running is None and not any(busy) and not self._wait():
                return

    def close(self) -> None:
        """Leave a file that is not done; it is begun anew the next time."""
        self._progress.close()

    def tell(self) -> None:
        """Say what became of all.

        Raises:
            ValueError: nothing could be watched.
        """
        self._tell()
        broken = len(self._broken)
        if broken and not (self._done or self._there or self._cameras or stop.asked()):
            raise ValueError(f"none of the {broken:,} videos could be watched; see above")

    def _tell(self) -> None:
        self._told, adder, broken = time.monotonic(), self._adder, len(self._broken)
        text = f"{adder.tracks:,} tracks are added, with {adder.pictures:,} pictures"
        if self._paths:
            cannot = f", {broken:,} cannot be watched" * bool(broken)
            text = f"{self._done:,} videos are watched{cannot}; {text}"
        command.say(text)

    def _take(self, given: list[Place]) -> None:
        """Take the files that there are now; those that are not done with are open."""
        self._looked = time.monotonic()
        self._settled.keep({one.path for one in given})
        for one in given:
            size = self._adder.size(one.path)
            if size not in (None, one.size) and self._broken.get(one.path) != one.size:
                self._refuse(
                    one,
                    "is another file than the one that was watched under this name; it is passed "
                    "over: give it a name of its own",
                )
        self._open = [one for one in given if self._is_open(one)]

    def _is_open(self, place: Place) -> bool:
        done = self._adder.size(place.path) is not None
        return not done and self._broken.get(place.path) != place.size

    def _look(self) -> None:
        """Look for files that are new, have grown or are gone."""
        there = [path for path in self._paths if os.path.exists(path)]
        found = films.places(there, empty=True)
        if not self._options.follow:
            known = {one.path for one in self._open}
            found = [one for one in found if one.path in known]
        self._take(found)

    def _begin(self) -> None:
        """Begin the first open file that is not being written."""
        place = next((one for one in self._open if self._settled(one)), None)
        if place is None:
            return
        try:
            self._running = Running(
                place, self._detector, self._encoder, self._adder, self._options
            )
        except UNREADABLE as error:
            self._refuse(place, str(error))
            return
        doing = progress.doing(f"watching {os.path.basename(place.path)}")
        self._running.watch = self._progress.enter_context(doing)

    def _end(self, running: Running) -> None:
        self._progress.close()
        self._running, place = None, running.place
        if running.error is not None:
            self._refuse(place, str(running.error))
        elif running.finished():
            self._done += 1
            self._broken.pop(place.path, None)
            self._open.remove(place)
            command.say(running.told())
        else:
            self._look()

    def _refuse(self, place: Place, why: str) -> None:
        why = " ".join(why.split())
        command.say(f"warning: {why}" if place.path in why else f"warning: {place.path}: {why}")
        self._broken[place.path] = place.size
        self._open = [one for one in self._open if one.path != place.path]

    def _wait(self) -> bool:
        """Rest until there may be something to do; False: there will be nothing."""
        if not (self._open or self._options.follow or self._cameras):
            return False
        if self._open and any(map(self._settled, self._open)):
            return True
        if not self._cameras:
            self._once(
                f"waiting for {self._open[0].path}, which is being written"
                if self._open
                else f"waiting for new videos in {', '.join(self._paths)}"
            )
        time.sleep(REST if self._cameras else LOOK)
        if self._paths and time.monotonic() - self._looked >= self._options.poll:
            self._look()
        return True

    def _once(self, text: str) -> None:
        if text != self._said:
            command.say(text)
            self._said = text
