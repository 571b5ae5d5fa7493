"""Products of blocks of rows on all devices of all processes, and the candidates that they give.

The search runs on the host between two epochs and needs the accelerators only for the products.
So this file places blocks on devices itself instead of running inside a step of `parallel.py`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from reid_jax.clustering.select import Candidates, Tile

TILE = 2048  # rows of a block on a CPU; a product of two blocks is 16 MiB
WIDE_TILE = 8192  # rows of a block on an accelerator
GATHERED = 1 << 24  # candidates that all processes exchange at once, 128 MiB
NEAR = 4  # all pairs of 4 x 4 blocks come in sequence, so that a block is fetched less often


def candidates(
    rows: np.ndarray,
    half: np.ndarray,
    others: np.ndarray,
    half_others: np.ndarray,
    width: int,
    *,
    farthest: bool = False,
    devices: Sequence[jax.Device] | None = None,
    tile: int | None = None,
    reduce: bool | None = None,
) -> Candidates:
    """The `width` others of greatest score x.y - half_x - half_y for each row.

    The products are rounded to float32. With several processes, all must call this together.

    Args:
        rows: [n d], float32 or bfloat16.
        half: f32[n], half the squared lengths of the rows.
        others: [m d]; where it is the same array as `rows`, each pair is multiplied once and no
            row is its own candidate.
        half_others: f32[m], half the squared lengths of the others.
        width: candidates of each row, at most m.
        farthest: record the lowest score of each row as well.
        devices: of this process, all by default.
        tile: rows of a block; by default at most 2,048 on a CPU and 8,192 on an accelerator.
        reduce: choose the candidates on the device instead of on the host; by default on an
            accelerator only.

    Returns:
        The candidates from all processes, the same in each process.
    """
    devices = devices or jax.local_devices()
    reduce = devices[0].platform != "cpu" if reduce is None else reduce
    size = tile or even(max(len(rows), len(others)), WIDE_TILE if reduce else TILE)
    chosen, mirrored = Candidates(len(rows), width, farthest), others is rows
    k = min(width + mirrored, size) if reduce else None  # the row itself may take a place
    answers = _answers(
        rows, half, others, half_others, size=size, devices=devices, k=k, farthest=farthest
    )
    for row, column, answer in answers:
        parts = [np.asarray(part) for part in answer]
        if reduce:
            chosen.take_lists(row, column, *parts[:3], mirrored=mirrored)
            if len(parts) > 3:
                chosen.take_lists(column, row, *parts[3:], mirrored=mirrored)
        else:
            x_half, y_half = half[row : row + size], half_others[column : column + size]
            numbers = np.arange(row, row + len(x_half))
            products = Tile(parts[0], x_half, y_half, numbers, column)
            chosen.take_tile(products, mirrored=mirrored)
    if (processes := jax.process_count()) > 1:
        step = max(1, GATHERED // (width * processes))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            mine = chosen.best[part].view(np.int32), chosen.lowest[part]
            chosen.merge(start, *multihost_utils.process_allgather(mine))
    return chosen


def _answers(
    rows: np.ndarray,
    half: np.ndarray,
    others: np.ndarray,
    half_others: np.ndarray,
    *,
    size: int,
    devices: Sequence[jax.Device],
    k: int | None,
    farthest: bool,
) -> Iterator[tuple[int, int, tuple[jax.Array, ...]]]:
    """(first row, first column, result) for each pair of blocks of this process.

    The result is that of `_lists` with k, or the products alone where k is None.
    """
    symmetric = others is rows
    pairs = [
        (row, column)
        for row in range(0, len(rows), size)
        for column in range(row if symmetric else 0, len(others), size)
    ]
    pairs.sort(key=lambda pair: (pair[0] // (NEAR * size), pair[1] // (NEAR * size)))
    pairs = pairs[jax.process_index() :: jax.process_count()]

    def block(array: np.ndarray, halves: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(start, start + size)
        return filled(array[part], size), filled(halves[part], size)

    def compute(
        row: int, column: int, x: tuple[jax.Array, jax.Array], y: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, ...]:
        if k is None:
            return (multiplied(x[0], y[0]),)
        valid, both = min(size, len(others) - column), symmetric and row != column
        return _lists(*x, *y, valid, k=k, mirrored=both, farthest=farthest)

    right = partial(block, others, half_others)
    left = right if symmetric else partial(block, rows, half)
    held = 2 * NEAR if k is None else None  # an accelerator keeps all blocks that it has had
    return stream(pairs, (left, right), compute, devices=devices, held=held)


def stream(
    pairs: Iterable[tuple[int, int]],
    blocks: tuple[Callable[[int], Any], Callable[[int], Any]],
    compute: Callable[[int, int, Any, Any], Any],
    *,
    devices: Sequence[jax.Device],
    held: int | None,
) -> Iterator[tuple[int, int, Any]]:
    """Compute something of pairs of blocks, two for each device in advance.

    Args:
        pairs: (first row, first column) of each, in the order in which they are wanted.
        blocks: the two functions that give a block, numpy arrays, by its first row or column; they
            may be one.
        compute: called with a pair and its two blocks on a device.
        devices: of this process, which take turns.
        held: blocks that each device keeps, the last used ones; None: all.

    Yields:
        (first row, first column, result), in the order of the pairs.
    """
    kept: dict = {}

    def block(fetch: Callable[[int], Any], start: int, device: jax.Device) -> Any:
        key = (fetch, start, device)
        if key not in kept:
            if held is not None and len(kept) >= held * len(devices):
                kept.pop(next(iter(kept)))
            kept[key] = jax.device_put(fetch(start), device, may_alias=True)
        else:
            kept[key] = kept.pop(key)  # the last used is dropped last
        return kept[key]

    flying: deque = deque()
    for number, (row, column) in enumerate(pairs):
        device = devices[number % len(devices)]
        x, y = block(blocks[0], row, device), block(blocks[1], column, device)
        flying.append((row, column, compute(row, column, x, y)))
        if len(flying) > 2 * len(devices):
            yield flying.popleft()
    while flying:
        yield flying.popleft()


def filled(piece: np.ndarray, size: int) -> np.ndarray:
    """The piece with rows of zeros up to `size`."""
    short = size - len(piece)
    return np.pad(piece, ((0, short), *((0, 0),) * (piece.ndim - 1))) if short else piece


@jax.jit
def multiplied(x: jax.Array, y: jax.Array) -> jax.Array:
    """The inner products of two blocks."""
    # By default a TPU would multiply in bfloat16 and a GPU in TF32: about three digits.
    highest = jax.lax.Precision.HIGHEST
    return jax.lax.dot_general(
        x, y, (((1,), (1,)), ((), ())), highest, preferred_element_type=jax.numpy.float32
    )


@partial(jax.jit, static_argnames=("k", "mirrored", "farthest"))
def _lists(
    x: jax.Array,
    half_x: jax.Array,
    y: jax.Array,
    half_y: jax.Array,
    valid: int,
    *,
    k: int,
    mirrored: bool,
    farthest: bool,
) -> tuple[jax.Array, ...]:
    """(score, column, lowest score): the k best of each row of a tile.

    With `mirrored` the same of each column follows.

    valid: rows of y that are no padding. In a mirrored tile x has no padding, since y comes later.
    """
    numpy = jax.numpy
    score = multiplied(x, y) - half_x[:, None] - half_y[None, :]
    inside = (numpy.arange(len(y)) < valid)[None, :]
    chosen, lowest = numpy.where(inside, score, -numpy.inf), numpy.where(inside, score, numpy.inf)
    answer: tuple[jax.Array, ...] = ()
    for axis in (1, 0) if mirrored else (1,):
        best, place = jax.lax.top_k(chosen if axis else chosen.T, k)
        answer += (best, place, lowest.min(axis) if farthest else numpy.zeros(0))
    return answer


def even(rows: int, most: int) -> int:
    """The rows of a block, at most `most`, such that all blocks are about equally full."""
    return -(-rows // (64 * -(-rows // most))) * 64
