"""What a labelling looks like, in a few numbers that are written with the epoch's metrics."""

import numpy as np
from absl import logging
from jaxtyping import Int
from sklearn.metrics import adjusted_rand_score

from reid_jax.cluster.dbscan import OUTLIER
from reid_jax.cluster.reliability import singletons

GIANT = 0.5  # part of the images in one label, from which on it is called a giant


def describe(
    labels: Int[np.ndarray, "n"],
    *,
    person: Int[np.ndarray, "n"] | None = None,
    camera: Int[np.ndarray, "n"] | None = None,
) -> dict[str, float]:
    """Figures of a labelling by name; warns of one without labels and of one with a giant label.

    labels, labelled, outliers: how many; outlier_part of the images.
    size_min, size_median, size_90, size_max: images of a label.
    cameras: of a label, the mean; single_camera: part of the labels that one camera alone saw. If `camera` is given.
    purity: part of the labelled images whose person is the commonest of their label; ari: the adjusted Rand index of
    all images, each outlier a label of its own. If `person` is given; images of unknown persons are left out.

    Args:
        labels: i[n], -1 for outliers.
        person: i[n], the truth where it is known, below 0 where it is not.
        camera: i[n].

    Returns:
        Floats by name; those that need a label are left out where there is none.

    Raises:
        ValueError: arrays of different length.
    """
    for name, array in (("person", person), ("camera", camera)):
        if array is not None and len(array) != len(labels):
            raise ValueError(f"{len(labels)} labels and a {name} for {len(array)}")
    labelled = labels != OUTLIER
    names, place, size = np.unique(labels[labelled], return_inverse=True, return_counts=True)
    figures = {"labels": len(names), "labelled": labelled.sum(), "outliers": len(labels) - labelled.sum()}
    figures["outlier_part"] = figures["outliers"] / max(1, len(labels))
    _warn(len(labels), size)
    if len(names):
        quantiles = np.quantile(size, (0, 0.5, 0.9, 1))
        figures |= dict(zip(("size_min", "size_median", "size_90", "size_max"), quantiles, strict=True))
    if len(names) and camera is not None:
        seen = np.unique(np.stack([place, camera[labelled]]), axis=1)[0]
        cameras = np.bincount(seen)
        figures |= {"cameras": cameras.mean(), "single_camera": np.mean(cameras == 1)}
    if person is not None and (person >= 0).any():
        known = person >= 0
        figures["ari"] = adjusted_rand_score(person[known], singletons(labels)[known])
        known = known[labelled]
        if known.any():
            pairs, count = np.unique(np.stack([place[known], person[labelled][known]]), axis=1, return_counts=True)
            most = np.zeros(len(names))
            np.maximum.at(most, pairs[0], count)
            figures["purity"] = most.sum() / known.sum()
    return {name: float(value) for name, value in figures.items()}


def _warn(images: int, size: np.ndarray) -> None:
    if images and not len(size):
        logging.warning("Clustering gave no label to any of %d images; a larger eps finds more", images)
    elif images > 1 and size.max(initial=0) > GIANT * images:
        logging.warning(
            "Clustering put %d of %d images under one label; a smaller eps keeps people apart", size.max(), images
        )


def brief(labels: Int[np.ndarray, "n"], person: Int[np.ndarray, "n"]) -> dict[str, float]:
    """Of `describe` what an epoch's log tells: labels, labelled, outlier_part and, where persons are known, purity."""
    told = describe(labels, person=person)
    return {name: told[name] for name in ("labels", "labelled", "outlier_part", "purity") if name in told}
