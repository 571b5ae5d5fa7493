"""A step, a labelling or a read that takes ten times its usual time: all stacks are printed, once.

So a hang says where it hangs; nothing is ended.
"""

import faulthandler
import os
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jax

TIMES = 10
LEAST = 60.0  # seconds below which nothing is slow
KNOWN = 3  # times that it must have been done before: the first may be compiled
TICK = 1.0  # seconds between two looks


class _Kind:
    """What is done again and again: how long it took lately, and since when it is being done."""

    def __init__(self) -> None:
        self.took: deque[float] = deque(maxlen=51)
        self.began = 0.0  # 0: it is not being done
        self.told = False

    def limit(self) -> float:
        if len(self.took) < KNOWN:
            return float("inf")
        return max(LEAST, TIMES * statistics.median(self.took))


_kinds: dict[str, _Kind] = {}
_thread: threading.Thread | None = None


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Within the block, print the stacks of all threads where it is far slower than usual.

    Args:
        what: as "a step"; blocks of the same words are compared.
    """
    global _thread
    if _thread is None:
        _thread = threading.Thread(target=_watch, daemon=True, name="slow")
        _thread.start()
    kind = _kinds.setdefault(what, _Kind())
    kind.began, kind.told = time.monotonic(), False
    try:
        yield
    finally:
        kind.took.append(time.monotonic() - kind.began)
        kind.began = 0.0


def step(function: Callable[..., Any]) -> Callable[..., Any]:
    """A step, watched until the one before it is computed, which its metrics are waited for."""
    before: list[Any] = []

    def watching(*given: Any) -> Any:
        with watched("a step"):
            state, metrics = function(*given)
            jax.block_until_ready(before)
            before[:] = [metrics]
        return state, metrics

    return watching


def each(items: Iterator[Any], what: str) -> Iterator[Any]:
    """The items of an iterator; to come by each is watched."""
    while True:
        with watched(what):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


def _watch() -> None:
    while True:
        time.sleep(TICK)
        for what, kind in list(_kinds.items()):
            began, now = kind.began, time.monotonic()
            if began and not kind.told and now - began > kind.limit():
                kind.told = True
                _tell(
                    f"warning: {what} has taken {now - began:.0f} s so far, usually it is "
                    f"{statistics.median(kind.took):.2g} s; what all threads are doing:"
                )


def _tell(line: str) -> None:
    with suppress(OSError, ValueError):
        os.write(2, f"\n{line}\n".encode())
        faulthandler.dump_traceback(2)
