"""HDBSCAN over a sparse graph of distances, by scikit-learn; GDS compares it with DBSCAN."""

import numpy as np
from jaxtyping import Int
from scipy import sparse

TINY = 1e-12  # stored for distance 0, which a sparse graph takes for "no edge"


def hdbscan(
    distance: sparse.csr_array,
    *,
    min_cluster_size: int = 4,
    min_samples: int | None = None,
    missing: float = 1.0,
) -> Int[np.ndarray, "n"]:
    """The cluster of each row by HDBSCAN, -1 for outliers; pairs not stored are `missing` apart.

    scikit-learn requires a sparse graph that is connected and has min_samples entries in each row.
    So edges of length `missing` are added between pairs that are that far apart anyway. The
    hierarchy is that of the dense matrix, except for the order among equal lengths.

    Args:
        distance: CSR [n n], symmetric, from 0 to `missing`; the diagonal is taken as 0.
        min_cluster_size: rows of a cluster, >= 2.
        min_samples: the distance to that many rows, itself included, measures the density;
            min_cluster_size by default.
        missing: the distance of pairs that are not stored, 1 for the Jaccard distance.

    Returns:
        i64[n]; all -1 where n is below min_cluster_size or min_samples.

    Raises:
        ValueError: the matrix is not square, has NaN or distances below 0 or above `missing`, or
            the sizes are out of range.

    Reference:
        Campello et al., Density-Based Clustering Based on Hierarchical Density Estimates, PAKDD
        2013. GDS states no parameters; 4 is DBSCAN's min_samples in the same pipeline.
    """
    n, samples = distance.shape[0], min_cluster_size if min_samples is None else min_samples
    if distance.shape != (n, n) or not ((distance.data >= 0) & (distance.data <= missing)).all():
        raise ValueError(
            f"distances {list(distance.shape)}: expected [n n], numbers from 0 to {missing}"
        )
    if min_cluster_size < 2 or samples < 1:
        raise ValueError(
            f"min_cluster_size is {min_cluster_size} and min_samples {samples}; "
            "expected from 2 and from 1"
        )
    if n < max(min_cluster_size, samples):
        return np.full(n, -1, np.int64)
    graph = _connected(distance, samples, missing)
    from sklearn.cluster import HDBSCAN  # late: it takes most of a second

    clustering = HDBSCAN(
        min_cluster_size=min_cluster_size, min_samples=samples, metric="precomputed", copy=True
    )
    return clustering.fit_predict(graph).astype(np.int64)


def _connected(distance: sparse.csr_array, samples: int, missing: float) -> sparse.csr_array:
    """The graph with a diagonal, and with edges from all rows to the first few added."""
    n = distance.shape[0]
    row, column = np.repeat(np.arange(n), np.diff(distance.indptr)), distance.indices
    other = row != column
    edges = np.maximum(distance.data[other].astype(np.float64), TINY)
    graph = sparse.csr_array((edges, (row[other], column[other])), shape=(n, n))
    few = min(samples + 1, n)
    ends = np.repeat(np.arange(n), few), np.tile(np.arange(few), n)
    joined = sparse.csr_array((np.ones(n * few), ends), shape=(n, n))
    joined = (joined + joined.T).sign()
    joined.setdiag(0)
    new = missing * (joined - joined.multiply(graph.sign()))
    return (graph + new + sparse.diags_array(np.full(n, TINY))).tocsr()
