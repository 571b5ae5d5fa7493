"""Running a compiled kernel over many rows on all cores; kernels release the interpreter's lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
from scipy import sparse

from reid_jax import worker

kernel = numba.njit(nogil=True, cache=True)  # compiled once and kept on the disk


def map_rows(run: Callable, total: int, *arguments: Any, step: int = 0) -> list:
    """Call `run(start, stop, *arguments)` for consecutive ranges that cover `total`, on all cores.

    Args:
        run: a kernel. Whatever it writes into the arguments must belong to its own range.
        total: number of rows.
        arguments: the same for every call.
        step: rows of a range; by default a quarter of each core's share.

    Returns:
        The results in the order of the ranges.
    """
    step = step or max(1, -(-total // (4 * worker.cores())))
    if total <= step:
        return [run(0, total, *arguments)] if total else []
    # Compile in this thread: a compilation imports, and threads that import wait for each other.
    run(0, 0, *arguments)
    starts = range(0, total, step)
    return list(_pool().map(lambda start: run(start, min(start + step, total), *arguments), starts))


def stack(
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], n: int, columns: int | None = None
) -> sparse.csr_array:
    """The sparse matrix whose consecutive rows are given in parts.

    Args:
        parts: (i64 entries of each row, i32 columns, f32 data) of some rows each. The list is
            emptied, and each part is released as it is copied, so that none is held twice.
        n: number of rows.
        columns: number of columns; None: n.

    Returns:
        f32 CSR [n columns].
    """
    counts = [np.zeros(1, np.int64), *(part[0] for part in parts)]
    pointers = np.cumsum(np.concatenate(counts), dtype=np.int64)
    index, data = np.empty(pointers[-1], np.int32), np.empty(pointers[-1], np.float32)
    at = pointers[-1]
    while parts:
        _, piece, values = parts.pop()
        at -= len(piece)
        index[at : at + len(piece)], data[at : at + len(piece)] = piece, values
    return sparse.csr_array((data, index, pointers), shape=(n, n if columns is None else columns))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(worker.cores(), "cluster")
