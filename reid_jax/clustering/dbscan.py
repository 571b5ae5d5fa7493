"""DBSCAN over a sparse graph of distances, equal to scikit-learn's, and the choice of its eps.

Reference:
    Ester et al., A Density-Based Algorithm for Discovering Clusters in Large Spatial Databases
    with Noise, KDD 1996.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax.clustering.workers import kernel

OUTLIER = -1


def dbscan(
    distance: sparse.csr_array | np.ndarray, *, eps: float | Sequence[float], min_samples: int = 4
) -> Int[np.ndarray, "n"] | Int[np.ndarray, "e n"]:
    """The cluster of each row, -1 for outliers.

    A row is a core if at least `min_samples` rows, itself included, are within eps, where a
    distance equal to eps counts. Cores within eps of each other are in one cluster. A row that is
    no core joins the first cluster that has a core within eps of it. Clusters are numbered from 0
    in the order of their first core rows.

    The labels are those of `sklearn.cluster.DBSCAN(metric="precomputed")` for the same numbers.

    Args:
        distance: CSR [n n] or dense [n n], distances >= 0. In a CSR matrix a pair that is not
            stored is farther than any eps, and a diagonal entry that is not stored is 0. If the
            matrix is not symmetric, a row's own entries are its distances.
        eps: above 0, inclusive; or several, for which the graph is read once.
        min_samples: rows within eps that make a core, itself included.

    Returns:
        i64[n]; i64[e n] for several eps, in their order.

    Raises:
        ValueError: the matrix is not square, has NaN or a distance below 0, eps is not above 0, or
            min_samples is below 1.
    """
    graph, radii = _graph(distance), list(eps) if isinstance(eps, Iterable) else [eps]
    if min_samples < 1 or not all(radius > 0 for radius in radii):
        raise ValueError(
            f"eps is {eps} and min_samples {min_samples}, "
            "expected eps above 0 and min_samples from 1"
        )
    pointers, columns = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    labels = np.empty((len(radii), graph.shape[0]), np.int64)
    stored = _stored_diagonal(pointers, columns)
    for line, radius in zip(labels, radii, strict=True):
        # numpy compares a Python float with float32 data in float32, as scikit-learn does
        _grow(pointers, columns, graph.data <= radius, stored, min_samples, line)
    return labels if isinstance(eps, Iterable) else labels[0]


def radius(
    distance: sparse.csr_array,
    *,
    rho: float = 1.6e-3,
    missing: float | Float[np.ndarray, "n"] | None = 1.0,
    farthest: float = math.inf,
) -> float:
    """The eps of the Theory baseline: the mean distance of the nearest `rho` of all pairs.

    Of the pairs above the diagonal whose distance is not exactly 0, the round(rho * count) nearest
    are averaged.

    Args:
        distance: CSR [n n], symmetric.
        rho: fraction of the pairs, in (0, 1].
        missing: the distance of pairs that are not stored, 1 for the Jaccard distance. f[n], above
            0: that of rows i and j is missing_i + missing_j, as with Theory's source term. None:
            they have none, and enough pairs must be stored.
        farthest: the least distance of images that share no neighbour; an eps as large as that is
            refused, since it would join all of them.

    Returns:
        eps.

    Raises:
        ValueError: rho is out of range, rho of the pairs is less than one pair or more than are
            stored, `missing` is not above 0 for each row, or eps is not below `farthest`.

    Reference:
        Song et al., Unsupervised Domain Adaptive Re-Identification: Theory and Practice, 2020; rho
        1.6e-3 as published. They compute eps once, at the first clustering, and keep it.
    """
    eps = _mean_of_nearest(distance, rho, missing)
    if eps >= farthest:
        raise ValueError(
            f"eps is {eps:.3f}, as far as images that share no neighbour; choose a smaller rho"
        )
    return eps


def _mean_of_nearest(
    distance: sparse.csr_array, rho: float, missing: float | np.ndarray | None
) -> float:
    graph, n = _graph(distance), distance.shape[0]
    if not 0 < rho <= 1:
        raise ValueError(f"rho is {rho}, expected a part of the pairs, above 0 and up to 1")
    row = np.repeat(np.arange(n), np.diff(graph.indptr))
    above = graph.indices > row
    data = graph.data[above]
    zeros = np.count_nonzero(data == 0)
    count = round(rho * (n * (n - 1) // 2 - zeros))
    if not count:
        raise ValueError(f"rho = {rho} of the pairs of {n} rows is no pair; give eps itself")
    if missing is not None and np.ndim(missing):
        half = np.asarray(missing, np.float64)
        if half.shape != (n,) or not (half > 0).all():
            raise ValueError(
                f"missing is {list(half.shape)}, from {half.min(initial=0)}; "
                f"expected {n} numbers above 0"
            )
        instead = half[row[above]] + half[graph.indices[above]]
        return _mean_of_least(data[data > 0], half, instead, count)
    data = data[data > 0]
    if count > len(data) and missing is None:
        raise ValueError(
            f"rho = {rho} asks for {count} pairs and {len(data)} are stored; choose a smaller rho"
        )
    nearest = np.partition(data, count - 1)[:count] if count < len(data) else data
    rest = (count - len(nearest)) * missing if count > len(nearest) else 0.0
    return float((nearest.sum(dtype=np.float64) + rest) / count)


def _mean_of_least(data: np.ndarray, half: np.ndarray, instead: np.ndarray, count: int) -> float:
    """The mean of the `count` least of `data` and of half_i + half_j of all pairs not stored.

    The sums of all pairs are never written out. How many are below a bound, and their total, follow
    from the sorted `half`; `instead`, the sums of the stored pairs, is subtracted. Bisection
    narrows the bound until `count` distances are below it.
    """

    def table(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values in order, and the sums of the first 0, 1, 2, ... of them."""
        ordered = np.sort(values)
        return ordered, np.append(0, np.cumsum(ordered))

    half, sums = table(half)
    lists = table(instead), table(np.asarray(data, np.float64))

    def below(bound: float) -> tuple[int, float]:
        """How many are at most the bound, and their sum."""
        partners = np.searchsorted(half, bound - half, "right")
        own = np.searchsorted(2 * half, bound, "right")  # a row is no partner of its own
        number = (partners.sum() - own) / 2
        total = ((partners * half).sum() + sums[partners].sum() - 2 * sums[own]) / 2
        for sign, (values, cumulated) in zip((-1, 1), lists, strict=True):
            place = np.searchsorted(values, bound, "right")
            number, total = number + sign * place, total + sign * cumulated[place]
        return int(number), float(total)

    low, high = 0.0, max(2 * half[-1], float(data.max(initial=0)))
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if below(middle)[0] >= count else (middle, high)
    number, total = below(low)
    return (total + (count - number) * high) / count


def _graph(distance: sparse.csr_array | np.ndarray) -> sparse.csr_array:
    """The matrix as CSR, where every entry of a dense matrix is stored."""
    if len(distance.shape) != 2 or distance.shape[0] != distance.shape[1]:
        raise ValueError(f"distances are {list(distance.shape)}, expected [n n]")
    if isinstance(distance, sparse.sparray | sparse.spmatrix):
        graph = distance.tocsr()
    else:
        n = len(distance)
        columns = np.tile(np.arange(n, dtype=np.int32), n)
        graph = sparse.csr_array((np.ravel(distance), columns, np.arange(n + 1) * n), shape=(n, n))
    if not (graph.data >= 0).all():
        bad = np.flatnonzero(~(graph.data >= 0))
        row = np.searchsorted(graph.indptr, bad[0], "right") - 1
        raise ValueError(
            f"{len(bad)} distances are NaN or below 0, the first, {graph.data[bad[0]]}, "
            f"between rows {row} and {graph.indices[bad[0]]}"
        )
    return graph


@kernel
def _stored_diagonal(pointers, columns):
    """bool[n], the rows whose diagonal entry is stored."""
    stored = np.zeros(len(pointers) - 1, np.bool_)
    for i in range(len(stored)):
        for e in range(pointers[i], pointers[i + 1]):
            stored[i] |= columns[e] == i
    return stored


@kernel
def _grow(pointers, columns, within, stored, min_samples, labels):
    """Write the labels; within: bool for each stored entry, whether it is at most eps."""
    n = len(labels)
    core = np.empty(n, np.bool_)
    for i in range(n):
        count = np.int64(not stored[i])
        for e in range(pointers[i], pointers[i + 1]):
            count += within[e]
        core[i] = count >= min_samples
    labels[:] = OUTLIER
    stack, label = np.empty(n, np.int64), 0
    for seed in range(n):
        if not core[seed] or labels[seed] != OUTLIER:
            continue
        labels[seed] = label
        stack[0], height = seed, 1
        while height:
            height -= 1
            i = stack[height]
            for e in range(pointers[i], pointers[i + 1]):
                j = columns[e]
                if within[e] and labels[j] == OUTLIER:
                    labels[j] = label
                    if core[j]:
                        stack[height] = j
                        height += 1
        label += 1
