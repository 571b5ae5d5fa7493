"""The ranks of the matches of each query, counted over blocks of distances; no list is sorted.

The rank of a match is one more than the number of gallery rows before it: those that are nearer,
and those as near that have a lower row number. Queries and gallery are sorted by person, so the
matches of a block of queries lie in a few blocks of the gallery. These are computed first and kept
until the distances of all matches are known; every other block is counted and dropped.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import jax
import numpy as np

from reid_jax import distance
from reid_jax.clustering import products
from reid_jax.clustering.workers import kernel, map_rows
from reid_jax.retrieval.sides import Sides

ROWS = 4096  # queries of a block
KEPT = 1 << 26  # distances of a block of queries that are kept at once, 256 MiB
PAIRS = 1 << 22  # pairs of a query and a gallery row of its person that are looked at at once
CHUNK = 512  # distances of a query that all its matches are compared with in turn
FEW = 64  # matches up to which comparing each is quicker than searching among them


class Space(NamedTuple):
    """What is counted over.

    Attributes:
        rows: what is done with embeddings [k d] before products.
        between: the distances of two blocks, compiled.
        change: called with distances f32[q w], the queries i64[q] and the first and the end of the
            entering rows; returns what is ranked by instead. None: the distances themselves.
    """

    rows: Callable[[np.ndarray], np.ndarray]
    between: Callable[[jax.Array, jax.Array], jax.Array]
    change: Callable[[np.ndarray, np.ndarray, int, int], np.ndarray] | None = None


class Counted(NamedTuple):
    """The ranks of some queries' matches.

    Attributes:
        rows: i64[k], the queries.
        pointers: i64[k + 1], where each query's ranks begin in `ranks`; some may have none.
        ranks: i64[r], from 1, ascending for each query.
    """

    rows: np.ndarray
    pointers: np.ndarray
    ranks: np.ndarray


@jax.jit
def _cosine(x: jax.Array, y: jax.Array) -> jax.Array:
    """The cosine distance of rows of length one."""
    return 1.0 - products.multiplied(x, y)


SPACES = {
    "cosine": Space(distance.unit, _cosine),
    "euclidean": Space(lambda rows: rows, distance.squared_euclidean),
}


def count(sides: Sides, space: Space, *, tile: int | None = None) -> Iterator[Counted]:
    """Yield the ranks of the matches of this process's share of the queries, in blocks.

    The time is that of the products of all queries that have matches with the gallery. The memory
    beside the embeddings is that of KEPT distances, of a few blocks of embeddings and of products.

    Args:
        sides: query and gallery.
        space: what is ranked by.
        tile: gallery rows of a block; by default 2,048, less where there are fewer.
    """
    size = tile or products.even(max(1, len(sides.entering)), products.TILE)
    pieces = list(_pieces(sides, size))
    own = [_own(sides, rows, size) for rows in pieces]
    columns = range(0, len(sides.entering), size)
    order = []
    for start, end in own:
        mine = [one for one in columns if start <= one < end]
        order.append([*mine, *(one for one in columns if not start <= one < end)])
    blocks = stream(sides, space, pieces, order, size)
    for (rows, tiles), (start, end) in zip(blocks, own, strict=True):
        yield _counted(sides, rows, tiles, -(-(end - start) // size))


def stream(
    sides: Sides,
    space: Space,
    pieces: Sequence[np.ndarray],
    order: Iterable[Iterable[int]],
    size: int,
) -> Iterator[tuple[np.ndarray, Iterator[tuple[int, np.ndarray]]]]:
    """The distances of blocks of queries to all entering rows, in blocks of `size`.

    Args:
        sides: query and gallery.
        space: of the distances.
        pieces: i64[k] each, the queries of a block.
        order: for each of them, the first entering rows of the blocks, in the order wanted.
        size: entering rows of a block.

    Yields:
        i64[k], the queries; and (first, f32[>=k >=w]) of each of their blocks, which must be read
        to the end before the next queries. Rows and columns beyond the last are padding.
    """
    if not pieces:
        return
    width = products.even(max(map(len, pieces)), ROWS)

    def left(number: int) -> np.ndarray:
        return products.filled(space.rows(sides.query[pieces[number]]), width)

    def right(first: int) -> np.ndarray:
        rows = sides.entering[first : first + size]
        return products.filled(space.rows(sides.gallery[rows]), size)

    devices = jax.local_devices()
    answers = products.stream(
        ((number, first) for number, columns in enumerate(order) for first in columns),
        (left, right),
        lambda row, column, x, y: space.between(x, y),
        devices=devices,
        held=3 if devices[0].platform == "cpu" else None,
    )
    for rows in pieces:
        yield (
            rows,
            (
                (first, _changed(space, np.asarray(answer), rows, first, sides))
                for _, first, answer in islice(answers, -(-len(sides.entering) // size))
            ),
        )


def _pieces(sides: Sides, size: int) -> Iterator[np.ndarray]:
    """The blocks of queries of this process, sorted by person; of those that have matches."""
    first, end = sides.spans(np.arange(len(sides.query)))
    rows = np.flatnonzero(end > first)
    rows = rows[np.argsort(first[rows], kind="stable")]
    rows = np.array_split(rows, jax.process_count())[jax.process_index()]

    def halved(rows: np.ndarray) -> Iterator[np.ndarray]:
        kept = len(rows) * int(end[rows[-1]] - first[rows[0]] + size)
        few = kept <= KEPT and (end[rows] - first[rows]).sum() <= PAIRS
        if len(rows) == 1 or (few and len(rows) <= ROWS):
            row, _, junk = sides.pairs(rows)
            yield rows[np.unique(row[~junk])]
        else:
            for half in np.array_split(rows, 2):
                yield from halved(half)

    if len(rows):
        yield from filter(len, halved(rows))


def _own(sides: Sides, rows: np.ndarray, size: int) -> tuple[int, int]:
    """The first and the end of the blocks of the gallery in which these queries' matches are."""
    first, end = sides.spans(rows[[0, -1]])
    return int(first[0]) // size * size, min(-(-int(end[1]) // size) * size, len(sides.entering))


def _changed(
    space: Space, answer: np.ndarray, rows: np.ndarray, first: int, sides: Sides
) -> np.ndarray:
    if space.change is None:
        return answer
    end = min(first + answer.shape[1], len(sides.entering))
    return space.change(answer[: len(rows), : end - first], rows, first, end)


def _counted(
    sides: Sides, rows: np.ndarray, tiles: Iterator[tuple[int, np.ndarray]], own: int
) -> Counted:
    """The ranks of the matches of a block of queries.

    Args:
        sides: query and gallery.
        rows: i64[k], the queries.
        tiles: (first column, distances) of all blocks; those with their matches come first.
        own: how many those are.
    """
    row, column, junk = sides.pairs(rows)
    value, kept = np.empty(len(row), np.float32), list(islice(tiles, own))
    for first, tile in kept:
        here = np.flatnonzero((column >= first) & (column < first + tile.shape[1]))
        value[here] = tile[row[here], column[here] - first]
    place = sides.entering[column]
    ascending = np.lexsort((place, value, row))
    row, value, place = (one[ascending] for one in (row, value, place))
    junk = junk[ascending]
    removed = np.cumsum(junk)
    removed -= np.concatenate([[0], removed])[np.searchsorted(row, row)]
    matches = np.flatnonzero(~junk)
    pointers = np.searchsorted(row[matches], np.arange(len(rows) + 1))
    found = pointers, value[matches], place[matches]
    ranks = 1 - removed[matches]
    count_tile = partial(_take, sides.entering, found, ranks)
    while kept:
        count_tile(*kept.pop())
    for first, tile in tiles:
        count_tile(first, tile)
    return Counted(rows, pointers, ranks)


def _take(
    entering: np.ndarray, found: tuple, ranks: np.ndarray, first: int, tile: np.ndarray
) -> None:
    """Add to the ranks how many distances of a tile come before."""
    numbers = entering[first : first + tile.shape[1]]
    map_rows(_before, len(found[0]) - 1, tile, numbers, found, ranks)


@kernel
def _before(start, stop, tile, numbers, found, ranks):
    """Add to the rank of each match how many gallery rows of a tile come before it.

    tile: f32[>=n >=w], distances; numbers: i64[w], the gallery rows of its columns; found: pointers
    [n + 1], distances and gallery rows of the matches, ascending for each query.
    """
    pointers, value, place = found
    for r in range(start, stop):
        begin, end = pointers[r], pointers[r + 1]
        if end - begin > FEW:
            _search(tile[r], numbers, value[begin:end], place[begin:end], ranks[begin:end])
            continue
        for at in range(0, len(numbers), CHUNK):
            line = tile[r, at : min(at + CHUNK, len(numbers))]
            for e in range(begin, end):
                limit, less, most = value[e], np.int32(0), np.int32(0)
                for c in range(len(line)):
                    less += np.int32(line[c] < limit)
                    most += np.int32(line[c] <= limit)
                ranks[e] += less
                if most > less:
                    for c in range(len(line)):
                        if line[c] == limit and numbers[at + c] < place[e]:
                            ranks[e] += 1


@kernel
def _search(line, numbers, value, place, ranks):
    """The same for a query with many matches: each distance is sought among them."""
    passed = np.zeros(len(value) + 1, np.int64)  # at i: rows before match i, and no match before
    for c in range(len(numbers)):
        low, high = 0, len(value)
        while low < high:
            middle = (low + high) // 2
            if value[middle] < line[c] or (
                value[middle] == line[c] and place[middle] <= numbers[c]
            ):
                low = middle + 1
            else:
                high = middle
        passed[low] += 1
    total = 0
    for i in range(len(value)):
        total += passed[i]
        ranks[i] += total
