"""Cutting many sources on all cores, each by one worker process at a time."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import NamedTuple

import cv2

from reid_jax import worker
from reid_jax.video import cut
from reid_jax.video.cut import How
from reid_jax.video.find import Source

# In a worker, the queue of (key, share, crops) to the process that started it.
_reports: SimpleQueue[tuple[str, float, int]]


class Progress(NamedTuple):
    """The progress of `cut_all`.

    Attributes:
        done: sources that are done.
        total: all sources.
        share: fraction of the bytes of all videos that are cut now.
        crops: crops so far, of the videos that are cut now.
    """

    done: int
    total: int
    share: float
    crops: int


def cut_all(
    sources: Sequence[Source],
    parts: str | Path,
    how: How,
    *,
    workers: int = 0,
    watch: Callable[[Progress, dict | None], None] = lambda *_: None,
) -> None:
    """Cut every source that has no part yet. The result does not depend on `workers`.

    Args:
        sources: the sources to cut.
        parts: folder of the parts.
        how: options of the cutting.
        workers: number of processes; 0 for as many as cores, 1 for this process alone.
        watch: called about once a second with the progress and None, and once for each source that
            is done with the progress and its ABOUT (see `cut.cut`).

    Raises:
        ValueError: as `cut.cut`.
        OSError: as `cut.cut`.
        ImportError: as `cut.cut`.
        ChildProcessError: a worker was killed. Parts that are done are kept.
    """
    parts = Path(parts)
    parts.mkdir(parents=True, exist_ok=True)
    waiting = [source for source in sources if not (parts / source.key / cut.ABOUT).is_file()]
    tally = _Tally(len(sources), waiting, watch)
    workers = min(workers or worker.cores(), len(waiting))
    if workers > 1:
        _cut_in_workers(waiting, parts, how, workers, tally)
        return
    for source in waiting:

        def update(share: float, crops: int, key: str = source.key) -> None:
            tally.state[key] = (share, crops)
            tally.report()

        tally.finish(source, cut.cut(source, parts, how, update))


class _Tally:
    """The progress of all sources; `state` is (share, crops) of each that is cut now."""

    def __init__(
        self,
        total: int,
        waiting: Sequence[Source],
        watch: Callable[[Progress, dict | None], None],
    ) -> None:
        self.total, self.done, self.watch = total, total - len(waiting), watch
        self.state = {source.key: (0.0, 0) for source in waiting}
        self.size = {source.key: max(source.size, 1) for source in waiting}

    def report(self, about: dict | None = None) -> None:
        whole = max(sum(self.size.values()), 1)
        share = sum(self.size[key] * self.state[key][0] for key in self.state) / whole
        crops = sum(crops for _, crops in self.state.values())
        self.watch(Progress(self.done, self.total, share, crops), about)

    def finish(self, source: Source, about: dict) -> None:
        self.done += 1
        self.state[source.key] = (1.0, about["crops"])
        self.report(about)


def _cut_in_workers(
    waiting: Sequence[Source], parts: Path, how: How, workers: int, tally: _Tally
) -> None:
    context = multiprocessing.get_context("spawn")
    reports: SimpleQueue[tuple[str, float, int]] = context.SimpleQueue()
    pool = ProcessPoolExecutor(workers, context, _begin, (reports,))
    try:
        with worker.deaf():
            running = {pool.submit(_work, source, str(parts), how): source for source in waiting}
        while running:
            finished, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            while not reports.empty():
                key, share, crops = reports.get()
                tally.state[key] = (share, crops)
            tally.report()
            for future in finished:
                tally.finish(running.pop(future), future.result())
    except BrokenProcessPool:
        begun = {path.name.rpartition(".unfinished-")[0] for path in parts.glob("*.unfinished-*")}
        names = ", ".join(source.views[0].path for source in waiting if source.key in begun)
        raise ChildProcessError(
            "a worker was killed (by lack of memory, or a video that crashes its decoder) while "
            f"these were cut: {names}; what is done is kept, the same command goes on"
        ) from None
    finally:
        # When all is done, wait: a worker that is still starting needs its parent. Otherwise the
        # run was stopped, and the workers are not waited for.
        pool.shutdown(wait=tally.done == tally.total, cancel_futures=True)


def _begin(reports: SimpleQueue[tuple[str, float, int]]) -> None:
    """Set up a worker: one thread."""
    global _reports
    _reports = reports
    cv2.setNumThreads(1)
    worker.follow()


def _work(source: Source, parts: str, how: How) -> dict:
    last = 0.0

    def update(share: float, crops: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.5:
            _reports.put((source.key, share, crops))
            last = time.monotonic()

    return cut.cut(source, parts, how, update)
