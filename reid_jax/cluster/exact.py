"""Distances in float64, where products have told whose: the compiled kernels of `neighbours.py`."""

import numpy as np

from reid_jax.cluster.select import NONE
from reid_jax.cluster.workers import kernel, spread

BLOCK = 1 << 22  # entries of a block of products that `near` and `choose` are given
LANES = 64  # sums of a distance


def settle(
    rows: np.ndarray, others: np.ndarray, candidates: np.ndarray, k: int, *, itself: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of each row's candidates (row numbers, NONE where there is none) by distance in float64, then number.

    itself: candidates hold no row itself, and it comes first.
    """
    index, distance = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    spread(_settle, len(rows), rows, others, candidates, index, distance, itself)
    return index, distance


def choose(
    rows: np.ndarray,
    others: np.ndarray,
    chosen: np.ndarray,
    products: np.ndarray,
    half: np.ndarray,
    half_others: np.ndarray,
    slack: np.ndarray,
    index: np.ndarray,
    distance: np.ndarray,
) -> None:
    """The k nearest of the chosen rows among all others, whatever their products with them lose: `slack` in |x - y|^2."""
    itself = others is rows
    spread(_choose, len(chosen), rows, others, chosen, products, half, half_others, slack, index, distance, itself)


def near(rows: np.ndarray, first: int, products: np.ndarray, half: np.ndarray, radius: float, slack: float) -> list:
    """The pairs within the radius of a block of products whose first row is `first`: parts for `workers.stack`."""
    return spread(_near, len(products), rows, first, products, half, radius, slack, step=1024)


@kernel
def far(x, y):
    """|x - y| in float64; LANES sums side by side, so that one order of summation is also one that vectors can take."""
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
def _settle(start, stop, rows, others, candidates, index, distance, itself):
    width, k = candidates.shape[1], index.shape[1]
    column, away = np.empty(width, np.int32), np.empty(width, np.float64)
    for i in range(start, stop):
        count = 0
        for candidate in candidates[i]:
            if candidate == NONE:
                continue
            value, at = far(rows[i], others[candidate]), count
            while at and (away[at - 1] > value or (away[at - 1] == value and column[at - 1] > candidate)):
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
def _choose(start, stop, rows, others, chosen, products, half, half_others, slack, index, distance, itself):
    first, k = int(itself), index.shape[1]
    if first == k:
        return
    column, away = np.empty(k - first, np.int32), np.empty(k - first, np.float64)
    for r in range(start, stop):
        i, count = chosen[r], 0
        for j in range(len(others)):
            full = count == len(away)
            if full and away[-1] == 0:
                break  # who comes later is no nearer
            squared = 2 * (half[i] + half_others[j] - products[r, j])
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
def _near(start, stop, rows, first, products, half, radius, slack):
    n, inside, outside = len(rows), radius * radius - slack, radius * radius + slack
    found = 0
    for r in range(start, stop):
        line, own = products[r], half[first + r]
        for c in range(n):
            found += 2 * (own + half[c] - line[c]) <= outside
    counts, columns, data = np.zeros(stop - start, np.int64), np.empty(found, np.int32), np.empty(found, np.float32)
    at = 0
    for r in range(start, stop):
        begin, i = at, first + r
        for c in range(n):
            squared = np.float64(2 * (half[i] + half[c] - products[r, c]))
            if squared > outside:
                continue
            away = np.sqrt(max(squared, 0.0)) if squared < inside else far(rows[i], rows[c])
            if away <= radius:
                columns[at], data[at] = c, 0 if c == i else min(np.float32(away), np.float32(radius))
                at += 1
        counts[r - start] = at - begin
    return counts, columns[:at].copy(), data[:at].copy()
