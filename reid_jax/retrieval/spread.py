"""How the distances of pairs of one person spread, and those of pairs of two: counts, and how far they overlap."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

BLOCK = 1 << 22  # distances that are held at once


class Spread(NamedTuple):
    """same, other: i64[bins], pairs of one person and of two by their distance, from 0 (alike) to 1 (opposite)."""

    same: np.ndarray
    other: np.ndarray

    @property
    def overlap(self) -> float:
        """The area that the two histograms share, each of area 1: from 0, apart, to 1; NaN where one has no pair."""
        if not self.same.any() or not self.other.any():
            return float("nan")
        return float(np.minimum(self.same / self.same.sum(), self.other / self.other.sum()).sum())


def spread(
    query: Float[np.ndarray, "q d"],
    gallery: Float[np.ndarray, "g d"],
    *,
    query_person: Int[np.ndarray, "q"],
    gallery_person: Int[np.ndarray, "g"],
    query_camera: Int[np.ndarray, "q"],
    gallery_camera: Int[np.ndarray, "g"],
    same_camera: bool = False,
    bins: int = 100,
) -> Spread:
    """Count the pairs of a query and a gallery row by half their cosine distance.

    d(u, v) = 1/2 - u.v / (2 |u| |v|), in [0, 1]

    Args:
        query, gallery: f32[q d], f32[g d], any unit.
        query_person, gallery_person: a query below 1, and a gallery row below 0, are in no pair; 0 is a distractor.
        query_camera, gallery_camera: below 0 where not known, and then no other's equal.
        same_camera: pairs of one person in one camera count; without it they are in no histogram.
        bins: of equal width.

    Returns:
        Spread.

    Raises:
        ValueError: arrays that do not belong together.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020, its histograms of distances.
    """
    sizes = [len(query), len(query_person), len(query_camera)], [len(gallery), len(gallery_person), len(gallery_camera)]
    if query.shape[1:] != gallery.shape[1:] or any(len(set(size)) > 1 for size in sizes):
        raise ValueError(
            f"queries have {sizes[0]} rows, persons and cameras, the gallery {sizes[1]}; widths must agree"
        )
    units = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (query, gallery)]
    counts = np.zeros((2, bins), np.int64)
    step = max(1, BLOCK // max(1, len(gallery)))
    for start in range(0, len(query), step):
        part = slice(start, start + step)
        away = 0.5 - 0.5 * (units[0][part] @ units[1].T)
        place = np.clip((away * bins).astype(np.int64), 0, bins - 1)
        person, camera = query_person[part, None], query_camera[part, None]
        known = (person >= 1) & (gallery_person >= 0)[None]
        same = person == gallery_person[None]
        twin = same & (camera == gallery_camera[None]) & (camera >= 0)
        counts[0] += np.bincount(place[known & same & (same_camera | ~twin)], minlength=bins)
        counts[1] += np.bincount(place[known & ~same], minlength=bins)
    return Spread(*counts)
