"""Who trains which row: several machines may work on the rows of one folder.

A row that is being trained has a file beside its folder, row3-seed0.claim, which says who trains
it; its time is renewed every half minute. Whoever finds it leaves the row alone.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from reid_jax.whole import alive

BEAT = 30.0  # seconds between two signs of life
SILENT = 600.0  # without one for so long, somebody should look


class Claim(NamedTuple):
    """Who trains a row.

    Attributes:
        host: its name.
        process: its number there.
        since: the time, in words.
        silent: seconds since its last sign of life.
        path: the file that says so.
    """

    host: str
    process: int
    since: str
    silent: float
    path: Path

    @property
    def stale(self) -> bool:
        """Whether it seems to be dead."""
        return self.silent > SILENT

    def __str__(self) -> str:
        text = f"trained by {self.host} since {self.since}"
        if self.stale:
            silent = timedelta(seconds=round(self.silent))
            text += f", silent for {silent}: if it is dead, delete {self.path}"
        return text


def path(folder: Path) -> Path:
    """The file that claims the row in `folder`."""
    return folder.with_name(f"{folder.name}.claim")


def of(folder: Path) -> Claim | None:
    """Who trains the row in `folder`; None: nobody, or a process of this host that is dead."""
    file = path(folder)
    try:
        told, last = json.loads(file.read_text()), file.stat().st_mtime
    except FileNotFoundError:
        return None
    except ValueError:  # it is being written, or its disk was full
        told, last = {}, file.stat().st_mtime
    claim = Claim(
        told.get("host", "another process"), told.get("process", 0), told.get("since", "just now"),
        max(0.0, _now(folder.parent) - last), file,
    )  # fmt: skip
    if claim.host == socket.gethostname() and claim.process and not alive(claim.process):
        file.unlink(missing_ok=True)
        return None
    return claim


@contextmanager
def claimed(folder: Path) -> Iterator[Claim | None]:
    """Claim the row in `folder` within the block.

    Yields:
        None: it is ours; else who has it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if other := of(folder):
        yield other
        return
    try:
        file = path(folder).open("x", encoding="utf-8")
    except FileExistsError:  # another machine was faster
        yield of(folder) or Claim("another process", 0, "just now", 0.0, path(folder))
        return
    with file:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write(
            json.dumps({"host": socket.gethostname(), "process": os.getpid(), "since": since})
        )
    ended = threading.Event()
    threading.Thread(target=_beat, args=(path(folder), ended), daemon=True).start()
    try:
        yield None
    finally:
        ended.set()
        path(folder).unlink(missing_ok=True)


def _beat(file: Path, ended: threading.Event) -> None:
    """Give signs of life until the row has ended."""
    while not ended.wait(BEAT):
        try:
            os.utime(file)
        except OSError:  # deleted, or the disk is away for now
            continue


def _now(folder: Path) -> float:
    """The time by the clock of the folder's disk, which may be another machine's."""
    probe = folder / f".clock-{socket.gethostname()}-{os.getpid()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:  # read only
        return time.time()
    finally:
        probe.unlink(missing_ok=True)
