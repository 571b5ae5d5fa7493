"""One compiled kernel over many rows on all cores of this machine: kernels let the interpreter's lock go."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
from scipy import sparse

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
    if total <= step:
        return [run(0, total, *arguments)] if total else []
    run(0, 0, *arguments)  # compiled by this thread: a compilation imports, and threads that import wait for each other
    starts = range(0, total, step)
    return list(_pool().map(lambda start: run(start, min(start + step, total), *arguments), starts))


def stack(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n: int) -> sparse.csr_array:
    """f32 CSR [n n] from the entries of consecutive rows; each part is let go as it is copied, so none is held twice.

    Args:
        parts: (entries of each row, columns, data); emptied.
        n: rows, and columns.
    """
    counts = [np.zeros(1, np.int64), *(part[0] for part in parts)]
    pointers = np.cumsum(np.concatenate(counts), dtype=np.int64)
    columns, data = np.empty(pointers[-1], np.int32), np.empty(pointers[-1], np.float32)
    at = pointers[-1]
    while parts:
        _, piece, values = parts.pop()
        at -= len(piece)
        columns[at : at + len(piece)], data[at : at + len(piece)] = piece, values
    return sparse.csr_array((data, columns, pointers), shape=(n, n))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), "cluster")
