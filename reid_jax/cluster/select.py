"""Choosing the nearest from tiles of products: the compiled kernels of `products.py`.

A score is x.y - |x|^2 / 2 - |y|^2 / 2, minus half the squared distance; greater is nearer, and of equal scores the lower
row wins. A candidate is one number, its score's bits, in an order that integers have, above its row's; the candidates of
a row are a heap whose root is the worst of them.
"""

import numpy as np

from reid_jax.cluster.workers import kernel, spread

CHUNK = 64  # scores that are compared before any is looked at
NONE = np.iinfo(np.int32).max  # the row of a place in a heap that nothing has taken
EMPTY = np.iinfo(np.int64).min  # that place


class Candidates:
    """The `width` best scores that each of n rows has seen; `lowest`, if watched, is the worst of all scores."""

    def __init__(self, count: int, width: int, watched: bool) -> None:
        self.best = np.full((count, width), EMPTY)
        self.bar = np.full(count, -np.inf, np.float32)  # the score of the worst candidate
        self.lowest = np.full(count if watched else 0, np.inf, np.float32)

    @property
    def index(self) -> np.ndarray:
        """The candidates' rows, i32[n width], in no order; NONE where there is none."""
        return (NONE - (self.best & 0xFFFFFFFF)).astype(np.int32)

    def take_tile(
        self, here: int, there: int, tile: np.ndarray, half: np.ndarray, half_others: np.ndarray, *, mirrored: bool
    ) -> None:
        """Products of the rows from `here` with those from `there`; mirrored: they count for both."""
        extent = min(len(tile), len(half) - here), min(tile.shape[1], len(half_others) - there)
        task = tile, here, there, extent, half, half_others, self.best, self.bar, self.lowest
        columns = mirrored and here != there
        marks = np.empty((-(-extent[1] // CHUNK) if columns else 0, extent[0]), np.bool_)
        spread(_scan_rows, extent[0], *task, mirrored and here == there, marks)
        spread(_scan_columns, len(marks), *task, marks)

    def take_lists(
        self,
        here: int,
        there: int,
        value: np.ndarray,
        place: np.ndarray,
        lowest: np.ndarray,
        *mirror: np.ndarray,
        mirrored: bool,
    ) -> None:
        """What a device has chosen from a tile for its rows, and, where two blocks differ, for its columns."""
        lists = [(here, there, value, place, lowest)] + ([(there, here, *mirror)] if mirror else [])
        for rows, columns, *one in lists:
            count = min(len(one[0]), len(self.best) - rows)
            task = *one, rows, columns, self.best, self.bar, self.lowest
            spread(_merge, count, *task, mirrored)

    def merge(self, start: int, best: np.ndarray, lowest: np.ndarray) -> None:
        """What all processes have found of the m rows from `start`, best as i32[processes m 2 width], becomes each's."""
        part = slice(start, start + best.shape[1])
        self.best[part], self.bar[part] = EMPTY, -np.inf
        for one in np.ascontiguousarray(best).view(np.int64):  # jax moves no 64 bits
            spread(_join, len(one), one, self.best[part], self.bar[part])
        self.lowest[part] = lowest.min(0)


@kernel
def _packed(value, row):
    bits = np.int64(np.float32(value).view(np.int32))
    return ((bits ^ ((bits >> 31) & 0x7FFFFFFF)) << 32) | (NONE - np.int64(row))


@kernel
def _score(candidate):
    bits = candidate >> 32
    return np.int32(bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(np.float32)


@kernel
def _offer(best, bar, row, candidate):
    """Let a candidate take the worst one's place, if it is better."""
    if candidate <= best[row, 0]:
        return
    width, at = best.shape[1], 0
    while True:  # sink to where both children are better
        child = 2 * at + 1
        if child >= width:
            break
        if child + 1 < width and best[row, child + 1] < best[row, child]:
            child += 1
        if candidate <= best[row, child]:
            break
        best[row, at] = best[row, child]
        at = child
    best[row, at] = candidate
    if best[row, 0] != EMPTY:
        bar[row] = _score(best[row, 0])


@kernel
def _scan_rows(start, stop, tile, here, there, extent, half, half_others, best, bar, lowest, diagonal, marks):
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
                        _offer(best, bar, i, _packed(value, there + begin + c))
                        limit = bar[i]
            if len(lowest):
                for c in range(len(line)):
                    low = min(low, line[c] - own - others[c])
        if len(lowest):
            lowest[i] = min(lowest[i], low)


@kernel
def _scan_columns(start, stop, tile, here, there, extent, half, half_others, best, bar, lowest, marks):
    """Offer a tile's scores to its columns, where a chunk of a row is marked; start and stop count chunks."""
    for chunk in range(start, stop):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, extent[1])
        for r in range(extent[0]):
            own = half[here + r]
            if marks[chunk, r]:
                for c in range(begin, end):
                    value = tile[r, c] - own - half_others[there + c]
                    if value >= bar[there + c]:
                        _offer(best, bar, there + c, _packed(value, here + r))
            if len(lowest):
                line, others, low = (
                    tile[r, begin:end],
                    half_others[there + begin : there + end],
                    lowest[there + begin :],
                )
                for c in range(len(line)):
                    low[c] = min(low[c], line[c] - own - others[c])


@kernel
def _merge(start, stop, value, place, worst, rows, columns, best, bar, lowest, itself):
    for r in range(start, stop):
        i = rows + r
        for c in range(value.shape[1]):
            j = columns + place[r, c]
            if value[r, c] > -np.inf and not (itself and i == j):
                _offer(best, bar, i, _packed(value[r, c], j))
        if len(lowest):
            lowest[i] = min(lowest[i], worst[r])


@kernel
def _join(start, stop, other, best, bar):
    for r in range(start, stop):
        for candidate in other[r]:
            _offer(best, bar, r, candidate)
