"""Removing labels that are unlikely to be one person, have too few cameras, or are too many."""

import numpy as np
from absl import logging
from jaxtyping import Int

from reid_jax.clustering.dbscan import OUTLIER


def refine(
    labels: Int[np.ndarray, "n"], *, least: int = 5, most: int | None = 120
) -> Int[np.ndarray, "n"]:
    """Keep the labels of `least` to `most` rows, both inclusive, and number them anew.

    Args:
        labels: i[n], -1 for outliers.
        least: rows of a label, >= 1.
        most: rows of a label, at least `least`; None for no bound.

    Returns:
        i64[n], 0 to c - 1 in the order of the old numbers; -1 for outliers and removed labels.

    Raises:
        ValueError: the bounds are not 1 <= least <= most.

    Reference:
        Wang et al., DomainMix: Learning Generalizable Person Re-Identification Without Human
        Annotations, BMVC 2021, section 3.2.1; 5 and 120 as published. Their code has no upper
        bound, which is `most=None`.
    """
    if least < 1 or (most is not None and most < least):
        raise ValueError(f"labels of {least} to {most} rows: expected 1 <= least <= most")
    named = np.where(labels == OUTLIER, labels.max(initial=-1) + 1, labels)
    size = np.bincount(named, minlength=1)[named] if len(labels) else named
    fits = (labels != OUTLIER) & (size >= least) & (size <= (len(labels) if most is None else most))
    return renumber(np.where(fits, labels, OUTLIER))


def across(
    labels: Int[np.ndarray, "n"], camera: Int[np.ndarray, "n"], *, cameras: int = 2
) -> Int[np.ndarray, "n"]:
    """Keep the labels whose rows come from at least `cameras` cameras, and number them anew.

    A label of one camera trains the model to group images by camera. This step is this library's
    own; it needs no annotation, since the cameras of unlabelled images are known.

    Args:
        labels: i[n], -1 for outliers.
        camera: i[n].
        cameras: of a label, >= 1.

    Returns:
        i64[n], 0 to c - 1 in the order of the old numbers; -1 for outliers and removed labels.

    Raises:
        ValueError: `cameras` is below 1, or labels and camera differ in length.
    """
    if cameras < 1 or camera.shape != labels.shape:
        raise ValueError(
            f"labels {list(labels.shape)} of {cameras} cameras or more, "
            f"cameras {list(camera.shape)}"
        )
    seen = np.unique(np.stack([labels, camera]), axis=1)[0]
    named, count = np.unique(seen, return_counts=True)
    return renumber(np.where(np.isin(labels, named[count >= cameras]), labels, OUTLIER))


def within(
    labels: Int[np.ndarray, "n"], capacity: int, *, what: str = "pseudo labels"
) -> Int[np.ndarray, "n"]:
    """Set labels from `capacity` up to -1, with one warning where there are any.

    Args:
        labels: i[n] without gaps, -1 for outliers.
        capacity: labels that a classifier or a memory can hold.
        what: the name of the labels in the warning.

    Returns:
        i[n], all below `capacity`.
    """
    count = int(labels.max(initial=OUTLIER)) + 1
    if count > capacity:
        logging.warning("%d %s, but the capacity is %d: the rest is dropped", count, what, capacity)
    return np.where(labels < capacity, labels, OUTLIER)


def renumber(labels: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """Number the labels without gaps, 0 to c - 1 in the order of the old numbers; -1 stays.

    Args:
        labels: i[n], -1 for outliers.

    Returns:
        i64[n].
    """
    labelled = labels != OUTLIER
    fresh = np.full(len(labels), OUTLIER, np.int64)
    fresh[labelled] = np.unique(labels[labelled], return_inverse=True)[1]
    return fresh
