"""Exact nearest neighbours by blocked matrix products, and the graph of all pairs within a radius.

The products run on all devices of all processes, compiled with jax; a matrix with itself costs half of them. They only
choose: the distances that are returned are taken again from the embeddings, pair by pair in float64, and where the
products' rounding leaves a doubt who is among the k nearest, the row is looked at again. So neighbours and distances are
the same on every machine, for every number of devices and both ways round, and that of a duplicate is exactly 0.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax.cluster import exact, products, select, workers
from reid_jax.types import Array

SPARE = 8  # candidates beyond k, among which float64 decides
ROUNDING = 1e-5  # of the squares: more than float32 loses in |x - y|^2 = |x|^2 + |y|^2 - 2 x.y of some thousand numbers


class Swept(NamedTuple):
    """What one pass over all pairs tells of n rows.

    index:    i32[n k], the nearest first.
    distance: f32[n k], Euclidean.
    farthest: f32[n], the distance to the farthest row, or None where it was not asked for; rounded as a product is.
    """

    index: np.ndarray
    distance: np.ndarray
    farthest: np.ndarray | None


def search(
    features: Float[np.ndarray, "n d"], k: int, *, among: Float[np.ndarray, "m d"] | None = None
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """The k nearest rows of each row by Euclidean distance, exactly.

    index[i, :] = the k rows j of least (|x_i - y_j|, j != i, j): a row is its own first neighbour, equal distances are
    ordered by the row's number.

    Time is that of the products, n^2 d multiplications (n m d with `among`). Memory on the host beside the embeddings:
    n (k + 8) 16 bytes, and for a CPU device 64 MiB (d / 1024 + 1) of blocks and products; on an accelerator, each device
    holds the embeddings and a tile of 256 MiB. With several processes each does its share and all must call this together.

    Args:
        features: f32[n d], any unit; rows of length one make the order that of the cosine.
        k: neighbours of each row, itself counted, in [1, n] (in [1, m] with `among`).
        among: f32[m d], search these rows instead; then no row is "itself".

    Returns:
        (i32[n k], f32[n k]) rows and distances, the nearest first; [0 k] where n is 0.

    Raises:
        ValueError: not matrices of one width, NaN or infinity (the rows are named), rows too long for float32, or k
            out of range.
    """
    swept = sweep(features, k, among=among)
    return swept.index, swept.distance


def sweep(
    features: Float[np.ndarray, "n d"],
    k: int,
    *,
    among: Float[np.ndarray, "m d"] | None = None,
    farthest: bool = False,
    devices: list | None = None,
    tile: int | None = None,
    reduce: bool | None = None,
) -> Swept:
    """`search`, and more of the same pass.

    Args:
        features, k, among: as in `search`.
        farthest: ask for the distance to the farthest row as well.
        devices: of this process, all by default.
        tile: rows of a block; 2,048 on a CPU, 8,192 on an accelerator, less where there are fewer rows.
        reduce: choose candidates on the device instead of on the host; as the device is an accelerator, by default.

    Returns:
        Swept.

    Raises:
        ValueError: as `search`.
    """
    rows = check("features", features)
    others = rows if among is None else check("among", among)[:]  # never the same object, though it be the same rows
    if rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"features and among are {rows.shape[1]} and {others.shape[1]} wide; embed both with one model"
        )
    if not 1 <= k <= max(1, len(others)) or (len(rows) and not len(others)):
        raise ValueError(f"k is {k} and there are {len(others)} rows to choose from; choose k from 1 to {len(others)}")
    if not len(rows):
        return Swept(
            np.empty((0, k), np.int32), np.empty((0, k), np.float32), np.empty(0, np.float32) if farthest else None
        )
    width = min(k + SPARE, len(others))
    half = half_squares(rows)
    half_others = half if among is None else half_squares(others)
    found = products.candidates(
        rows, half, others, half_others, width, farthest=farthest, devices=devices, tile=tile, reduce=reduce
    )
    index, distance = exact.settle(rows, others, found.index, k, itself=among is None)
    _look_again(rows, others, half, half_others, found, index, distance)
    return Swept(index, distance, np.sqrt(np.maximum(-2 * found.lowest, 0)) if farthest else None)


def within(features: Float[np.ndarray, "n d"], radius: float) -> sparse.csr_array:
    """The graph of all pairs at most `radius` apart by Euclidean distance: what DBSCAN needs where n is small.

    Which pairs those are is decided in float64 wherever float32 leaves a doubt. Memory is that of the pairs found, 8
    bytes each, and 64 MiB.

    Args:
        features: f32[n d], any unit.
        radius: of the neighbourhood, inclusive, above 0, in the unit of the features.

    Returns:
        f32 CSR [n n] of the distances, as products round them, none above `radius`; a row itself is at 0.

    Raises:
        ValueError: no matrix, NaN or infinity (the rows are named), or no radius.
    """
    rows = check("features", features)
    if not radius > 0:
        raise ValueError(f"the radius is {radius}, expected a distance above 0")
    half = half_squares(rows)
    slack = ROUNDING * (4 * float(half.max(initial=0)) + radius * radius)
    step = max(1, 4 * exact.BLOCK // max(1, len(rows)))
    parts: list = []
    for first in range(0, len(rows), step):
        parts += exact.near(rows, first, rows[first : first + step] @ rows.T, half, radius, slack)
    return workers.stack(parts, len(rows))


def check(name: str, features: Array) -> np.ndarray:
    """The embeddings as a contiguous f32[n d].

    Raises:
        ValueError: no matrix; rows that are NaN, infinite or too long for float32, by their numbers.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.number) or np.iscomplexobj(rows):
        raise ValueError(
            f"{name} should be numbers [n d], a row for each image, and are {rows.dtype}{list(rows.shape)}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.ascontiguousarray(rows, np.float32)
        bad = np.flatnonzero(~(np.vecdot(rows, rows) < 1e37))
    if bad.size:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if bad.size > 10 else "")
        raise ValueError(
            f"{bad.size} of {len(rows)} rows of {name} are NaN, infinite or too long for float32: rows {shown}; look at "
            "the model or the pictures that made them"
        )
    return rows


def _look_again(
    rows: np.ndarray,
    others: np.ndarray,
    half: np.ndarray,
    half_others: np.ndarray,
    found: select.Candidates,
    index: np.ndarray,
    distance: np.ndarray,
) -> None:
    """Choose again for the rows whose k-th neighbour is not surely nearer than all that were no candidates."""
    if found.best.shape[1] == len(others):
        return  # all were candidates
    slack = ROUNDING * 2 * (half + half_others.max(initial=0))
    doubtful = np.flatnonzero(distance[:, -1] ** 2 >= -2 * found.bar - slack)
    step = max(1, exact.BLOCK // len(others))
    for start in range(0, len(doubtful), step):
        chosen = doubtful[start : start + step]
        exact.choose(rows, others, chosen, rows[chosen] @ others.T, half, half_others, slack, index, distance)


def half_squares(rows: np.ndarray) -> np.ndarray:
    """|x|^2 / 2 of each row."""
    return 0.5 * np.vecdot(rows, rows)
