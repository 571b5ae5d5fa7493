"""One compiled kernel over many rows on all cores of this machine: kernels let the interpreter's lock go."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba

kernel = numba.njit(nogil=True, cache=True)  # compiled once and kept on the disk


def spread(run: Callable, total: int, *arguments: Any, step: int = 0) -> list:
    """`run(start, stop, *arguments)` for consecutive ranges that cover `total`, by all cores; the answers in order.

    Args:
        run: a kernel; what it writes, it writes for its own range only.
        total: of the rows.
        arguments: the same for every call.
        step: rows of a range; a share of each core's by default.
    """
    step = step or max(1, -(-total // (4 * _cores())))
    starts = range(0, total, step)
    return list(_pool().map(lambda start: run(start, min(start + step, total), *arguments), starts))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), "cluster")
