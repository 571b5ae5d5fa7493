"""One writer at a time: a lock that ends with its process, and says who holds it.

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
from pathlib import Path

from reid_jax.gallery import moment

STALE = 3600.0  # seconds after which what another host wrote of itself no longer counts
PAUSE = 0.05  # seconds between two tries


class Lock:
    """The right to write to a gallery; of a thread that has it, any number of times."""

    def __init__(self, path: Path):
        self.path = path
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
            try:
                yield
            finally:
                self._depth -= 1
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
                        f"{self.path.parent} is being written by {_who(said)}; try again when "
                        "that is done"
                    ) from None
                time.sleep(PAUSE)
            except BaseException:
                os.close(file)
                raise

    def _sign(self, file: int) -> None:
        """Write who has it."""
        said = os.pread(file, 4096, 0)
        try:
            before = json.loads(said) if said else {}
        except ValueError:
            before = {}
        other = before.get("host", socket.gethostname()) != socket.gethostname()
        if other and time.time() - before.get("seconds", 0) < STALE:
            raise ValueError(
                f"{self.path.parent} is being written by {_who(said)}; if that is gone, remove "
                f"{self.path}"
            )
        now = time.time()
        mine = {"host": socket.gethostname(), "process": os.getpid(), "seconds": now}
        mine["time"] = moment.iso(round(now) * 1_000_000)
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(mine).encode(), 0)


def _who(said: bytes) -> str:
    try:
        kept = json.loads(said)
        return f"process {kept['process']} on {kept['host']} since {kept['time']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
