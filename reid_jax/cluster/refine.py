"""Leaving out the labels that are too small or too large to be one person, or are of too few cameras to teach any."""

import numpy as np
from jaxtyping import Int

from reid_jax.cluster.dbscan import OUTLIER


def refine(labels: Int[np.ndarray, "n"], *, least: int = 5, most: int | None = 120) -> Int[np.ndarray, "n"]:
    """Labels of `least` to `most` rows, both inclusive, numbered anew; -1 for the rows of the others.

    Paper: Wang et al., DomainMix: Learning Generalizable Person Re-Identification Without Human Annotations, BMVC 2021,
    section 3.2.1; 5 and 120 as published. Their code has no upper bound: `most=None`.

    Args:
        labels: i[n], -1 for outliers.
        least: rows, >= 1.
        most: rows, at least `least`; None for no bound.

    Returns:
        i64[n], 0 to c - 1 in the order of the old numbers, -1 for outliers.

    Raises:
        ValueError: bounds that no label can meet.
    """
    if least < 1 or (most is not None and most < least):
        raise ValueError(f"labels of {least} to {most} rows: expected 1 <= least <= most")
    named = np.where(labels == OUTLIER, labels.max(initial=-1) + 1, labels)
    size = np.bincount(named, minlength=1)[named] if len(labels) else named
    fits = (labels != OUTLIER) & (size >= least) & (size <= (len(labels) if most is None else most))
    return renumber(np.where(fits, labels, OUTLIER))


def across(labels: Int[np.ndarray, "n"], camera: Int[np.ndarray, "n"], *, cameras: int = 2) -> Int[np.ndarray, "n"]:
    """Labels that at least `cameras` cameras have, numbered anew; -1 for the rows of the others.

    A label of one camera teaches that pictures of one camera belong together.

    Paper: none of this library's; the cameras of unlabelled pictures are known.

    Args:
        labels: i[n], -1 for outliers.
        camera: i[n].
        cameras: >= 1.

    Returns:
        i64[n], 0 to c - 1 in the order of the old numbers, -1 for outliers.

    Raises:
        ValueError: no camera is asked for, or the cameras are not one for each row.
    """
    if cameras < 1 or camera.shape != labels.shape:
        raise ValueError(f"labels {list(labels.shape)} of {cameras} cameras or more, cameras {list(camera.shape)}")
    seen = np.unique(np.stack([labels, camera]), axis=1)[0]
    named, count = np.unique(seen, return_counts=True)
    return renumber(np.where(np.isin(labels, named[count >= cameras]), labels, OUTLIER))


def renumber(labels: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The same labels without gaps, 0 to c - 1 in the order of the old numbers; -1 stays.

    Args:
        labels: i[n], -1 for outliers.

    Returns:
        i64[n].
    """
    labelled = labels != OUTLIER
    fresh = np.full(len(labels), OUTLIER, np.int64)
    fresh[labelled] = np.unique(labels[labelled], return_inverse=True)[1]
    return fresh
