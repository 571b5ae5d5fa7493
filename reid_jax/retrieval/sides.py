"""Query and gallery as ranking takes them: checked, and sorted by person."""

import difflib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from reid_jax import distance
from reid_jax.types import Array

# Squared, since the root would make neighbouring float32 values equal and so change the order.
METRICS = {"cosine": distance.cosine, "euclidean": distance.squared_euclidean}


class Sides(NamedTuple):
    """Checked arguments of a ranking of m gallery rows for n queries.

    The p gallery rows that enter the lists are numbered by `entering`, sorted by person and then
    by row, so that all rows of a person follow each other.

    Attributes:
        query: f32[n d].
        gallery: f32[m d].
        query_person: i[n].
        query_camera: i[n].
        entering: i64[p], gallery rows.
        person: i[p], their persons, ascending.
        camera: i[p], their cameras.
        metric: "cosine" or "euclidean".
        same_camera: whether gallery rows of the query's camera are kept.
    """

    query: np.ndarray
    gallery: np.ndarray
    query_person: np.ndarray
    query_camera: np.ndarray
    entering: np.ndarray
    person: np.ndarray
    camera: np.ndarray
    metric: str
    same_camera: bool

    @property
    def distance(self) -> Callable[[np.ndarray, np.ndarray], Array]:
        """The distance of all rows of two matrices."""
        return METRICS[self.metric]

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first and the end of the entering rows that show each query's person; i64[k] each."""
        person = self.query_person[rows]
        first = np.searchsorted(self.person, person, "left")
        return first, np.where(person < 0, first, np.searchsorted(self.person, person, "right"))

    def pairs(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pairs of some queries with the entering rows of their persons.

        Returns:
            i64[q], the place of the query in `rows`; i64[q], of the other in `entering`; bool[q],
            whether it is junk.
        """
        first, end = self.spans(rows)
        size = end - first
        row = np.repeat(np.arange(len(rows)), size)
        column = np.arange(len(row)) + np.repeat(first - (np.cumsum(size) - size), size)
        camera = self.query_camera[rows][row]
        if self.same_camera:
            return row, column, np.zeros(len(row), bool)
        return row, column, (camera != -1) & (self.camera[column] == camera)


def check(
    query: np.ndarray,
    gallery: np.ndarray,
    columns: Sequence[np.ndarray],
    metric: str,
    same_camera: bool,
) -> Sides:
    """Check the arguments of `ranking.rank`; columns: persons, then cameras, of both sides.

    Raises:
        ValueError: as `ranking.rank`.
    """
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"metric {metric!r} is not known; did you mean {near!r}? Known are {sorted(METRICS)}"
        )
    query, gallery = np.asarray(query, np.float32), np.asarray(gallery, np.float32)
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query and gallery are {list(query.shape)} and {list(gallery.shape)}, expected [n d] "
            "and [m d]; embed both with one model"
        )
    _check_finite("query", query)
    _check_finite("gallery", gallery)
    names = ("query_person", "gallery_person", "query_camera", "gallery_camera")
    columns = [np.asarray(column) for column in columns]
    for name, column, rows in zip(names, columns, (query, gallery) * 2, strict=True):
        if column.shape != (len(rows),):
            raise ValueError(
                f"{name} is {list(column.shape)}, expected [{len(rows)}]; give one per embedding"
            )
    query_person, gallery_person, query_camera, gallery_camera = columns
    entering = np.argsort(gallery_person, kind="stable")
    entering = entering[gallery_person[entering] != -1]
    return Sides(
        query=query,
        gallery=gallery,
        query_person=query_person,
        query_camera=query_camera,
        entering=entering,
        person=gallery_person[entering],
        camera=gallery_camera[entering],
        metric=metric,
        same_camera=same_camera,
    )


def _check_finite(name: str, rows: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.flatnonzero(~(np.einsum("nd,nd->n", rows, rows) < 1e37))
    if bad.size:
        shown = ", ".join(map(str, bad[:10])) + (", ..." if bad.size > 10 else "")
        raise ValueError(
            f"{bad.size} of {len(rows)} {name} embeddings are NaN, infinite or too long for "
            f"float32: rows {shown}; check the model and the images"
        )


def explain_no_match(sides: Sides) -> str:
    """Why no query has a match."""
    known = sides.query_person[sides.query_person >= 0]
    if not len(sides.query):
        reason = "there are no queries"
    elif not len(sides.gallery):
        reason = "the gallery is empty"
    elif known.size == 0:
        reason = f"none of the {len(sides.query_person)} queries is of a known person (0 or above)"
    elif not np.isin(known, sides.person).any():
        reason = "no person is in both; are both from one data set, with one numbering of persons?"
    else:
        single = len(np.unique(sides.camera)) == 1
        reason = "the gallery has one camera" if single else "they share persons"
        reason += ", but every match is from its query's own camera, which is junk; "
        reason += "same_camera=True keeps them"
    return f"no query has a match in the gallery: {reason}"
