"""Weighted neighbourhoods and their overlaps: the compiled kernels of `jaccard.py`.

The neighbourhoods of n rows are a sparse matrix V, f32 CSR [n n], with sorted columns.
"""

import numpy as np
from scipy import sparse

from reid_jax.clustering.exact import far
from reid_jax.clustering.neighbours import Swept
from reid_jax.clustering.workers import kernel, map_rows, stack

ROOM = 1 << 16  # entries for which a range of `_distances` allocates memory at first
ROWS = 1024  # rows of a range in the kernels that keep a mark for every row


def encode(
    rows: np.ndarray, near: Swept, scale: np.ndarray, full: int, half: int
) -> sparse.csr_array:
    """V before the query expansion.

    Args:
        rows: f32[n d], embeddings.
        near: their neighbours, at least `full` and `half`.
        scale: f32[n], what the squared distances of each row are divided by.
        full: neighbours among which the reciprocal ones are taken.
        half: neighbours of a member among which the reciprocal ones may enlarge the neighbourhood.

    Returns:
        V, f32 CSR [n n]; each row sums to 1.
    """
    n = len(rows)
    kept, halves = np.empty((n, full), np.int32), np.empty((n, half), np.int32)
    counts = np.empty((n, 2), np.int32)
    lists = kept, halves, counts
    map_rows(_reciprocal, n, near.neighbours, *lists)
    parts = map_rows(_encode, n, rows, near.neighbours, near.distance, scale, lists, step=ROWS)
    return stack(parts, n)


def expand(members: sparse.csr_array, index: np.ndarray) -> sparse.csr_array:
    """The mean of V over the rows that `index`, i32[n k2], lists for each row."""
    n = len(index)
    return stack(map_rows(_expand, n, _arrays(members), np.ascontiguousarray(index), step=ROWS), n)


def distances(members: sparse.csr_array, reach: float, lines: int) -> sparse.csr_array:
    """The Jaccard distances 1 - s / (2 - s) of the first rows of V to all rows, s their overlap.

    Only distances below 1 and not above `reach` are stored, f32 CSR [lines n].
    """
    turned = members.tocsc()
    turned.sort_indices()
    both = _arrays(members), _arrays(turned)
    parts = map_rows(_distances, lines, *both, np.float32(reach), step=ROWS)
    return stack(parts, lines, members.shape[0])


def _arrays(
    matrix: sparse.csr_array | sparse.csc_array,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pointers, indices, data) of a sparse matrix, as the kernels take them."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


@kernel
def _reciprocal(start, stop, index, kept, halves, counts):
    """Write each row's reciprocal neighbours to the two lists, and how many to counts, [n 2]."""
    for i in range(start, stop):
        for which in range(2):
            into = halves if which else kept
            k, count = into.shape[1], 0
            for j in index[i, :k]:
                for back in index[j, :k]:
                    if back == i:
                        into[i, count] = j
                        count += 1
                        break
            counts[i, which] = count


@kernel
def _encode(start, stop, rows, index, known, scale, lists):
    """Rows of V; known: f32[n k], the distances of the neighbours in index."""
    kept, halves, counts = lists
    n, width = index.shape
    first, member = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    place = np.full(n, -1, np.int32)  # position in row i of index, -1 for no neighbour
    most = kept.shape[1] * (1 + halves.shape[1])
    room = (stop - start) * most
    columns, data = np.empty(room, np.int32), np.empty(room, np.float32)
    sizes, at = np.zeros(stop - start, np.int64), 0
    for i in range(start, stop):
        begin = at
        for p in range(width):
            place[index[i, p]] = p
        for j in kept[i, : counts[i, 0]]:
            first[j] = member[j] = i
            columns[at] = j
            at += 1
        for q in kept[i, : counts[i, 0]]:
            common = 0
            for j in halves[q, : counts[q, 1]]:
                common += first[j] == i
            if 3 * common > 2 * counts[q, 1]:
                for j in halves[q, : counts[q, 1]]:
                    if member[j] != i:
                        member[j] = i
                        columns[at] = j
                        at += 1
        columns[begin:at].sort()
        total = np.float32(0)
        for e in range(begin, at):
            j = columns[e]
            away = known[i, place[j]] if place[j] >= 0 else np.float32(far(rows[i], rows[j]))
            data[e] = np.exp(-away * away / scale[i])
            total += data[e]
        for e in range(begin, at):
            data[e] /= total
        for p in range(width):
            place[index[i, p]] = -1
        sizes[i - start] = at - begin
    return sizes, columns[:at].copy(), data[:at].copy()


@kernel
def _expand(start, stop, members, index):
    pointers, columns, data = members
    n, k2 = index.shape
    total, seen = np.zeros(n, np.float32), np.full(n, -1, np.int32)
    space = 0
    for i in range(start, stop):
        for j in index[i]:
            space += pointers[j + 1] - pointers[j]
    into, values = np.empty(space, np.int32), np.empty(space, np.float32)
    sizes, at = np.zeros(stop - start, np.int64), 0
    for i in range(start, stop):
        begin = at
        for j in index[i]:
            for e in range(pointers[j], pointers[j + 1]):
                g = columns[e]
                if seen[g] != i:
                    seen[g] = i
                    into[at] = g
                    total[g] = 0
                    at += 1
                total[g] += data[e]
        into[begin:at].sort()
        for e in range(begin, at):
            values[e] = total[into[e]] / np.float32(k2)
        sizes[i - start] = at - begin
    return sizes, into[:at].copy(), values[:at].copy()


@kernel
def _distances(start, stop, members, transposed, reach):
    """Rows of the graph; members: V by rows, transposed: V by columns."""
    (pointers, columns, data), (turned, rows, values) = members, transposed
    n = len(pointers) - 1
    shared, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
    space = ROOM
    into, away = np.empty(space, np.int32), np.empty(space, np.float32)
    sizes, at = np.zeros(stop - start, np.int64), 0
    for i in range(start, stop):
        begin, count = at, 0
        for e in range(pointers[i], pointers[i + 1]):
            own, g = data[e], columns[e]
            for f in range(turned[g], turned[g + 1]):
                j, least = rows[f], min(own, values[f])
                if shared[j] == 0 and least > 0:
                    touched[count] = j
                    count += 1
                shared[j] += least
        if at + count > space:
            space = 2 * (at + count)
            larger, longer = np.empty(space, np.int32), np.empty(space, np.float32)
            larger[:at], longer[:at] = into[:at], away[:at]
            into, away = larger, longer
        for j in touched[:count]:
            value = max(np.float32(1) - shared[j] / (np.float32(2) - shared[j]), np.float32(0))
            if value < 1 and value <= reach:
                into[at] = j
                at += 1
            else:
                shared[j] = 0
        into[begin:at].sort()
        for e in range(begin, at):
            away[e] = max(
                np.float32(1) - shared[into[e]] / (np.float32(2) - shared[into[e]]), np.float32(0)
            )
            shared[into[e]] = 0
        sizes[i - start] = at - begin
    return sizes, into[:at].copy(), away[:at].copy()
