"""Several processes of one run: one that dies or falls silent ends the others, with its name.

Each writes a sign of life to the run's folder every few seconds, and reads those of the others.
A process of the same host that is gone is seen at the next look, any other after the patience.
Collectives would wait for it for ever, or abort with a stack of the library below.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from reid_jax.whole import alive, whole

FOLDER = ".processes"  # in the run's folder
LEFT, STOPPED = "left", "stopped"  # what a process says last that ends in order
STATUS = 1  # of a process that ends since another one is gone


class Peers:
    """Signs of life of the processes of a run."""

    def __init__(self, workdir: Path, which: int, of: int, patience: float):
        """Write and read nothing yet.

        Args:
            workdir: that all processes share.
            which: the number of this one.
            of: how many there are.
            patience: seconds of silence after which a process counts as dead.
        """
        self.folder, self.which, self.of, self.patience = workdir / FOLDER, which, of, patience
        now = time.monotonic()
        self.seen = {one: ("", now, 0) for one in range(of) if one != which}
        self.beats, self.last = 0, ""
        self.over = threading.Event()

    def begin(self) -> None:
        """Give signs of life, and look for the others', until `end`."""
        self.beat()
        threading.Thread(target=self._watch, daemon=True, name="peers").start()

    def beat(self) -> None:
        """Give a sign of life."""
        self.beats += 1
        said = self.last or f"{self.beats}"
        with suppress(OSError), whole(self.folder / f"{self.which}") as unfinished:
            unfinished.write_text(f"{said} {os.getpid()} {socket.gethostname()}")

    def lost(self) -> str:
        """Who is dead or silent, in a line; "" where nobody is."""
        for one, (before, since, changes) in self.seen.items():
            with suppress(OSError):
                text = (self.folder / f"{one}").read_text()
                if text != before:
                    since = time.monotonic()
                    changes += 1
                    self.seen[one] = before, since, changes = text, since, changes
            said, _, who = before.partition(" ")
            process, _, host = who.partition(" ")
            silent = time.monotonic() - since
            if said == LEFT and changes > 1:
                continue
            where = f"process {one} ({process} on {host})" if host else f"process {one}"
            gone = host == socket.gethostname() and process.isdigit() and not alive(int(process))
            if gone and changes > 1 and said != STOPPED:
                return f"{where} has died"
            if silent > self.patience:
                ended = (
                    "was stopped" if said == STOPPED and changes > 1 else "has not been heard of"
                )
                return f"{where} {ended} for {silent:.0f} s"
        return ""

    def end(self, how: str) -> None:
        """Say to the others that this process ends in order.

        Args:
            how: LEFT, it is done; STOPPED, the others have the patience to stop as well.
        """
        self.last = how
        self.over.set()
        self.beat()

    def wait(self, seconds: float) -> None:
        """After an error that another process may be behind: end as soon as one is known gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._leave_if(self.lost())
            time.sleep(0.1)

    def pause(self) -> float:
        """Seconds between two signs of life."""
        return min(2.0, self.patience / 10)

    def _watch(self) -> None:
        while not self.over.wait(self.pause()):
            self.beat()
            self._leave_if(self.lost())

    def _leave_if(self, lost: str) -> None:
        if lost and not self.over.is_set():
            line = f"error: {lost}, so process {self.which} ends too; start all of them again, "
            line += "with the same commands, to go on from what is saved\n"
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            with suppress(OSError):
                os.write(2, line.encode())
            os._exit(STATUS)


_peers: Peers | None = None
_on_abort: Any = None  # kept, since C calls it


def begin(workdir: Path, which: int, of: int, patience: float) -> None:
    """Watch the other processes of this run from now on."""
    global _peers
    _peers = Peers(workdir, which, of, patience)
    _peers.begin()
    _heed_aborts(_peers)


def _heed_aborts(peers: Peers) -> None:
    """Where the library below aborts since process 0 is gone, which serves it, say so and end.

    It aborts in a thread of its own, and Python's handlers run in the main thread only, too late.
    Any other abort stays one.
    """
    global _on_abort

    def heed(number: int) -> None:
        peers.wait(3 * peers.pause())  # what returns from here aborts

    _on_abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(heed)
    ctypes.CDLL(None).signal(int(signal.SIGABRT), _on_abort)


def end(how: str) -> None:
    """Say that this process ends in order, if it is one of several."""
    if _peers is not None:
        _peers.end(how)


def several() -> bool:
    """Whether this process is one of several that are watched."""
    return _peers is not None


def wait() -> None:
    """After an error that another process may be behind: end if one is gone."""
    if _peers is not None:
        _peers.wait(_peers.patience + 2 * _peers.pause())
