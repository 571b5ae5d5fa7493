"""Which rows may keep their cluster: those that two other labellings, tighter and looser, agree about.

Paper: Ge et al., Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive Object Re-ID, NeurIPS 2020
(section 3.3; the independence and the compactness of equations 5 and 6). Their code keeps 1 - IoU, so that less is more
reliable, and so does this. It compares n x n matrices; here the labellings are counted against each other, in O(n).
"""

import numpy as np
from jaxtyping import Float, Int

from reid_jax.cluster.dbscan import OUTLIER


def reliability(
    labels: Int[np.ndarray, "n"], tight: Int[np.ndarray, "n"], loose: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """How little each row's cluster changes as eps does: 1 - |I n J| / |I u J|, 0 where it does not change at all.

    I is the row's cluster, J that in another labelling; an outlier is a cluster of its own.

    Args:
        labels: i[n], -1 for outliers.
        tight: i[n] of a smaller eps; gives the compactness.
        loose: i[n] of a greater eps; gives the independence.

    Returns:
        (f32[n], f32[n]) compactness and independence of each row, in [0, 1), less is more reliable.

    Raises:
        ValueError: labellings of different length.
    """
    if not labels.shape == tight.shape == loose.shape or labels.ndim != 1:
        raise ValueError(f"labels {list(labels.shape)}, tight {list(tight.shape)} and loose {list(loose.shape)} differ")
    own = singletons(labels)
    return _difference(own, singletons(tight)), _difference(own, singletons(loose))


def threshold(labels: Int[np.ndarray, "n"], independence: Float[np.ndarray, "n"], part: float = 0.9) -> float:
    """The independence that `part` of the clusters reach; SpCL takes it at the first epoch and keeps it.

    A cluster's independence is the least of its rows'. Of the m clusters of more than one row, sorted, it is that of
    number min(m - 1, round(part * m)).

    Args:
        labels: i[n], -1 for outliers.
        independence: f32[n] of `reliability`.
        part: 0.9 as published.

    Returns:
        A number in [0, 1); 1 where there is no cluster, so that a first epoch without any rejects none later.

    Raises:
        ValueError: part outside [0, 1].
    """
    if not 0 <= part <= 1:
        raise ValueError(f"part is {part}, expected 0 to 1")
    own = singletons(labels)
    clusters = np.sort(_least(own, independence)[np.bincount(own) > 1]) if len(own) else np.empty(0)
    return float(clusters[min(len(clusters) - 1, round(part * len(clusters)))]) if len(clusters) else 1.0


def keep(
    labels: Int[np.ndarray, "n"],
    compactness: Float[np.ndarray, "n"],
    independence: Float[np.ndarray, "n"],
    threshold: float,
) -> Int[np.ndarray, "n"]:
    """The labels of the reliable rows; -1 for the others.

    A row stays if its cluster's independence is not above the threshold and no row of the cluster is more compact.

    Args:
        labels: i[n], -1 for outliers.
        compactness, independence: f32[n] of `reliability`.
        threshold: of `threshold`.

    Returns:
        i[n], the numbers of the clusters as they were; some may have no row left, or one.
    """
    if not len(labels):
        return labels.copy()
    own = singletons(labels)
    compact = compactness <= _least(own, compactness)[own]
    return np.where(compact & (_least(own, independence)[own] <= threshold), labels, OUTLIER)


def singletons(labels: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The labels with a new one for each outlier, the first row's first, after all others.

    Args:
        labels: i[n], -1 for outliers.

    Returns:
        i64[n], none below 0.
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
    """1 - IoU of the clusters that hold each row, in two labellings."""
    _, place, shared = np.unique(own * (other.max(initial=0) + 1) + other, return_inverse=True, return_counts=True)
    both = shared[place]
    union = np.bincount(own)[own] + np.bincount(other)[other] - both
    return (np.float32(1) - (both / union).astype(np.float32)).astype(np.float32)
