"""Reliable rows of clusters: those whose cluster is similar in a tighter and a looser clustering.

Reference:
    Ge et al., Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive Object Re-ID,
    NeurIPS 2020, section 3.3, independence and compactness of equations 5 and 6. Their code keeps
    1 - IoU, so that less is more reliable, and so does this. It compares [n n] matrices; here the
    clusterings are compared by counting, in O(n).
"""

import numpy as np
from jaxtyping import Float, Int

from reid_jax.clustering.dbscan import OUTLIER


def reliability(
    labels: Int[np.ndarray, "n"], tight: Int[np.ndarray, "n"], loose: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """How much each row's cluster I differs from J in another clustering: 1 - |I n J| / |I u J|.

    0 means no difference. An outlier is a cluster of its own.

    Args:
        labels: i[n], -1 for outliers.
        tight: i[n], labels for a smaller eps; they give the compactness.
        loose: i[n], labels for a greater eps; they give the independence.

    Returns:
        (f32[n], f32[n]) compactness and independence of each row, in [0, 1); less is more reliable.

    Raises:
        ValueError: the labels differ in length.
    """
    if not labels.shape == tight.shape == loose.shape or labels.ndim != 1:
        raise ValueError(
            f"labels {list(labels.shape)}, tight {list(tight.shape)} and "
            f"loose {list(loose.shape)} differ"
        )
    own = singletons(labels)
    return _difference(own, singletons(tight)), _difference(own, singletons(loose))


def threshold(
    labels: Int[np.ndarray, "n"], independence: Float[np.ndarray, "n"], part: float = 0.9
) -> float:
    """The independence that a fraction `part` of the clusters does not exceed.

    The independence of a cluster is the least of its rows. The threshold is the sorted value number
    min(m - 1, round(part * m)), counted from 0, of the m clusters of more than one row. SpCL
    computes it at the first epoch and keeps it.

    Args:
        labels: i[n], -1 for outliers.
        independence: f32[n] of `reliability`.
        part: fraction of the clusters, in [0, 1]; 0.9 as published.

    Returns:
        A number in [0, 1); 1 where there is no cluster, so that a first epoch without clusters does
        not reject those of later epochs.

    Raises:
        ValueError: part is outside [0, 1].
    """
    if not 0 <= part <= 1:
        raise ValueError(f"part is {part}, expected 0 to 1")
    own = singletons(labels)
    clusters = np.sort(_least(own, independence)[np.bincount(own) > 1]) if len(own) else np.empty(0)
    if not len(clusters):
        return 1.0
    return float(clusters[min(len(clusters) - 1, round(part * len(clusters)))])


def keep(
    labels: Int[np.ndarray, "n"],
    compactness: Float[np.ndarray, "n"],
    independence: Float[np.ndarray, "n"],
    threshold: float,
) -> Int[np.ndarray, "n"]:
    """The labels of the reliable rows; -1 for the others.

    A row is reliable if the independence of its cluster is not above the threshold and no other
    row of the cluster has a smaller compactness.

    Args:
        labels: i[n], -1 for outliers.
        compactness: f32[n] of `reliability`.
        independence: f32[n] of `reliability`.
        threshold: the result of `threshold`.

    Returns:
        i[n] with the old numbers of the clusters; a cluster may keep one row or none.
    """
    if not len(labels):
        return labels.copy()
    own = singletons(labels)
    compact = compactness <= _least(own, compactness)[own]
    return np.where(compact & (_least(own, independence)[own] <= threshold), labels, OUTLIER)


def singletons(labels: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The labels, where each outlier gets a label of its own, above all others, in row order.

    Args:
        labels: i[n], -1 for outliers.

    Returns:
        i64[n], >= 0.
    """
    own = labels.astype(np.int64)
    alone = labels == OUTLIER
    own[alone] = labels.max(initial=OUTLIER) + 1 + np.arange(alone.sum())
    return own


def _least(own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The least value of each cluster."""
    least = np.full(own.max(initial=-1) + 1, np.inf, np.float32)
    np.minimum.at(least, own, values)
    return least


def _difference(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 - IoU of the two clusters of each row, in two clusterings."""
    _, place, shared = np.unique(
        own * (other.max(initial=0) + 1) + other, return_inverse=True, return_counts=True
    )
    both = shared[place]
    union = np.bincount(own)[own] + np.bincount(other)[other] - both
    return (np.float32(1) - (both / union).astype(np.float32)).astype(np.float32)
