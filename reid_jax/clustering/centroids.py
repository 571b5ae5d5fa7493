"""The centroid, or mean embedding, of each label, and of each label in each camera."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from reid_jax.clustering.dbscan import OUTLIER


class CameraCentroids(NamedTuple):
    """The centroids of the p pairs of a label and a camera that have rows, ordered by both.

    Attributes:
        mean: f32[p d], the centroids.
        label: i64[p], the label of each pair.
        camera: i64[p], the camera of each pair.
    """

    mean: np.ndarray
    label: np.ndarray
    camera: np.ndarray


def centroids(
    features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, "n"], *, normalise: bool = False
) -> Float[np.ndarray, "c d"]:
    """The mean of the rows of each label from 0 to c - 1, where c - 1 is the greatest label.

    Args:
        features: f32[n d].
        labels: i[n]; a row of label -1 is ignored.
        normalise: scale the means to length one, as the losses with cosines need them.

    Returns:
        f32[c d]; zeros for a label without rows.

    Raises:
        ValueError: features and labels differ in length.
    """
    if len(features) != len(labels):
        raise ValueError(f"{len(labels)} labels for {len(features)} rows")
    rows = np.flatnonzero(labels != OUTLIER)
    count = int(labels.max(initial=OUTLIER)) + 1
    size = np.bincount(labels[rows], minlength=count)
    weight = (1 / np.maximum(size, 1)).astype(np.float32)[labels[rows]]
    mean = sparse.csr_array((weight, (labels[rows], rows)), shape=(count, len(features))) @ features
    if normalise:
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return mean.astype(np.float32, copy=False)


def camera_centroids(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, "n"],
    cameras: Int[np.ndarray, "n"],
    *,
    normalise: bool = False,
) -> CameraCentroids:
    """The mean of the rows of each label in each camera that has rows of it.

    Args:
        features: f32[n d].
        labels: i[n]; a row of label -1 is ignored.
        cameras: i[n], from 0.
        normalise: scale the means to length one.

    Returns:
        The centroids, with the label and the camera of each.

    Raises:
        ValueError: features, labels and cameras differ in length.
    """
    if len(labels) != len(cameras):
        raise ValueError(f"{len(labels)} labels and {len(cameras)} cameras")
    pair = np.full(len(labels), OUTLIER, np.int64)
    labelled = labels != OUTLIER
    both = np.stack([labels[labelled], cameras[labelled]], axis=1).astype(np.int64).reshape(-1, 2)
    names, pair[labelled] = np.unique(both, axis=0, return_inverse=True)
    return CameraCentroids(centroids(features, pair, normalise=normalise), names[:, 0], names[:, 1])
