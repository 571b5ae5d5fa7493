"""One at a time: a lock that ends with its process, and says who holds it.

The lock is the system's (flock), so a crash or a kill frees it. What the file says (host, process,
time) is for people, and for folders that several hosts share without sharing locks.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

LOCK = ".lock"  # the file's name in the folder of a run
STALE = 3600.0  # seconds after which what another host wrote of itself no longer counts
PAUSE = 0.05  # seconds between two tries


class Lock:
    """The right to write in a folder; of a thread that has it, any number of times."""

    def __init__(
        self,
        path: Path,
        is_held: str = "is being written",
        then: str = "try again when that is done",
        *,
        stale: float = STALE,
        beat: float = 0.0,
    ):
        """Open nothing yet.

        Args:
            path: the lock's file, in the folder that it is of.
            is_held: what befalls the folder while it is held, for the error.
            then: what the other may do, for the error.
            stale: seconds after which what another host wrote of itself no longer counts.
            beat: seconds between two signs of life; 0: none but the first.
        """
        self.path, self.is_held, self.then = path, is_held, then
        self.stale, self.beat = stale, beat
        self._own, self._depth = threading.RLock(), 0

    @contextmanager
    def held(self, patience: float = 10.0) -> Iterator[None]:
        """Have it within the block.

        Args:
            patience: seconds to wait for another writer.

        Raises:
            ValueError: another writer has it still; the line says who.
            OSError: the file cannot be written.
        """
        with self._own:
            file = -1 if self._depth else self._taken(patience)
            self._depth += 1
            over = threading.Event()
            beating = threading.Thread(target=self._beat, args=(file, over), daemon=True)
            if self.beat and file >= 0:
                beating.start()
            try:
                yield
            finally:
                self._depth -= 1
                over.set()
                if beating.is_alive():
                    beating.join()
                if file >= 0:
                    with suppress(OSError):
                        os.ftruncate(file, 0)
                    os.close(file)

    def _taken(self, patience: float) -> int:
        until = time.monotonic() + patience
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._sign(file)
                return file
            except BlockingIOError:
                if time.monotonic() >= until:
                    said = os.pread(file, 4096, 0)
                    os.close(file)
                    raise ValueError(
                        f"{self.path.parent} {self.is_held} by {_who(said)}; {self.then}"
                    ) from None
                time.sleep(PAUSE)
            except BaseException:
                os.close(file)
                raise

    def _sign(self, file: int) -> None:
        """Write who has it."""
        said = os.pread(file, 4096, 0)
        try:
            before = json.loads(said)
            host, since = str(before["host"]), float(before["seconds"])
        except (ValueError, KeyError, TypeError):
            host, since = socket.gethostname(), 0.0
        if host != socket.gethostname() and time.time() - since < self.stale:
            raise ValueError(
                f"{self.path.parent} {self.is_held} by {_who(said)}; if that is gone, wait "
                f"{self.stale:.0f} s or remove {self.path}"
            )
        self._write(file, time.time())

    def _beat(self, file: int, over: threading.Event) -> None:
        began = time.time()
        while not over.wait(self.beat):
            with suppress(OSError):
                self._write(file, began)

    def _write(self, file: int, began: float) -> None:
        now = time.time()
        mine = {"host": socket.gethostname(), "process": os.getpid(), "seconds": now}
        mine["time"] = f"{datetime.fromtimestamp(round(began), UTC):%Y-%m-%dT%H:%M:%SZ}"
        told = json.dumps(mine).encode()
        os.pwrite(file, told, 0)
        os.ftruncate(file, len(told))


def _who(said: bytes) -> str:
    try:
        kept = json.loads(said)
        return f"process {kept['process']} on {kept['host']} since {kept['time']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def of_training(folder: Path, option: str) -> Lock:
    """The lock of a run's folder, for the one training that may be at work in it.

    Args:
        folder: of the run.
        option: what names another, as "--workdir".
    """
    then = f"choose another {option}, or wait for its end"
    return Lock(folder / LOCK, "is being trained in", then, stale=90, beat=15)
