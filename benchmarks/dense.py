"""Pseudo labels with dense n x n matrices: the reference that `clustering.py` compares with."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.cluster import DBSCAN


def labels(
    features: np.ndarray,
    eps: Sequence[float],
    lap: Callable[[str], None],
    k1: int = 30,
    k2: int = 6,
) -> np.ndarray:
    """Cluster the features at each of three eps.

    Args:
        features: f32[n d] of length 1.
        eps: three radii of DBSCAN, ascending.
        lap: is called with the name of each stage when it has finished.
        k1: neighbours of the reciprocal sets.
        k2: neighbours of the local query expansion.

    Returns:
        i64[3 n], -1 for outliers.
    """
    n = len(features)
    product = np.empty((n, n), np.float32)
    for start in range(0, n, 4096):
        np.matmul(features[start : start + 4096], features.T, out=product[start : start + 4096])
    order = np.empty((n, k1), np.int64)
    for i in range(n):
        nearest = np.argpartition(-product[i], k1)[: k1 + 1]
        order[i] = nearest[np.argsort(-product[i, nearest], kind="stable")][:k1]
    lap("search")

    def reciprocal(i: int, k: int) -> np.ndarray:
        forward = order[i, :k]
        return forward[(order[forward, :k] == i).any(1)]

    half = [reciprocal(i, round(k1 / 2) + 1) for i in range(n)]
    weight = np.zeros((n, n), np.float32)
    for i in range(n):
        first = members = reciprocal(i, k1)
        for q in first:
            if len(np.intersect1d(half[q], first)) > 2 / 3 * len(half[q]):
                members = np.append(members, half[q])
        members = np.unique(members)
        value = np.exp(-(2 - 2 * product[i, members]))
        weight[i, members] = value / value.sum()
    del product
    first, weight = weight, np.empty_like(weight)
    for i in range(n):
        weight[i] = first[order[i, :k2]].mean(0)
    del first
    inverse = [np.flatnonzero(weight[:, j]) for j in range(n)]
    distance = np.zeros((n, n), np.float32)
    for i in range(n):
        shared = np.zeros(n, np.float32)
        for j in np.flatnonzero(weight[i]):
            shared[inverse[j]] += np.minimum(weight[i, j], weight[inverse[j], j])
        distance[i] = np.maximum(1 - shared / (2 - shared), 0)
    del weight, inverse
    lap("jaccard")
    tight, normal, loose = (
        DBSCAN(eps=e, min_samples=4, metric="precomputed", n_jobs=-1).fit_predict(distance)
        for e in eps
    )
    lap("dbscan")
    same = []
    for label in (tight, normal, loose):
        own = np.where(label < 0, label.max() + 1 + np.arange(n), label)
        same.append(np.empty((n, n), np.float32))
        np.equal(own[:, None], own, out=same[-1])
    for other in (same[0], same[2]):
        1 - np.minimum(same[1], other).sum(1) / np.maximum(same[1], other).sum(1)
    lap("reliability")
    return np.stack([tight, normal, loose])
