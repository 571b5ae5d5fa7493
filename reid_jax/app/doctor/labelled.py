"""What labels tell of an encoder."""

from typing import Any, NamedTuple

import numpy as np

from reid_jax import evaluate
from reid_jax.app.doctor.patient import Patient, embedded
from reid_jax.data import records
from reid_jax.data.check import valid_queries
from reid_jax.retrieval import bootstrap
from reid_jax.retrieval.distances import DistanceCounts
from reid_jax.retrieval.ranking import Ranking
from reid_jax.types import Records


class Labelled(NamedTuple):
    """What labels tell.

    Attributes:
        test: query and gallery.
        rows: i64[n], which of the pictures they are.
        same_camera: whether matches by the query's own camera count, as none else are there.
        ranking: by the metric of the encoder.
        counts: distances of one person's pictures and of different persons'.
        bgr: mean AP of BGR pictures less that of the pictures, and half its interval of 95%.
    """

    test: Records
    rows: np.ndarray
    same_camera: bool
    ranking: Ranking
    counts: DistanceCounts
    bgr: tuple[float, float]


def labelled(
    part: Records, image: np.ndarray, embedding: np.ndarray, patient: Patient
) -> Labelled | None:
    """Rank where persons are seen twice, and compare with BGR pictures.

    Args:
        part: n pictures.
        image: as the encoder takes them, uint8 [n h w 3].
        embedding: f32[n d].
        patient: the encoder.
    """
    rows = np.flatnonzero(np.isfinite(embedding).all(1))
    found = sides(records.take(part, rows))
    if found is None:
        return None
    test, inside, same_camera = found
    rows = rows[inside]
    ways: dict[str, Any] = {"same_camera": same_camera}
    ranking = evaluate.rank_records(embedding[rows], test, metric=patient.metric, **ways)
    other = embedded(patient, np.ascontiguousarray(image[rows][..., ::-1]))
    bgr = (0.0, 0.0)
    if np.isfinite(other).all():
        theirs = evaluate.rank_records(other, test, metric=patient.metric, **ways)
        valid = ranking.first > 0
        ahead = (theirs.ap - ranking.ap)[valid]
        (draws,) = bootstrap.resampled([ahead[None, :, None]], draws=2000)
        bgr = float(ahead.mean()), bootstrap.spread(draws[:, 0]).half
    counts = evaluate.record_distances(embedding[rows], test, same_camera=same_camera)
    return Labelled(test, rows, same_camera, ranking, counts, bgr)


def sides(part: Records) -> tuple[Records, np.ndarray, bool] | None:
    """Query and gallery of pictures, their rows, and whether matches by one camera must count.

    Those that the data have; else of each person the first picture of each camera asks for the
    others. None: no person is seen twice.
    """
    query, gallery = part.split == "query", part.split == "gallery"
    if not (query.any() and gallery.any() and valid_queries(part, same_camera=True).any()):
        known = np.flatnonzero(part.person >= 1)
        keys = np.stack([part.person[known], part.camera[known]], 1)
        _, first = np.unique(keys, axis=0, return_index=True)
        split = np.full(len(part.person), "gallery", "<U7")
        split[known[first]] = "query"
        part = part._replace(split=split)
        if not valid_queries(part, same_camera=True).any():
            # one picture of each camera: half of the cameras ask for the others
            split[known] = "gallery"
            split[known[np.unique(part.person[known], return_index=True)[1]]] = "query"
            part = part._replace(split=split)
    same_camera = not valid_queries(part).any()
    if same_camera and not valid_queries(part, same_camera=True).any():
        return None
    rows = np.flatnonzero(np.isin(part.split, ("query", "gallery")))
    return records.take(part, rows), rows, same_camera
