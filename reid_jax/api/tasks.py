"""What embeddings are for: comparing, searching, ranking, measuring, labelling."""

from os import PathLike

import numpy as np
from absl import logging
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reid_jax import distance, evaluate
from reid_jax.api.encoder import Encoder, Progress
from reid_jax.api.loading import load
from reid_jax.api.pictures import Picture
from reid_jax.clustering import approximate, refine
from reid_jax.data import copies
from reid_jax.data import records as columns
from reid_jax.data.check import check_test
from reid_jax.retrieval import ranking
from reid_jax.retrieval.point import Point
from reid_jax.types import Records


def compare(a: Picture, b: Picture, *, encoder: Encoder | str | PathLike | None = None) -> float:
    """Compute the cosine of two pictures, in [-1, 1]; near 1 for one person.

    Args:
        a: a picture, as `Encoder` takes it.
        b: another.
        encoder: an encoder, or what `load` reads one from (each time).

    Raises:
        ValueError: there is no encoder, or `a` or `b` is several pictures; and as of a call of it.

    Example:
        >>> import reid_jax
        >>> same = reid_jax.compare("a.jpg", "a.jpg", encoder="runs/market")
        >>> abs(same - 1) < 1e-5
        True
    """
    if encoder is None:
        raise ValueError(
            "compare needs a trained encoder: compare(a, b, encoder=reid_jax.load('runs/market'))"
        )
    return (encoder if isinstance(encoder, Encoder) else load(encoder)).compare(a, b)


def nearest(
    query: Float[np.ndarray, "n d"], gallery: Float[np.ndarray, "m d"], k: int = 10
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Find the gallery rows that are most like each query.

    Args:
        query: f32[n d], embeddings.
        gallery: f32[m d], embeddings.
        k: rows for each query; at most m are found.

    Returns:
        (i64[n k], gallery rows from the most like on; f32[n k], their cosines).

    Raises:
        ValueError: the shapes do not fit together, or k is below 1.

    Example:
        >>> import numpy as np, reid_jax
        >>> gallery = np.eye(3, dtype=np.float32)
        >>> row, cosine = reid_jax.nearest(gallery[1:2], gallery, k=2)
        >>> row.tolist(), cosine.tolist()
        ([[1, 0]], [[1.0, 0.0]])
    """
    query, gallery = _matrix("query", query), _matrix("gallery", gallery)
    rows = ranking.order(
        query,
        gallery,
        min(k, max(1, len(gallery))),
        query_person=np.full(len(query), -1),
        gallery_person=np.zeros(len(gallery), int),
        query_camera=np.full(len(query), -1),
        gallery_camera=np.full(len(gallery), -1),
    )
    query, gallery = distance.unit(query), distance.unit(gallery)
    cosine = np.stack([gallery[some] @ one for some, one in zip(rows, query, strict=True)])
    return rows, cosine.astype(np.float32)


def rank(
    query: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    query_person: ArrayLike,
    gallery_person: ArrayLike,
    query_camera: ArrayLike | None = None,
    gallery_camera: ArrayLike | None = None,
    metric: str = "cosine",
    same_camera: bool = False,
) -> ranking.Ranking:
    """Rank the gallery for every query and compute CMC, mAP and mINP by the rule of Market-1501.

    Args:
        query: f32[n d], embeddings.
        gallery: f32[m d], embeddings.
        query_person: i[n], persons from 1 on; -1: unknown, the query does not count.
        gallery_person: i[m]; 0: a distractor, -1: unknown, the row is in no list.
        query_camera: i[n]; without it all are unknown, and every match counts.
        gallery_camera: i[m].
        metric: "cosine" or "euclidean".
        same_camera: count matches by the query's own camera too.

    Returns:
        `Ranking`: cmc (cmc[0] is rank-1), mean_ap, mean_inp, figures of each query.

    Raises:
        ValueError: the shapes do not fit together, the metric is unknown, or no query has a match.

    Example:
        >>> import numpy as np, reid_jax
        >>> embedding, person = np.eye(3, dtype=np.float32), [1, 2, 3]
        >>> found = reid_jax.rank(embedding, embedding, query_person=person, gallery_person=person)
        >>> found.mean_ap, found.cmc[0].item()
        (1.0, 1.0)
    """
    query, gallery = _matrix("query", query), _matrix("gallery", gallery)

    def numbers(values: ArrayLike | None, n: int) -> np.ndarray:
        return np.full(n, -1) if values is None else np.asarray(values)

    return ranking.rank(
        query,
        gallery,
        query_person=np.asarray(query_person),
        gallery_person=np.asarray(gallery_person),
        query_camera=numbers(query_camera, len(query)),
        gallery_camera=numbers(gallery_camera, len(gallery)),
        metric=metric,
        same_camera=same_camera,
    )


def measure(
    encoder: Encoder,
    records: Records,
    *,
    same_camera: bool = False,
    flip: bool = False,
    rerank: bool = False,
    progress: Progress = None,
) -> dict[str, float]:
    """Test an encoder on the query and gallery pictures of a data set, by cosine.

    Queries that are in the gallery too, the very same picture, are counted in a warning.

    Args:
        encoder: it.
        records: rows of the splits "query" and "gallery" are used.
        same_camera: count matches by the query's own camera too.
        flip: add the embedding of the mirrored picture.
        rerank: rank by k-reciprocal neighbours as well, beside the plain ranking.
        progress: as of a call of the encoder.

    Returns:
        mAP, mAP_trapezoid, mINP, rank1, rank5, rank10 and overlap in [0, 1], and queries; with
        `rerank` also reranked_mAP and so on.

    Raises:
        ValueError: there is no query with a match; and as of a call of the encoder.

    Example:
        >>> import reid_jax
        >>> encoder = reid_jax.load("runs/market")
        >>> street = reid_jax.synthetic.query_gallery(persons=4, cameras=2, distractors=0)
        >>> 0 < reid_jax.measure(encoder, street)["mAP"] <= 1
        True
    """
    test = columns.where(records, "query", "gallery")
    check_test(test, same_camera=same_camera)
    for line in copies.told(None, test, same_camera=same_camera):
        logging.warning("%s", line.removeprefix("warning: "))
    embedding = encoder(test, flip=flip, progress=progress)
    return dict(evaluate.measured(embedding, test, same_camera=same_camera, reranked=rerank))


def threshold(
    encoder: Encoder,
    records: Records,
    fmr: float = 0.001,
    *,
    same_camera: bool = False,
    progress: Progress = None,
) -> Point:
    """Find the cosine from which on two pictures show one person, at a false match rate.

    By the pairs of query and gallery pictures; or, where no picture is a query, without labels: the
    people of one frame are different persons.

    Args:
        encoder: it.
        records: query and gallery, or pictures of videos with their frames.
        fmr: the share of pairs of different persons that may reach the threshold.
        same_camera: count pairs of a person by one camera too.
        progress: as of a call of the encoder.

    Returns:
        The point: threshold with the bounds of its 95% interval, tpr, eer, identified; its
        `chance(cosine)` is the probability of one person. `encoder.point = point` keeps it when
        the encoder is saved.

    Raises:
        ValueError: pairs are too few for the rate, or there are none; and as of a call of the
            encoder.

    Example:
        >>> import reid_jax
        >>> encoder = reid_jax.load("runs/market")
        >>> street = reid_jax.synthetic.query_gallery(persons=8, cameras=3, distractors=9)
        >>> point = reid_jax.threshold(encoder, street, fmr=0.05)
        >>> point.low <= point.threshold <= point.high
        True
    """
    if (records.split == "query").any():
        records = columns.where(records, "query", "gallery")
    embedding = encoder(records, progress=progress)
    return evaluate.operating_point(embedding, records, fmr, same_camera=same_camera)


def cluster(
    embedding: Float[np.ndarray, "n d"],
    *,
    eps: float = 0.6,
    min_samples: int = 4,
    k1: int = 30,
    k2: int = 6,
    least: int = 2,
) -> Int[np.ndarray, "n"]:
    """Give pictures of one person one label: DBSCAN on the k-reciprocal Jaccard distance.

    Args:
        embedding: f32[n d].
        eps: radius of DBSCAN, above 0 and below 1; less keeps people apart.
        min_samples: pictures within eps that make a core, itself counted.
        k1: neighbours of the distance; not much more than the pictures of a person.
        k2: neighbours that it averages over.
        least: pictures of a label, at least.

    Returns:
        i32[n], labels from 0 on; -1 where there is none.

    Raises:
        ValueError: an option is out of range, or an embedding is NaN or infinite.

    Example:
        >>> import numpy as np, reid_jax
        >>> person = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
        >>> reid_jax.cluster(person, k1=5, k2=2).tolist()[:6]
        [0, 0, 0, 0, 0, 1]
    """
    if not 0 < eps < 1:
        raise ValueError(f"eps={eps}; the Jaccard distance runs from 0 to 1, choose between")
    rows = _matrix("embedding", embedding)
    if not len(rows):
        return np.zeros(0, np.int32)
    labels, _ = approximate.cluster(
        distance.unit(rows), eps=eps, min_samples=min_samples, k1=k1, k2=k2
    )
    return refine.refine(labels, least=least, most=None).astype(np.int32)


def _matrix(name: str, embedding: ArrayLike) -> np.ndarray:
    rows = np.asarray(embedding, np.float32)
    if rows.ndim != 2:
        raise ValueError(f"{name} is {list(rows.shape)}; give embeddings [n d], a row each")
    return rows
