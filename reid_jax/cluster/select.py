"""Choosing the nearest from tiles of products: the compiled kernels of `neighbours.py`.

A score is x.y - |x|^2 / 2 - |y|^2 / 2, minus half the squared distance; greater is nearer, and of equal scores the lower
row wins. The candidates of a row are a heap whose root is the worst of them.
"""

import numpy as np

from reid_jax.cluster.workers import kernel, spread

BLOCK = 1 << 22  # entries of a block of products that `near` and `choose` are given
LANES = 64  # sums of a distance
CHUNK = 64  # scores that are compared before any is looked at
NONE = np.iinfo(np.int32).max  # the row of a place in a heap that nothing has taken


class Candidates:
    """The `width` best scores that each of n rows has seen; `lowest`, if watched, is the worst of all scores."""

    def __init__(self, count: int, width: int, watched: bool) -> None:
        self.width = width
        self.score = np.full((count, width), -np.inf, np.float32)
        self.index = np.full((count, width), NONE, np.int32)
        self.bar = np.full(count, -np.inf, np.float32)  # the score of the worst candidate
        self.lowest = np.full(count if watched else 0, np.inf, np.float32)

    def take_tile(
        self, here: int, there: int, tile: np.ndarray, half: np.ndarray, half_others: np.ndarray, *, mirrored: bool
    ) -> None:
        """Products of the rows from `here` with those from `there`; mirrored: they count for both."""
        extent = min(len(tile), len(half) - here), min(tile.shape[1], len(half_others) - there)
        task = tile, here, there, extent, half, half_others, self.score, self.index, self.bar, self.lowest
        columns = mirrored and here != there
        marks = np.empty((-(-extent[1] // CHUNK) if columns else 0, extent[0]), np.bool_)
        spread(_scan_rows, extent[0], *task, mirrored and here == there, marks)
        spread(_scan_columns, len(marks), *task, marks)

    def take_lists(
        self,
        here: int,
        there: int,
        best: np.ndarray,
        place: np.ndarray,
        lowest: np.ndarray,
        *mirror: np.ndarray,
        mirrored: bool,
    ) -> None:
        """What a device has chosen from a tile for its rows, and, where two blocks differ, for its columns."""
        lists = [(here, there, best, place, lowest)] + ([(there, here, *mirror)] if mirror else [])
        for rows, columns, *one in lists:
            count = min(len(one[0]), len(self.score) - rows)
            task = *one, rows, columns, self.score, self.index, self.bar, self.lowest
            spread(_merge, count, *task, mirrored)

    def merge(self, score: np.ndarray, index: np.ndarray, lowest: np.ndarray) -> None:
        """What all processes have found, [processes n width], becomes what each has found."""
        self.score[:], self.index[:], self.bar[:] = -np.inf, NONE, -np.inf
        for one in zip(score, index, lowest, strict=True):
            spread(_merge, len(self.score), *one, 0, 0, self.score, self.index, self.bar, self.lowest, False)


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
def _offer(score, index, bar, row, value, column):
    """Let a candidate take the worst one's place, if it is better."""
    if value < score[row, 0] or (value == score[row, 0] and column > index[row, 0]):
        return
    width, at = score.shape[1], 0
    while True:  # sink to where both children are better
        child = 2 * at + 1
        if child >= width:
            break
        other = child + 1
        if other < width and (
            score[row, other] < score[row, child]
            or (score[row, other] == score[row, child] and index[row, other] > index[row, child])
        ):
            child = other
        if value < score[row, child] or (value == score[row, child] and column > index[row, child]):
            break
        score[row, at], index[row, at] = score[row, child], index[row, child]
        at = child
    score[row, at], index[row, at] = value, column
    bar[row] = score[row, 0]


@kernel
def _scan_rows(start, stop, tile, here, there, extent, half, half_others, score, index, bar, lowest, diagonal, marks):
    """Offer a tile's scores to its rows; mark, chunk by chunk, where one of the columns would want them."""
    for r in range(start, stop):
        i = here + r
        own, limit, low = half[i], bar[i], np.float32(np.inf)
        for begin in range(0, extent[1], CHUNK):
            end = min(begin + CHUNK, extent[1])
            line, others = tile[r, begin:end], half_others[there + begin : there + end]
            wanted, marked = False, False
            if len(marks):
                limits = bar[there + begin : there + end]
                for c in range(len(line)):
                    value = line[c] - own - others[c]
                    wanted |= value >= limit
                    marked |= value >= limits[c]
                marks[begin // CHUNK, r] = marked
            else:
                for c in range(len(line)):
                    wanted |= line[c] - own - others[c] >= limit
            if wanted:
                for c in range(len(line)):
                    value = line[c] - own - others[c]
                    if value >= limit and not (diagonal and r == begin + c):
                        _offer(score, index, bar, i, value, there + begin + c)
                        limit = bar[i]
            if len(lowest):
                for c in range(len(line)):
                    low = min(low, line[c] - own - others[c])
        if len(lowest):
            lowest[i] = min(lowest[i], low)


@kernel
def _scan_columns(start, stop, tile, here, there, extent, half, half_others, score, index, bar, lowest, marks):
    """Offer a tile's scores to its columns, where a chunk of a row is marked; start and stop count chunks."""
    for chunk in range(start, stop):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, extent[1])
        for r in range(extent[0]):
            own = half[here + r]
            if marks[chunk, r]:
                for c in range(begin, end):
                    value = tile[r, c] - own - half_others[there + c]
                    if value >= bar[there + c]:
                        _offer(score, index, bar, there + c, value, here + r)
            if len(lowest):
                line, others, low = (
                    tile[r, begin:end],
                    half_others[there + begin : there + end],
                    lowest[there + begin :],
                )
                for c in range(len(line)):
                    low[c] = min(low[c], line[c] - own - others[c])


@kernel
def _merge(start, stop, best, place, worst, rows, columns, score, index, bar, lowest, itself):
    for r in range(start, stop):
        i = rows + r
        for c in range(best.shape[1]):
            j = columns + place[r, c]
            if best[r, c] > -np.inf and not (itself and i == j):
                _offer(score, index, bar, i, best[r, c], j)
        if len(lowest):
            lowest[i] = min(lowest[i], worst[r])


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
