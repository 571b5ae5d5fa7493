"""A world to watch in: tiny films, an encoder of colours, galleries, cameras that are made up."""

import multiprocessing
import time

import numpy as np

from reid_jax.app.watching import adder
from reid_jax.app.watching.running import Options
from reid_jax.app.watching.watch import watch
from reid_jax.gallery.store import Store, make
from reid_jax.video import detect
from tests.video.films import film, picture

PROCESSES = multiprocessing.get_context("forkserver")
WIDTH = 4
QUICK = Options(hertz=10.0, settle=0.0, poll=0.05)


def colours(pictures):
    """The mean colour of each picture and a constant, of length one."""
    rows = np.array([[*one.reshape(-1, 3).mean(0), 40.0] for one in pictures]) - 60
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def store(folder):
    make(folder, "0123456789abcdef", WIDTH)
    return Store(folder, patience=0.2)


def street(folder):
    """Three films: two persons, one person who comes late, two persons."""
    film(folder / "gate_2026-05-01T08-30-00Z.avi", [2] * 16)
    film(folder / "yard_2026-05-01T08-30-00Z.avi", [0] * 4 + [1] * 12)
    film(folder / "gate_2026-05-01T08-40-00Z.avi", [2] * 12)
    return folder


def watched(videos, gallery, options=QUICK, streams=tuple, paths=None):
    """Watch a folder of films by the boxes beside them."""
    detector = detect.detector(f"mot:{videos}")
    given = [str(videos)] if paths is None else paths
    return watch(given, streams, detector, colours, gallery, options)


def watch_in_process(videos, folder):
    """The same in a process of its own, commit by commit; returns it when it has begun to."""
    begun = PROCESSES.Event()
    process = PROCESSES.Process(target=_watch, args=(videos, folder, begun))
    process.start()
    assert begun.wait(120)
    return process


def _watch(videos, folder, begun):
    adder.MANY = 1
    gallery = Store(folder)
    begun.set()
    watched(videos, gallery)


def rows(gallery):
    """What a gallery has of each row, but for its number."""
    found = gallery.rows(columns=["camera", "video", "track", "frame", "time", "box", "name"])
    kept = [{k: v for k, v in one.items() if k != "row"} for one in found]
    return sorted(kept, key=lambda one: one["name"])


class Capture:
    """A connection of a camera: frames of the tiny film, then its end; as cv2.VideoCapture."""

    def __init__(self, frames, people=2, pause=0.01):
        self._left, self._at, self._people, self._pause = frames, 0, people, pause
        self.released = False

    def isOpened(self):
        return self._left > 0

    def grab(self):
        time.sleep(self._pause)
        self._left, self._at = self._left - 1, self._at + 1
        return self._left >= 0

    def retrieve(self):
        return True, np.ascontiguousarray(picture(self._at, self._people)[0][..., ::-1])

    def release(self):
        self.released = True
