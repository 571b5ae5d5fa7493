"""Products of blocks of rows on all devices of all processes, and the candidates for neighbours that they show.

Work of the host that needs the accelerators for a moment, between two epochs; so it places blocks on devices itself
instead of running inside a step of `parallel.py`.
"""

from collections import deque
from collections.abc import Iterator
from functools import partial

import jax
import numpy as np
from jax.experimental import multihost_utils

from reid_jax.cluster.select import Candidates

TILE = 2048  # rows of a block on a CPU; a product of two blocks is 16 MiB
WIDE_TILE = 8192  # on an accelerator
GATHERED = 1 << 24  # candidates that all processes exchange at once, 128 MiB
NEAR = 4  # blocks of rows that meet as many others before the next come, so that a block is fetched less often


def candidates(
    rows: np.ndarray,
    half: np.ndarray,
    others: np.ndarray,
    half_others: np.ndarray,
    width: int,
    *,
    farthest: bool = False,
    devices: list | None = None,
    tile: int | None = None,
    reduce: bool | None = None,
) -> Candidates:
    """The `width` others of greatest score x.y - half_x - half_y for each row, by products rounded to float32.

    Args:
        rows, others: [n d], [m d], float32 or bfloat16; the same array, and then
            each pair is multiplied once and no row is its own.
        half, half_others: f32[n], f32[m], half the squared lengths.
        width: candidates of each row, at most m.
        farthest: watch the least score as well.
        devices: of this process, all by default.
        tile: rows of a block; at most 2,048 on a CPU and 8,192 on an accelerator by default.
        reduce: choose on the device instead of on the host; as the device is an accelerator, by default.

    Returns:
        Candidates of all processes, the same in each.
    """
    devices = devices or jax.local_devices()
    reduce = devices[0].platform != "cpu" if reduce is None else reduce
    size = tile or _even(max(len(rows), len(others)), WIDE_TILE if reduce else TILE)
    found, mirrored = Candidates(len(rows), width, farthest), others is rows
    for here, there, *answer in _answers(rows, half, others, half_others, size, devices, reduce, width, farthest):
        if reduce:
            found.take_lists(here, there, *(np.asarray(part) for part in answer), mirrored=mirrored)
        else:
            found.take_tile(here, there, np.asarray(answer[0]), half, half_others, mirrored=mirrored)
    if (processes := jax.process_count()) > 1:
        step = max(1, GATHERED // (width * processes))
        for start in range(0, len(rows), step):
            mine = found.best[start : start + step].view(np.int32), found.lowest[start : start + step]
            found.merge(start, *multihost_utils.process_allgather(mine))
    return found


def _answers(
    rows: np.ndarray,
    half: np.ndarray,
    others: np.ndarray,
    half_others: np.ndarray,
    size: int,
    devices: list,
    reduce: bool,
    width: int,
    farthest: bool,
) -> Iterator[tuple]:
    """(first row, first column, answer...) of each pair of blocks that is this process's; two in flight on a device."""
    symmetric = others is rows
    pairs = [
        (here, there)
        for here in range(0, len(rows), size)
        for there in range(here if symmetric else 0, len(others), size)
    ]
    pairs.sort(key=lambda pair: (pair[0] // (NEAR * size), pair[1] // (NEAR * size)))
    pairs = pairs[jax.process_index() :: jax.process_count()]
    held: dict = {}  # an accelerator keeps the blocks that it has seen, a CPU the last ones

    def block(array: np.ndarray, halves: np.ndarray, start: int, device: jax.Device) -> tuple[jax.Array, jax.Array]:
        key = (array is others, start, device)
        if key not in held:
            piece, lengths = array[start : start + size], halves[start : start + size]
            if len(piece) < size:
                short = size - len(piece)
                piece, lengths = np.pad(piece, ((0, short), (0, 0))), np.pad(lengths, (0, short))
            if not reduce and len(held) >= 2 * NEAR * len(devices):
                held.pop(next(iter(held)))
            held[key] = jax.device_put((piece, lengths), device, may_alias=True)
        else:
            held[key] = held.pop(key)  # the last used stays longest
        return held[key]

    flying: deque = deque()
    for number, (here, there) in enumerate(pairs):
        device = devices[number % len(devices)]
        (x, half_x), (y, half_y) = block(rows, half, here, device), block(others, half_others, there, device)
        if reduce:
            k, mirrored = min(width + symmetric, size), symmetric and here != there  # the row itself may take a place
            filled = min(size, len(others) - there)
            answer = _lists(x, half_x, y, half_y, filled, k=k, mirrored=mirrored, farthest=farthest)
        else:
            answer = (_tile(x, y),)
        flying.append((here, there, *answer))
        if len(flying) > 2 * len(devices):
            yield flying.popleft()
    yield from flying


@jax.jit
def _tile(x: jax.Array, y: jax.Array) -> jax.Array:
    # Left alone, a TPU would multiply in bfloat16 and a GPU in TF32: about three digits.
    highest = jax.lax.Precision.HIGHEST
    return jax.lax.dot_general(x, y, (((1,), (1,)), ((), ())), highest, preferred_element_type=jax.numpy.float32)


@partial(jax.jit, static_argnames=("k", "mirrored", "farthest"))
def _lists(
    x: jax.Array,
    half_x: jax.Array,
    y: jax.Array,
    half_y: jax.Array,
    filled: int,
    *,
    k: int,
    mirrored: bool,
    farthest: bool,
) -> tuple:
    """The k best of each row of a tile, and of each column if `mirrored`: (score, column, lowest), twice.

    filled: rows of y; x is full where a tile is mirrored, since y lies behind it.
    """
    numpy = jax.numpy
    score = _tile(x, y) - half_x[:, None] - half_y[None, :]
    inside = (numpy.arange(len(y)) < filled)[None, :]
    chosen, lowest = numpy.where(inside, score, -numpy.inf), numpy.where(inside, score, numpy.inf)
    answer = ()
    for axis in (1, 0) if mirrored else (1,):
        best, place = jax.lax.top_k(chosen if axis else chosen.T, k)
        answer += (best, place, lowest.min(axis) if farthest else numpy.zeros(0))
    return answer


def _even(rows: int, most: int) -> int:
    """Rows of a block, at most `most`, so that the blocks are about as full as each other."""
    return -(-rows // (64 * -(-rows // most))) * 64
