"""A camera that is watched live: an address or a device, read by a thread of its own.

The thread keeps the newest frame only, so that who looks slowly sees the present, and memory stays
as it is. A connection that ends is opened again, after longer and longer pauses.
"""

import re
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

import cv2
import numpy as np

ADDRESS = re.compile(
    r"(?:(?P<camera>[^=/:]+)=)?(?P<place>(?:rtsps?|rtmps?|https?|udp|tcp|srt)://.+|/dev/video\d+|\d+)"
)
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each further try
PATIENCE = 2.0  # seconds for the thread to end; one that waits for a frame is left
TIMEOUT = 10_000  # milliseconds to wait for a connection, and for a frame
Open = Callable[[str], Any]  # -> what has isOpened, grab, retrieve and release, as cv2.VideoCapture


class Live(NamedTuple):
    """A frame as it came.

    Attributes:
        connection: which one it is of, from 1.
        number: of the frame within the connection, from 1.
        time: of its coming, microseconds since 1970.
        picture: uint8 [h w 3], RGB.
    """

    connection: int
    number: int
    time: int
    picture: np.ndarray


def address(text: str) -> tuple[str, str] | None:
    """(camera, place) of CAMERA=ADDRESS or ADDRESS; None: the text is a path."""
    found = ADDRESS.fullmatch(text)
    return found and (found["camera"] or shown(found["place"]), found["place"])


def shown(place: str) -> str:
    """A place without what is secret in it: user, password, and what follows "?"."""
    bare = place.partition("?")[0]
    return re.sub(r"^\w+://(?:[^/]*@)?", "", bare).rstrip("/") if "://" in bare else bare


def opened(place: str) -> cv2.VideoCapture:
    """Open it by OpenCV; a number is a device."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        if place.isdecimal():
            return cv2.VideoCapture(int(place))
        if place.startswith("/dev/"):
            return cv2.VideoCapture(place)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT]
        return cv2.VideoCapture(place, cv2.CAP_FFMPEG, limits)
    finally:
        cv2.utils.logging.setLogLevel(level)


class Stream:
    """The newest frame of a camera.

    Attributes:
        camera: its name.
        lines: what there is to say of the connection.
        frames: that were taken.
    """

    def __init__(
        self,
        camera: str,
        place: str,
        hertz: float,
        *,
        open: Open = opened,
        pauses: tuple[float, ...] = PAUSES,
    ):
        """Begin to read.

        Args:
            camera: its name.
            place: the address or device.
            hertz: frames a second that are wanted, at most.
            open: opens it.
            pauses: seconds before each further try.
        """
        self.camera, self.lines, self.frames = camera, SimpleQueue[str](), 0
        self._place, self._every, self._open, self._pauses = place, 1 / hertz, open, pauses
        self._newest: Live | None = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"camera {camera}", daemon=True)
        self._thread.start()

    def newest(self) -> Live | None:
        """The newest frame, once; None: there is none since the last."""
        with self._lock:
            found, self._newest = self._newest, None
        self.frames += found is not None
        return found

    def close(self) -> None:
        """Read no more."""
        self._over.set()
        self._thread.join(PATIENCE)

    def _read(self) -> None:
        connection = tries = 0
        while not self._over.is_set():
            frames = 0
            try:
                capture = self._open(self._place)
                if capture.isOpened():
                    connection += 1
                    frames = self._follow(capture, connection)
                capture.release()
            except cv2.error:  # as a connection that ended
                pass
            if self._over.is_set():
                return
            if frames or not (connection or tries):
                what = "the connection ended" if frames else "cannot be reached"
                self.lines.put(
                    f"{self.camera}: {what}; trying again every {self._pauses[0]:g} to "
                    f"{self._pauses[-1]:g} s"
                )
            tries = 0 if frames else tries
            self._over.wait(self._pauses[min(tries, len(self._pauses) - 1)])
            tries += 1

    def _follow(self, capture: Any, connection: int) -> int:
        """Keep the newest frame until the connection ends; returns how many frames came."""
        number, last = 0, -np.inf
        while not self._over.is_set() and capture.grab():
            number += 1
            if number == 1:
                self.lines.put(f"{self.camera}: connected")
            now = time.monotonic()
            if now - last < 0.95 * self._every:
                continue
            whole, picture = capture.retrieve()
            if not whole:
                break
            last = now
            found = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            with self._lock:
                self._newest = Live(connection, number, round(time.time() * 1e6), found)
        return number
