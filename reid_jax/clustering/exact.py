"""Distances in float64 of pairs that products have proposed: the kernels of `neighbours.py`."""

import numpy as np

from reid_jax.clustering.select import NONE, Tile
from reid_jax.clustering.workers import kernel, map_rows

BLOCK = 1 << 22  # entries of the block of products that `near` and `choose` get at once
LANES = 64  # partial sums of a distance


def settle(
    rows: np.ndarray, others: np.ndarray, candidates: np.ndarray, k: int, *, itself: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of each row's candidates, ordered by distance in float64, then by number.

    Args:
        rows: f32[n d].
        others: f32[m d].
        candidates: i32[n c], row numbers of `others`, at least k valid ones; NONE is ignored.
        k: neighbours of each row.
        itself: rows and others are one array. The candidates do not contain the row itself, and
            it becomes its own first neighbour.

    Returns:
        i32[n k] row numbers and f32[n k] distances.
    """
    index, distance = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    map_rows(_settle, len(rows), rows, others, candidates, (index, distance), itself)
    return index, distance


def choose(
    rows: np.ndarray,
    others: np.ndarray,
    tile: Tile,
    slack: np.ndarray,
    index: np.ndarray,
    distance: np.ndarray,
) -> None:
    """Find the k nearest among all others for the rows of a tile, however its products round.

    Args:
        rows: f32[n d].
        others: f32[m d]; the same array where each row is its own first neighbour.
        tile: the products of some rows with all others.
        slack: f32[n], how much the products may be wrong, in units of |x - y|^2.
        index: i32[n k], row numbers; the lines of the tile's rows are overwritten.
        distance: f32[n k], likewise.
    """
    itself = others is rows
    map_rows(_choose, len(tile.rows), rows, others, tile, slack, (index, distance), itself)


def near(
    rows: np.ndarray, tile: Tile, radius: float, slack: float
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The pairs of a tile that are at most `radius` apart.

    Args:
        rows: f32[n d].
        tile: the products of consecutive rows with all rows.
        radius: a distance.
        slack: how much the products may be wrong, in units of |x - y|^2.

    Returns:
        Consecutive parts of the graph for `workers.stack`.
    """
    return map_rows(_near, len(tile.rows), rows, tile, radius, slack, step=1024)


@kernel
def far(x, y):
    """The distance |x - y| in float64.

    The squares go to LANES partial sums, an order of summation that vector units can follow.
    """
    total = np.zeros(LANES)
    whole = len(x) // LANES * LANES
    for at in range(0, whole, LANES):
        p, q = x[at : at + LANES], y[at : at + LANES]
        for lane in range(LANES):
            difference = np.float64(p[lane]) - np.float64(q[lane])
            total[lane] += difference * difference
    for at in range(whole, len(x)):
        difference = np.float64(x[at]) - np.float64(y[at])
        total[at - whole] += difference * difference
    squared = 0.0
    for lane in range(LANES):
        squared += total[lane]
    return np.sqrt(squared)


@kernel
def _settle(start, stop, rows, others, candidates, into, itself):
    index, distance = into
    width, k = candidates.shape[1], index.shape[1]
    column, away = np.empty(width, np.int32), np.empty(width, np.float64)
    for i in range(start, stop):
        count = 0
        for candidate in candidates[i]:
            if candidate == NONE:
                continue
            value, at = far(rows[i], others[candidate]), count
            while at and (
                away[at - 1] > value or (away[at - 1] == value and column[at - 1] > candidate)
            ):
                away[at], column[at] = away[at - 1], column[at - 1]
                at -= 1
            away[at], column[at] = value, candidate
            count += 1
        first = 0
        if itself:
            index[i, 0], distance[i, 0], first = i, 0, 1
        for at in range(first, k):
            index[i, at], distance[i, at] = column[at - first], away[at - first]


@kernel
def _choose(start, stop, rows, others, tile, slack, into, itself):
    index, distance = into
    first, k = int(itself), index.shape[1]
    if first == k:
        return
    column, away = np.empty(k - first, np.int32), np.empty(k - first, np.float64)
    for r in range(start, stop):
        i, count = tile.rows[r], 0
        for j in range(len(others)):
            full = count == len(away)
            if full and away[-1] == 0:
                break  # no later row is nearer
            squared = 2 * (tile.half[r] + tile.half_others[j] - tile.products[r, j])
            if (itself and i == j) or (full and squared - slack[i] > away[-1] ** 2):
                continue
            value = far(rows[i], others[j])
            if full and value >= away[-1]:
                continue
            at = count - 1 if full else count
            while at and away[at - 1] > value:
                away[at], column[at] = away[at - 1], column[at - 1]
                at -= 1
            away[at], column[at] = value, j
            count += not full
        for at in range(first, k):
            index[i, at], distance[i, at] = column[at - first], away[at - first]


@kernel
def _near(start, stop, rows, tile, radius, slack):
    n, inside, outside = len(rows), radius * radius - slack, radius * radius + slack
    size = 0
    for r in range(start, stop):
        line, own = tile.products[r], tile.half[r]
        for c in range(n):
            size += 2 * (own + tile.half_others[c] - line[c]) <= outside
    counts = np.zeros(stop - start, np.int64)
    columns, data = np.empty(size, np.int32), np.empty(size, np.float32)
    at = 0
    for r in range(start, stop):
        begin, i = at, tile.rows[r]
        for c in range(n):
            squared = np.float64(2 * (tile.half[r] + tile.half_others[c] - tile.products[r, c]))
            if squared > outside:
                continue
            away = np.sqrt(max(squared, 0.0)) if squared < inside else far(rows[i], rows[c])
            if away <= radius:
                columns[at] = c
                data[at] = 0 if c == i else min(np.float32(away), np.float32(radius))
                at += 1
        counts[r - start] = at - begin
    return counts, columns[:at].copy(), data[:at].copy()
