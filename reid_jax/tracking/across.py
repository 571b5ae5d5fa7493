"""Tracks of several cameras become persons: clusters in which nobody is in two places at once.

Two tracks of one camera that share a frame are different persons. The tracks' mean embeddings are
clustered as pictures are (`clustering`: k-reciprocal Jaccard distance, DBSCAN), without the pairs
that cannot be; and where a cluster would still hold two such tracks by way of others, its tracks
are joined one after the other, the nearest groups first, as long as no two of them exclude each
other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from reid_jax.clustering import dbscan, jaccard
from reid_jax.tracking import mot
from reid_jax.tracking.mot import Rows

APART = 1.0  # a distance of tracks that are surely different


class How(NamedTuple):
    """The options.

    Attributes:
        eps: greatest distance of two tracks of one person, above 0 and below 1.
        min_samples: tracks within eps that make a core, itself counted; others are persons of their
            own.
        k1: neighbours of the Jaccard distance; 0: twice the cameras.
        k2: neighbours that it averages over.
    """

    eps: float = 0.6
    min_samples: int = 2
    k1: int = 0
    k2: int = 2


DEFAULT = How()


def exclusive(
    camera: Int[np.ndarray, "n"], frames: Sequence[Int[np.ndarray, "k"]]
) -> Bool[np.ndarray, "n n"]:
    """Which tracks are surely of different persons: seen by one camera in one frame.

    Args:
        camera: i64[n], of each track.
        frames: the frames that each is seen in.
    """
    count = len(camera)
    if not count:
        return np.zeros((0, 0), bool)
    track = np.repeat(np.arange(count), [len(one) for one in frames])
    moments = np.stack([camera[track], np.concatenate(frames)], 1)
    _, moment = np.unique(moments, axis=0, return_inverse=True)
    seen = sparse.csr_array((np.ones(len(track), np.int32), (track, moment.reshape(-1))))
    shared = (seen @ seen.T).toarray() > 0
    np.fill_diagonal(shared, False)
    return shared


def persons(
    embedding: Float[np.ndarray, "n d"],
    camera: Int[np.ndarray, "n"],
    frames: Sequence[Int[np.ndarray, "k"]],
    how: How = DEFAULT,
) -> Int[np.ndarray, "n"]:
    """The person of each track, from 1 in the order of the tracks.

    Args:
        embedding: f32[n d], the mean of each track, rows of length one.
        camera: i64[n].
        frames: the frames that each is seen in; numbers mean the same moment in all cameras only
            where these were taken together, and only frames of one camera are compared.
        how: the options.

    Raises:
        ValueError: eps is not between 0 and 1; and as `jaccard.distance`.
    """
    if not 0 < how.eps < 1:
        raise ValueError(f"eps={how.eps}; the Jaccard distance runs from 0 to 1, choose between")
    if len(camera) < 2:
        return np.arange(1, 1 + len(camera))
    apart = exclusive(np.asarray(camera), frames)
    k1 = how.k1 or 2 * len(np.unique(camera))
    found = jaccard.distance(embedding, k1=k1, k2=how.k2).tocoo()
    can = ~apart[found.row, found.col]
    near = sparse.csr_array((found.data[can], (found.row[can], found.col[can])), shape=found.shape)
    label = dbscan.dbscan(near, eps=how.eps, min_samples=how.min_samples)
    dense = np.full(apart.shape, APART)
    dense[found.row, found.col] = found.data
    dense[apart] = np.inf
    group = np.full(len(label), -1)
    for one in np.unique(label[label >= 0]):
        rows = np.flatnonzero(label == one)
        inside = dense[np.ix_(rows, rows)]
        group[rows] = rows[_split(inside) if np.isinf(inside).any() else np.zeros(len(rows), int)]
    alone = group < 0
    group[alone] = np.flatnonzero(alone)
    _, first, person = np.unique(group, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return 1 + order[person]


def _split(away: Float[np.ndarray, "n n"]) -> Int[np.ndarray, "n"]:
    """Groups by average linkage in which no pair is infinitely far; i64[n], a member of each.

    Within a cluster all are joined that can be: that they belong together is DBSCAN's finding.
    """
    groups = [[row] for row in range(len(away))]
    while True:
        best = min(
            (
                (float(away[np.ix_(one, other)].mean()), i, i + 1 + j)
                for i, one in enumerate(groups)
                for j, other in enumerate(groups[i + 1 :])
            ),
            default=(np.inf, 0, 0),
        )
        if not np.isfinite(best[0]):
            break
        groups[best[1]] += groups.pop(best[2])
    result = np.empty(len(away), np.int64)
    for one in groups:
        result[one] = one[0]
    return result


def joined(cameras: Sequence[Rows], apart: int) -> Rows:
    """The rows of several cameras as of one video, camera after camera: for IDF1 over all.

    Args:
        cameras: of each.
        apart: frames of a camera, at least its greatest number.

    Raises:
        ValueError: a camera has a later frame.
    """
    last = max((int(one.frame.max(initial=0)) for one in cameras), default=0)
    if last > apart:
        raise ValueError(f"apart={apart}, but there is a frame {last}; give {last} or more")
    return mot.make(
        np.concatenate([one.frame + at * (apart + 1) for at, one in enumerate(cameras)]),
        np.concatenate([one.number for one in cameras]),
        np.concatenate([one.box for one in cameras]),
    )
