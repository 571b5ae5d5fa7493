"""A few figures that describe pseudo labels; they are logged with the metrics of the epoch."""

import numpy as np
from absl import logging
from jaxtyping import Int

from reid_jax.clustering.dbscan import OUTLIER
from reid_jax.clustering.reliability import singletons

GIANT = 0.5  # a label with more than this fraction of the images gives a warning


def describe(
    labels: Int[np.ndarray, "n"],
    *,
    person: Int[np.ndarray, "n"] | None = None,
    camera: Int[np.ndarray, "n"] | None = None,
) -> dict[str, float]:
    """Figures of pseudo labels by name.

    It warns where no image has a label, and where one label has most of the images.

    - labels, labelled, outliers: the number of labels, of labelled images and of outliers.
    - outlier_part: the fraction of outliers among the images.
    - size_min, size_median, size_90, size_max: images of a label.
    - cameras: the mean number of cameras of a label; needs `camera`.
    - single_camera: the fraction of the labels with one camera; needs `camera`.
    - purity: the fraction of the labelled images whose person is the most frequent of their label;
      needs `person` and ignores images of unknown persons.
    - recall: the fraction of the pairs of images of one person that share a label; likewise, and of
      outliers too.
    - ari: the adjusted Rand index of all images, each outlier a label of its own; likewise.

    Args:
        labels: i[n], -1 for outliers.
        person: i[n], the true identity, below 0 where it is unknown.
        camera: i[n].

    Returns:
        Floats by name. Figures that need at least one label are omitted where there is none.

    Raises:
        ValueError: the arrays differ in length.
    """
    for name, array in (("person", person), ("camera", camera)):
        if array is not None and len(array) != len(labels):
            raise ValueError(f"{len(labels)} labels and a {name} for {len(array)}")
    labelled = labels != OUTLIER
    names, place, size = np.unique(labels[labelled], return_inverse=True, return_counts=True)
    figures = {
        "labels": len(names),
        "labelled": labelled.sum(),
        "outliers": len(labels) - labelled.sum(),
    }
    figures["outlier_part"] = figures["outliers"] / max(1, len(labels))
    _warn(len(labels), size)
    if len(names):
        quantiles = np.quantile(size, (0, 0.5, 0.9, 1))
        figures |= dict(
            zip(("size_min", "size_median", "size_90", "size_max"), quantiles, strict=True)
        )
    if len(names) and camera is not None:
        seen = np.unique(np.stack([place, camera[labelled]]), axis=1)[0]
        cameras = np.bincount(seen)
        figures |= {"cameras": cameras.mean(), "single_camera": np.mean(cameras == 1)}
    if person is not None and (person >= 0).any():
        known = person >= 0
        from sklearn.metrics import adjusted_rand_score  # late: it takes most of a second

        figures["ari"] = adjusted_rand_score(person[known], singletons(labels)[known])
        known = known[labelled]
        if known.any():
            pairs, count = np.unique(
                np.stack([place[known], person[labelled][known]]), axis=1, return_counts=True
            )
            most = np.zeros(len(names))
            np.maximum.at(most, pairs[0], count)
            figures["purity"] = most.sum() / known.sum()
            _, images = np.unique(person[person >= 0], return_counts=True)
            if (images > 1).any():
                figures["recall"] = _pairs(count) / _pairs(images)
    return {name: float(value) for name, value in figures.items()}


def _pairs(size: np.ndarray) -> float:
    """Pairs of images inside groups of these sizes."""
    return float((size * (size - 1.0) / 2).sum())


def _warn(images: int, size: np.ndarray) -> None:
    if images and not len(size):
        logging.warning(
            "Clustering gave no label to any of %d images; a larger eps finds more", images
        )
    elif images > 1 and size.max(initial=0) > GIANT * images:
        logging.warning(
            "Clustering put %d of %d images under one label; a smaller eps keeps people apart",
            size.max(),
            images,
        )


def brief(labels: Int[np.ndarray, "n"], person: Int[np.ndarray, "n"]) -> dict[str, float]:
    """The figures of `describe` for the log of an epoch.

    They are labels, labelled, outlier_part and, where persons are known, purity and recall.
    """
    figures = describe(labels, person=person)
    names = ("labels", "labelled", "outlier_part", "purity", "recall")
    return {name: figures[name] for name in names if name in figures}
