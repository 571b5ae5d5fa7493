"""Many sources on all cores, each cut by a process of its own."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

import cv2

from reid_jax.video import cut
from reid_jax.video.cut import How
from reid_jax.video.find import Source

_report = None  # in a worker: the pipe to the process that started it


class Progress(NamedTuple):
    """How far it is. share: of the bytes of all videos; crops: so far, of the videos cut now."""

    done: int
    total: int
    share: float
    crops: int


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cut_all(
    sources: Sequence[Source],
    parts: str | Path,
    how: How,
    *,
    workers: int = 0,
    watch: Callable[[Progress, dict | None], None] = lambda *_: None,
) -> None:
    """Cut every source whose part is not there yet. What comes of it does not depend on `workers`.

    Args: workers, processes, 0: as many as cores, 1: in this one; watch, called with the progress, and with what came of
        a source when one is done, every second or so.
    Raises: as `cut.cut`; ChildProcessError where a worker was killed. Parts that are done stay.
    """
    parts = Path(parts)
    parts.mkdir(parents=True, exist_ok=True)
    waiting = [source for source in sources if not (parts / source.key / cut.ABOUT).is_file()]
    state = {source.key: (0.0, 0) for source in waiting}
    size = {source.key: max(source.size, 1) for source in waiting}
    ended = len(sources) - len(waiting)

    def tell(about: dict | None = None) -> None:
        share = sum(size[key] * state[key][0] for key in state) / max(sum(size.values()), 1)
        watch(Progress(ended, len(sources), share, sum(crops for _, crops in state.values())), about)

    workers = min(workers or cores(), len(waiting))
    if workers <= 1:
        for source in waiting:

            def here(share: float, crops: int, key: str = source.key) -> None:
                state[key] = (share, crops)
                tell()

            about = cut.cut(source, parts, how, here)
            ended, state[source.key] = ended + 1, (1.0, about["crops"])
            tell(about)
        return
    context = multiprocessing.get_context("spawn")
    reports = context.SimpleQueue()
    pool = ProcessPoolExecutor(workers, context, _begin, (reports,))
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # workers inherit it, from their first instruction on
        try:
            running = {pool.submit(_work, source, str(parts), how): source for source in waiting}
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # a Ctrl-C meanwhile comes now
        while running:
            finished, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            while not reports.empty():
                key, share, crops = reports.get()
                state[key] = (share, crops)
            tell()
            for future in finished:
                source, about = running.pop(future), future.result()
                ended, state[source.key] = ended + 1, (1.0, about["crops"])
                tell(about)
    except BrokenProcessPool:
        begun = {path.name.rpartition(".unfinished-")[0] for path in parts.glob("*.unfinished-*")}
        names = ", ".join(source.views[0].path for source in waiting if source.key in begun)
        raise ChildProcessError(
            f"a worker was killed (by lack of memory, or a video that crashes its decoder) while these were cut: {names}; "
            "what is done is kept, the same command goes on"
        ) from None
    finally:
        # a worker that is still starting when all is done would miss its parent; what is stopped is not waited for
        pool.shutdown(wait=ended == len(sources), cancel_futures=True)


def _begin(reports) -> None:
    """One thread each; Ctrl-C is the parent's affair, and without a parent there is no more to do."""
    global _report
    _report = reports
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _work(source: Source, parts: str, how: How) -> dict:
    said = 0.0

    def say(share: float, crops: int) -> None:
        nonlocal said
        if time.monotonic() - said > 0.5:
            _report.put((source.key, share, crops))
            said = time.monotonic()

    return cut.cut(source, parts, how, say)
