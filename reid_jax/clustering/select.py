"""The candidates for nearest neighbours, chosen from tiles of products by compiled kernels.

The score of a pair is x.y - |x|^2 / 2 - |y|^2 / 2, which is minus half the squared distance: a
greater score is nearer, and of equal scores the lower row number is preferred. A candidate is one
64-bit integer. Its upper half holds the bits of the score, in an order that integers have; its
lower half holds NONE minus the row number. The candidates of a row are a heap whose root is the
worst one.
"""

from typing import NamedTuple

import numpy as np

from reid_jax.clustering.workers import kernel, map_rows

CHUNK = 64  # scores of a row that are compared at once; only where one is good, each is examined
NONE = np.iinfo(np.int32).max  # the row number of an empty place in a heap
EMPTY = np.iinfo(np.int64).min  # the candidate in an empty place


class Tile(NamedTuple):
    """The products of p rows with q consecutive others, and the half squares for their scores.

    Attributes:
        products: f32[>=p >=q], x.y; rows and columns beyond p and q are padding.
        half: f32[p], |x|^2 / 2 of the rows.
        half_others: f32[q], |y|^2 / 2 of the others.
        rows: i64[p], the row numbers; consecutive for `Candidates`.
        column: the number of the first of the others.
    """

    products: np.ndarray
    half: np.ndarray
    half_others: np.ndarray
    rows: np.ndarray
    column: int


class Candidates:
    """The `width` candidates of best score for each of n rows.

    Attributes:
        best: i64[n width], a heap of candidates for each row; EMPTY where there are fewer.
        bar: f32[n], the score of the worst candidate; -inf while a heap is not full.
        lowest: f32[n], the lowest of all scores; f32[0] if it is not watched.
    """

    def __init__(self, count: int, width: int, watched: bool) -> None:
        self.best = np.full((count, width), EMPTY)
        self.bar = np.full(count, -np.inf, np.float32)
        self.lowest = np.full(count if watched else 0, np.inf, np.float32)

    @property
    def index(self) -> np.ndarray:
        """The row numbers of the candidates, i32[n width], unordered; NONE where there is none."""
        return (NONE - (self.best & 0xFFFFFFFF)).astype(np.int32)

    def take_tile(self, tile: Tile, *, mirrored: bool) -> None:
        """Update with the scores of a tile.

        Args:
            tile: the products; its rows are consecutive.
            mirrored: rows and others are one array. The scores then count for the columns as well,
                and no row is its own candidate.
        """
        diagonal = mirrored and bool(tile.rows[0] == tile.column)
        chunks = -(-len(tile.half_others) // CHUNK) if mirrored and not diagonal else 0
        marks = np.empty((chunks, len(tile.half)), np.bool_)
        map_rows(_scan_rows, len(tile.half), tile, self._heaps, diagonal, marks)
        map_rows(_scan_columns, len(marks), tile, self._heaps, marks)

    def take_lists(
        self,
        row: int,
        column: int,
        value: np.ndarray,
        place: np.ndarray,
        lowest: np.ndarray,
        *,
        mirrored: bool,
    ) -> None:
        """Update with the best scores of each row of a tile, as a device has chosen them.

        Args:
            row: the number of the tile's first row.
            column: the number of the tile's first column.
            value: f32[>=p k], scores; -inf where there are fewer. Rows beyond the last are padding.
            place: i32[>=p k], their columns within the tile.
            lowest: f32[>=p], the lowest scores; f32[0] if they are not watched.
            mirrored: rows and columns are of one array, and no row is its own candidate.
        """
        count = min(len(value), len(self.best) - row)
        map_rows(_merge, count, (value, place, lowest), row, column, self._heaps, mirrored)

    def merge(self, start: int, best: np.ndarray, lowest: np.ndarray) -> None:
        """Replace the candidates of m rows by the best of all processes.

        Args:
            start: the first of the rows.
            best: i32[processes m 2*width], `best` of each process; jax moves no 64-bit integers.
            lowest: f32[processes m], or f32[processes 0].
        """
        part = slice(start, start + best.shape[1])
        self.best[part], self.bar[part] = EMPTY, -np.inf
        for one in np.ascontiguousarray(best).view(np.int64):
            map_rows(_join, len(one), one, self.best[part], self.bar[part])
        self.lowest[part] = lowest.min(0)

    @property
    def _heaps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three arrays, as the kernels take them."""
        return self.best, self.bar, self.lowest


@kernel
def _packed(value, row):
    """The candidate of a score and a row number."""
    bits = np.int64(np.float32(value).view(np.int32))
    return ((bits ^ ((bits >> 31) & 0x7FFFFFFF)) << 32) | (NONE - np.int64(row))


@kernel
def _score(candidate):
    bits = candidate >> 32
    return np.int32(bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(np.float32)


@kernel
def _offer(best, bar, row, candidate):
    """Replace the worst candidate of a row if this one is better."""
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
def _scan_rows(start, stop, tile, heaps, diagonal, marks):
    """Offer the scores of a tile to its rows.

    marks: bool[chunks p], set where a column of the chunk may want the score of the row.
    """
    best, bar, lowest = heaps
    width = len(tile.half_others)
    for r in range(start, stop):
        i = tile.rows[r]
        own, limit, low = tile.half[r], bar[i], np.float32(np.inf)
        for begin in range(0, width, CHUNK):
            end = min(begin + CHUNK, width)
            line, others = tile.products[r, begin:end], tile.half_others[begin:end]
            wanted, marked = False, False
            if len(marks):
                limits = bar[tile.column + begin : tile.column + end]
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
                        _offer(best, bar, i, _packed(value, tile.column + begin + c))
                        limit = bar[i]
            if len(lowest):
                for c in range(len(line)):
                    low = min(low, line[c] - own - others[c])
        if len(lowest):
            lowest[i] = min(lowest[i], low)


@kernel
def _scan_columns(start, stop, tile, heaps, marks):
    """Offer the marked scores of a tile to its columns; start and stop count chunks."""
    best, bar, lowest = heaps
    for chunk in range(start, stop):
        begin, end = chunk * CHUNK, min((chunk + 1) * CHUNK, len(tile.half_others))
        for r in range(len(tile.half)):
            own = tile.half[r]
            if marks[chunk, r]:
                for c in range(begin, end):
                    j = tile.column + c
                    value = tile.products[r, c] - own - tile.half_others[c]
                    if value >= bar[j]:
                        _offer(best, bar, j, _packed(value, tile.rows[r]))
            if len(lowest):
                line, others = tile.products[r, begin:end], tile.half_others[begin:end]
                low = lowest[tile.column + begin :]
                for c in range(len(line)):
                    low[c] = min(low[c], line[c] - own - others[c])


@kernel
def _merge(start, stop, lists, row, column, heaps, itself):
    """Offer lists of (score, place, lowest score) to their rows; itself: skip the row itself."""
    (value, place, worst), (best, bar, lowest) = lists, heaps
    for r in range(start, stop):
        i = row + r
        for c in range(value.shape[1]):
            j = column + place[r, c]
            if value[r, c] > -np.inf and not (itself and i == j):
                _offer(best, bar, i, _packed(value[r, c], j))
        if len(lowest):
            lowest[i] = min(lowest[i], worst[r])


@kernel
def _join(start, stop, other, best, bar):
    for r in range(start, stop):
        for candidate in other[r]:
            _offer(best, bar, r, candidate)
