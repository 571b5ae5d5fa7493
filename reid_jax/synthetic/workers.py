"""Drawing by all cores."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

import cv2

from reid_jax import worker

T = TypeVar("T")


def each(
    work: Callable[..., T],
    given: Iterable[tuple[Any, ...]],
    cores: int,
    watch: Callable[[T], Any] = lambda done: None,
) -> list[T]:
    """work(*one) for each of those given, in their order.

    It is done by processes, which an error or a stop ends; by this process where `cores` is 1.

    Args:
        work: a function of a module; they do not import the program that runs.
        given: its arguments.
        cores: how many processes, at least 1.
        watch: called with what is done, in the order of the ends.
    """
    if cores == 1:
        results = []
        for one in given:
            results.append(work(*one))
            watch(results[-1])
        return results
    done, pool = False, ProcessPoolExecutor(cores, get_context("spawn"), _begin)
    try:
        with worker.deaf(), worker.light():
            running = [pool.submit(work, *one) for one in given]
        for future in as_completed(running):
            watch(future.result())
        done = True
    finally:
        pool.shutdown(wait=done, cancel_futures=True)
    return [future.result() for future in running]


def _begin() -> None:
    worker.follow()
    cv2.setNumThreads(1)
