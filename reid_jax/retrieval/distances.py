"""Histograms of the distances of positive and of negative pairs, and their overlap."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

BLOCK = 1 << 22  # maximum number of distances in memory


class DistanceCounts(NamedTuple):
    """Histograms of distances from 0 (same direction) to 1 (opposite direction).

    Attributes:
        same: i64[bins], number of positive pairs (same person) in each bin.
        other: i64[bins], number of negative pairs (different persons) in each bin.
    """

    same: np.ndarray
    other: np.ndarray

    @property
    def overlap(self) -> float:
        """Area shared by the normalised histograms, in [0, 1]; 0: disjoint. NaN if one is empty."""
        if not self.same.any() or not self.other.any():
            return float("nan")
        return float(np.minimum(self.same / self.same.sum(), self.other / self.other.sum()).sum())


def count_distances(
    query: Float[np.ndarray, "q d"],
    gallery: Float[np.ndarray, "g d"],
    *,
    query_person: Int[np.ndarray, "q"],
    gallery_person: Int[np.ndarray, "g"],
    query_camera: Int[np.ndarray, "q"],
    gallery_camera: Int[np.ndarray, "g"],
    same_camera: bool = False,
    bins: int = 100,
) -> DistanceCounts:
    """Count the positive and negative query-gallery pairs by half their cosine distance.

    d(u, v) = 1/2 - u.v / (2 |u| |v|), in [0, 1]

    Args:
        query: f32[q d], rows of any length.
        gallery: f32[g d], rows of any length.
        query_person: i32[q]. A query with a person below 1 is in no pair.
        gallery_person: i32[g]. A gallery row with a person below 0 is in no pair; 0 is a
            distractor.
        query_camera: i32[q]. Below 0: unknown, and different from every other camera.
        gallery_camera: i32[g]. Below 0: unknown, and different from every other camera.
        same_camera: whether positive pairs from the same camera count.
        bins: number of bins of equal width.

    Returns:
        DistanceCounts.

    Raises:
        ValueError: the shapes do not fit together.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020, its histograms of
        distances.
    """
    sizes = (
        [len(query), len(query_person), len(query_camera)],
        [len(gallery), len(gallery_person), len(gallery_camera)],
    )
    if query.shape[1:] != gallery.shape[1:] or any(len(set(size)) > 1 for size in sizes):
        raise ValueError(
            f"queries have {sizes[0]} rows, persons and cameras, the gallery {sizes[1]}; "
            "widths must agree"
        )
    query, gallery = (
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in (query, gallery)
    )
    counts = np.zeros((2, bins), np.int64)
    step = max(1, BLOCK // max(1, len(gallery)))
    for start in range(0, len(query), step):
        part = slice(start, start + step)
        distance = 0.5 - 0.5 * (query[part] @ gallery.T)
        column = np.clip((distance * bins).astype(np.int64), 0, bins - 1)
        person, camera = query_person[part, None], query_camera[part, None]
        known = (person >= 1) & (gallery_person >= 0)[None]
        same = person == gallery_person[None]
        junk = same & (camera == gallery_camera[None]) & (camera >= 0)
        counts[0] += np.bincount(column[known & same & (same_camera | ~junk)], minlength=bins)
        counts[1] += np.bincount(column[known & ~same], minlength=bins)
    return DistanceCounts(same=counts[0], other=counts[1])
