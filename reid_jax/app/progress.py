"""What a command is doing, said whenever it has been silent for a few seconds."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

SILENT = 4.0  # seconds without a line
Watch = Callable[[int, int], None]


class _Task:
    """What is done, since when, and how far it is."""

    def __init__(self, what: str):
        self.what, self.began = what, time.monotonic()
        self.first = self.at = 0, 0.0  # how much was done, and when
        self.total = 0

    def watch(self, done: int, total: int) -> None:
        """Note that `done` of `total` are done."""
        self.at = done, time.monotonic()
        if not self.total or done < self.first[0]:
            self.first = self.at
        self.total = total

    def line(self) -> str:
        """How far it is, and how long still."""
        if not self.total:
            return f"{self.what}: {time.monotonic() - self.began:.0f} s"
        (begun, then), (done, now) = self.first, self.at
        text = f"{self.what}: {done:,} of {self.total:,}"
        if done > begun:
            left = (now - then) * (self.total - done) / (done - begun)
            text += f", {timedelta(seconds=round(left))} left"
        return text


_tasks: list[_Task] = []  # the last one is told
_lock = threading.RLock()
_said = time.monotonic()
_silent = False  # this process tells nothing
_thread: threading.Thread | None = None


@contextmanager
def doing(what: str) -> Iterator[Watch]:
    """Within the block, say what is done after each few seconds of silence.

    Args:
        what: as "embedding pictures".

    Yields:
        watch(done, total): tells how far it is; without it the line tells how long it has taken.
    """
    task = _Task(what)
    with _lock:
        _tasks.append(task)
    _start()
    try:
        yield task.watch
    finally:
        with _lock:
            _tasks.remove(task)


def said() -> None:
    """A line was printed just now."""
    global _said
    _said = time.monotonic()


def hush() -> None:
    """Tell nothing from now on: another process does, or the work has no end."""
    global _silent
    _silent = True


def say(text: str, fleeting: bool = False) -> None:
    """Print a line at once; on a terminal the next one overwrites a fleeting one."""
    with _lock:
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{clear}{text}", end="" if fleeting and clear else "\n", flush=True)
        said()


def _start() -> None:
    global _thread
    if _thread is None and not _silent:
        _thread = threading.Thread(target=_tell, daemon=True, name="progress")
        _thread.start()


def _tell() -> None:
    """Say what is done, for ever; without a task, as when Python ends, nothing."""
    while True:
        time.sleep(SILENT / 8)
        with _lock:
            if _tasks and not _silent and time.monotonic() - _said >= SILENT:
                try:
                    say(_tasks[-1].line(), fleeting=True)
                except (
                    OSError,
                    ValueError,
                ):  # nobody reads any more
                    return
