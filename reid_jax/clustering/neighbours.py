"""Exact nearest neighbours by blocked matrix products, and the graph of all pairs within a radius.

The products run on all devices of all processes, compiled with jax; products of a matrix with
itself cost half as much. They only select candidates. The distances that are returned are computed
from the embeddings, pair by pair in float64. Where the rounding of the products leaves it open
which rows are the k nearest, the row is searched again. So neighbours and distances are the same on
every machine and for every number of devices, the distance of x and y is that of y and x, and the
distance of duplicates is exactly 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax.clustering import exact, products, select, workers
from reid_jax.clustering.select import Tile
from reid_jax.types import Array

SPARE = 8  # candidates beyond k, among which float64 decides
# More than float32 loses in |x|^2 + |y|^2 - 2 x.y, relative to the squares, for d of some thousand.
ROUNDING = 1e-5


class Swept(NamedTuple):
    """The result of one pass over all pairs, for n rows.

    Attributes:
        neighbours: i32[n k], row numbers, the nearest first.
        distance: f32[n k], Euclidean distances.
        farthest: f32[n], the distance to the farthest row, with the rounding of a product; None
            where it was not requested.
    """

    neighbours: np.ndarray
    distance: np.ndarray
    farthest: np.ndarray | None


def search(
    features: Float[np.ndarray, "n d"], k: int, *, among: Float[np.ndarray, "m d"] | None = None
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """The k nearest rows of each row by Euclidean distance, exactly.

    neighbours[i, :] = the k rows j of least (|x_i - y_j|, j != i, j): a row is its own first
    neighbour, and equal distances are ordered by row number.

    The time is that of the products, n^2 d multiplications (n m d with `among`). The memory on the
    host, beside the embeddings, is n (k + 8) 16 bytes and, for a CPU device, 64 MiB (d / 1024 + 1)
    of blocks and products. An accelerator holds the embeddings and a tile of 256 MiB. With several
    processes each does its share, and all must call this together.

    Args:
        features: f32[n d], any unit; for rows of length one the order is that of the cosine.
        k: neighbours of each row, itself included, in [1, n] (in [1, m] with `among`).
        among: f32[m d], search these rows instead; then no row is "itself".

    Returns:
        (i32[n k], f32[n k]) row numbers and distances, the nearest first; [0 k] where n is 0.

    Raises:
        ValueError: the arguments are not matrices of equal width, contain NaN, infinity or rows
            too long for float32 (the message names the rows), or k is out of range.
    """
    swept = sweep(features, k, among=among)
    return swept.neighbours, swept.distance


def sweep(
    features: Float[np.ndarray, "n d"],
    k: int,
    *,
    among: Float[np.ndarray, "m d"] | None = None,
    farthest: bool = False,
    devices: Sequence[jax.Device] | None = None,
    tile: int | None = None,
    reduce: bool | None = None,
) -> Swept:
    """`search` with more options, and with the distance to the farthest row.

    Args:
        features: as in `search`.
        k: as in `search`.
        among: as in `search`.
        farthest: return the distance to the farthest row as well.
        devices: of this process, all by default.
        tile: rows of a block; 2,048 on a CPU, 8,192 on an accelerator, less where there are fewer.
        reduce: choose candidates on the device instead of on the host; by default on an
            accelerator only.

    Returns:
        Neighbours, distances and, if requested, the distance to the farthest row.

    Raises:
        ValueError: as `search`.
    """
    rows = check("features", features)
    # A new object with `among`, since `products` treats one object as one set of rows.
    others = rows if among is None else check("among", among)[:]
    if rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"features and among are {rows.shape[1]} and {others.shape[1]} wide; "
            "embed both with one model"
        )
    if not 1 <= k <= max(1, len(others)) or (len(rows) and not len(others)):
        raise ValueError(
            f"k is {k} and there are {len(others)} rows to choose from; "
            f"choose k from 1 to {len(others)}"
        )
    if not len(rows):
        empty = np.empty((0, k), np.int32), np.empty((0, k), np.float32)
        return Swept(*empty, np.empty(0, np.float32) if farthest else None)
    width = min(k + SPARE, len(others))
    half = half_squares(rows)
    half_others = half if among is None else half_squares(others)
    candidates = products.candidates(
        rows,
        half,
        others,
        half_others,
        width,
        farthest=farthest,
        devices=devices,
        tile=tile,
        reduce=reduce,
    )
    index, distance = exact.settle(rows, others, candidates.index, k, itself=among is None)
    _search_again(rows, others, half, half_others, candidates, index, distance)
    most = np.sqrt(np.maximum(-2 * candidates.lowest, 0)) if farthest else None
    return Swept(index, distance, most)


def within(features: Float[np.ndarray, "n d"], radius: float) -> sparse.csr_array:
    """The graph of all pairs at most `radius` apart by Euclidean distance, for DBSCAN on few rows.

    Where float32 leaves it open whether a pair belongs to the graph, float64 decides. The memory is
    8 bytes for each pair, and 64 MiB.

    Args:
        features: f32[n d], any unit.
        radius: of the neighbourhood, inclusive, above 0, in the unit of the features.

    Returns:
        f32 CSR [n n] of the distances, with the rounding of products, none above `radius`; the
        diagonal is 0 and is stored.

    Raises:
        ValueError: `features` is not a matrix or contains NaN or infinity (the message names the
            rows), or the radius is not above 0.
    """
    rows = check("features", features)
    if not radius > 0:
        raise ValueError(f"the radius is {radius}, expected a distance above 0")
    half = half_squares(rows)
    slack = ROUNDING * (4 * float(half.max(initial=0)) + radius * radius)
    step = max(1, 4 * exact.BLOCK // max(1, len(rows)))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        numbers = np.arange(first, min(first + step, len(rows)))
        tile = Tile(rows[part] @ rows.T, half[part], half, numbers, 0)
        parts += exact.near(rows, tile, radius, slack)
    return workers.stack(parts, len(rows))


def check(name: str, features: Array) -> np.ndarray:
    """The embeddings as a contiguous f32[n d].

    Raises:
        ValueError: they are not a matrix, or rows are NaN, infinite or too long for float32; the
            message names the rows.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.number) or np.iscomplexobj(rows):
        raise ValueError(
            f"{name} should be numbers [n d], a row for each image, and are "
            f"{rows.dtype}{list(rows.shape)}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.ascontiguousarray(rows, np.float32)
        bad = np.flatnonzero(~(np.vecdot(rows, rows) < 1e37))
    if bad.size:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if bad.size > 10 else "")
        raise ValueError(
            f"{bad.size} of {len(rows)} rows of {name} are NaN, infinite or too long for float32: "
            f"rows {shown}; look at the model or the pictures that made them"
        )
    return rows


def _search_again(
    rows: np.ndarray,
    others: np.ndarray,
    half: np.ndarray,
    half_others: np.ndarray,
    candidates: select.Candidates,
    index: np.ndarray,
    distance: np.ndarray,
) -> None:
    """Search again for the rows whose k-th neighbour may be farther than a row not proposed."""
    if candidates.best.shape[1] == len(others):
        return  # all were candidates
    slack = ROUNDING * 2 * (half + half_others.max(initial=0))
    doubtful = np.flatnonzero(distance[:, -1] ** 2 >= -2 * candidates.bar - slack)
    step = max(1, exact.BLOCK // len(others))
    for start in range(0, len(doubtful), step):
        chosen = doubtful[start : start + step]
        tile = Tile(rows[chosen] @ others.T, half[chosen], half_others, chosen, 0)
        exact.choose(rows, others, tile, slack, index, distance)


def half_squares(rows: np.ndarray) -> np.ndarray:
    """|x|^2 / 2 of each row."""
    return 0.5 * np.vecdot(rows, rows)
