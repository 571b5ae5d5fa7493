"""DBSCAN over a sparse graph of distances, equal to scikit-learn's, and the rule that chooses its eps.

Paper: Ester et al., A Density-Based Algorithm for Discovering Clusters in Large Spatial Databases with Noise, KDD 1996.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax.cluster.workers import kernel

OUTLIER = -1


def labels(
    distance: sparse.csr_array | np.ndarray, *, eps: float | Sequence[float], min_samples: int = 4
) -> Int[np.ndarray, "n"] | Int[np.ndarray, "e n"]:
    """The cluster of each row, from 0 up in the order of the clusters' first core rows; -1 for outliers.

    A row is a core if at least `min_samples` rows, itself among them, are within eps; eps itself is within. Cores within
    eps of each other are one cluster; a row that is no core joins the first cluster that has a core within eps of it.

    Equal, number by number, to `sklearn.cluster.DBSCAN(metric="precomputed")` on the same numbers.

    Args:
        distance: CSR [n n], where a pair that is not stored is farther than any eps and a row that is not stored for
            itself is at 0; or a dense [n n]. Distances, not below 0; where it is not symmetric, the row's own entries
            are what is within its reach.
        eps: above 0, inclusive; or several, for which the graph is read once.
        min_samples: rows within eps that make a core, itself counted.

    Returns:
        i64[n]; i64[e n] for several eps, in their order.

    Raises:
        ValueError: a matrix that is not square, NaN, a distance below 0, an eps that is not above 0, min_samples below 1.
    """
    graph, several = _graph(distance), np.ndim(eps) > 0
    radii = list(eps) if several else [eps]
    if min_samples < 1 or not all(radius > 0 for radius in radii):
        raise ValueError(f"eps is {eps} and min_samples {min_samples}, expected eps above 0 and min_samples from 1")
    pointers, columns = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    n = graph.shape[0]
    found = np.empty((len(radii), n), np.int64)
    stored = _stored_diagonal(pointers, columns)
    for into, radius in zip(found, radii, strict=True):
        # numpy compares a Python float with float32 data in float32, as scikit-learn does
        _grow(pointers, columns, graph.data <= radius, stored, min_samples, into)
    return found if several else found[0]


def radius(
    distance: sparse.csr_array, *, rho: float = 1.6e-3, missing: float | Float[np.ndarray, "n"] | None = 1.0
) -> float:
    """The eps of the Theory baseline: the mean of the nearest `rho` of all pairs, exact zeros left out.

    Of the pairs above the diagonal whose distance is not 0, round(rho * count) of the nearest are averaged.

    Paper: Song et al., Unsupervised Domain Adaptive Re-Identification: Theory and Practice, 2020; rho 1.6e-3 as
    published, taken once, at the first clustering, and kept.

    Args:
        distance: CSR [n n], symmetric.
        rho: part of the pairs, in (0, 1].
        missing: the distance of pairs that are not stored, 1 for the Jaccard distance; or f[n], above 0, where that of
            rows i and j is missing_i + missing_j, as with Theory's source term; None where they have none, and then the
            stored ones must be enough.

    Returns:
        eps.

    Raises:
        ValueError: rho out of range, pairs so few that rho of them is none, more pairs wanted than are stored, or
            `missing` that is not above 0 for each row.
    """
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
    if np.ndim(missing):
        half = np.asarray(missing, np.float64)
        if half.shape != (n,) or not (half > 0).all():
            raise ValueError(f"missing is {list(half.shape)}, from {half.min(initial=0)}; expected {n} numbers above 0")
        return _mean_of_least(data[data > 0], half, half[row[above]] + half[graph.indices[above]], count)
    data = data[data > 0]
    if count > len(data) and missing is None:
        raise ValueError(f"rho = {rho} asks for {count} pairs and {len(data)} are stored; choose a smaller rho")
    nearest = np.partition(data, count - 1)[:count] if count < len(data) else data
    rest = (count - len(nearest)) * missing if count > len(nearest) else 0.0
    return float((nearest.sum(dtype=np.float64) + rest) / count)


def _mean_of_least(data: np.ndarray, half: np.ndarray, instead: np.ndarray, count: int) -> float:
    """The mean of the `count` least of `data` and of half_i + half_j over all pairs but those that have `instead` of it.

    No such pair is written down: how many are below a bound, and their sum, comes from `half` in order. The bound is
    narrowed until as many are below it as are wanted.
    """
    tables = [(values, np.append(0, np.cumsum(values))) for values in map(np.sort, (half, instead, np.float64(data)))]
    (half, sums), *lists = tables

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
    """The matrix as CSR, every entry of a dense one stored."""
    if len(distance.shape) != 2 or distance.shape[0] != distance.shape[1]:
        raise ValueError(f"distances are {list(distance.shape)}, expected [n n]")
    if sparse.issparse(distance):
        graph = distance.tocsr()
    else:
        n = len(distance)
        columns = np.tile(np.arange(n, dtype=np.int32), n)
        graph = sparse.csr_array((np.ravel(distance), columns, np.arange(n + 1) * n), shape=(n, n))
    if not (graph.data >= 0).all():
        bad = np.flatnonzero(~(graph.data >= 0))
        row = np.searchsorted(graph.indptr, bad[0], "right") - 1
        raise ValueError(
            f"{len(bad)} distances are NaN or below 0, the first, {graph.data[bad[0]]}, between rows {row} and "
            f"{graph.indices[bad[0]]}"
        )
    return graph


@kernel
def _stored_diagonal(pointers, columns):
    stored = np.zeros(len(pointers) - 1, np.bool_)
    for i in range(len(stored)):
        for e in range(pointers[i], pointers[i + 1]):
            stored[i] |= columns[e] == i
    return stored


@kernel
def _grow(pointers, columns, within, stored, min_samples, found):
    n = len(found)
    core = np.empty(n, np.bool_)
    for i in range(n):
        count = np.int64(not stored[i])
        for e in range(pointers[i], pointers[i + 1]):
            count += within[e]
        core[i] = count >= min_samples
    found[:] = OUTLIER
    stack, label = np.empty(n, np.int64), 0
    for seed in range(n):
        if not core[seed] or found[seed] != OUTLIER:
            continue
        found[seed] = label
        stack[0], height = seed, 1
        while height:
            height -= 1
            i = stack[height]
            for e in range(pointers[i], pointers[i + 1]):
                j = columns[e]
                if within[e] and found[j] == OUTLIER:
                    found[j] = label
                    if core[j]:
                        stack[height] = j
                        height += 1
        label += 1
