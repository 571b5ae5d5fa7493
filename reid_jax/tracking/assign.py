"""Tracks and boxes are paired: at least cost, within a limit, and those seen last first."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

NEVER = 1e5  # a cost that no limit allows
_BEYOND = 1e-5


class Pairs(NamedTuple):
    """Pairs of rows and columns, i64[k] each; a row or column is in one of them at most."""

    row: np.ndarray
    column: np.ndarray


def pairs(cost: Float[np.ndarray, "n m"], limit: float) -> Pairs:
    """The pairs of least total cost (the Hungarian method) that cost no more than `limit` each.

    What costs more than the limit all costs the same, so that it does not decide among the others.
    """
    if not cost.size:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    row, column = linear_sum_assignment(np.where(cost > limit, limit + _BEYOND, cost))
    near = cost[row, column] <= limit
    return Pairs(row[near], column[near])


def cascade(
    cost: Float[np.ndarray, "n m"], missed: Int[np.ndarray, "n"], limit: float, depth: int
) -> Pairs:
    """Pair tracks that were seen lately before those that were not (listing 1 of the paper).

    A lost track's place is uncertain, so it is near to everything in the Mahalanobis distance and
    would take the boxes of others.

    Args:
        cost: f64[n m], of each track and box.
        missed: i64[n], frames since a track was last seen; 1 for the frame before.
        limit: greatest cost of a pair.
        depth: tracks that were missed for longer are left out.
    """
    rows, columns, free = [], [], np.arange(cost.shape[1])
    for level in np.unique(missed[(missed >= 1) & (missed <= depth)]):
        level_rows = np.flatnonzero(missed == level)
        found = pairs(cost[np.ix_(level_rows, free)], limit)
        rows.append(level_rows[found.row])
        columns.append(free[found.column])
        free = np.delete(free, found.column)
    none = [np.zeros(0, np.int64)]
    return Pairs(np.concatenate(rows or none), np.concatenate(columns or none))


def overlaps(
    one: Float[np.ndarray, "n 4"], other: Float[np.ndarray, "m 4"]
) -> Float[np.ndarray, "n m"]:
    """Intersection over union of each two boxes (left, top, right, bottom); 0 of empty ones."""
    sides = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = sides - np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = [np.prod(np.maximum(box[:, 2:] - box[:, :2], 0), axis=1) for box in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)
