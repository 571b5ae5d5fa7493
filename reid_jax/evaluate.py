"""Embeds query and gallery on all devices, and ranks."""

from collections.abc import Callable, Iterator

import numpy as np

from reid_jax import parallel
from reid_jax.data import batch as batching
from reid_jax.retrieval import frames, operating, point, ranking, rerank
from reid_jax.retrieval.distances import DistanceCounts, count_distances
from reid_jax.types import Input, Records, Variables

RANKS = (1, 5, 10)
RERANKED = "reranked_"  # begins the names of figures after re-ranking


def embed_rows(
    embed: parallel.Embed,
    variables: Variables,
    records: Records,
    rows: np.ndarray,
    *,
    input: Input,
    batch: int = 64,
    workers: int = 0,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Embed rows of a data set; every process gets all of them.

    Args:
        embed: from `parallel.build_embed`.
        variables: the encoder's, replicated.
        records: the data set.
        rows: i[k], which of its rows.
        input: the pictures that the encoder takes, its `Model.input`.
        batch: pictures that a process embeds at once; rounded up to a multiple of its devices.
        workers: processes that decode; 0: threads of this one.
        watch: called with (pictures done, pictures in all).

    Returns:
        f32[k d], in the order of `rows`.
    """
    done, parts, batch = 0, [], parallel.whole(batch)
    stream = batching.pictures(
        records, rows, input=input, batch=batch, share=parallel.share(), workers=workers
    )
    for image in stream:
        parts.append(embed(variables, image))
        done = min(done + len(parts[-1]), len(rows))
        watch(done, len(rows))
    return np.concatenate(parts)[: len(rows)] if parts else np.zeros((0, 0), np.float32)


def rank_records(
    embedding: np.ndarray,
    records: Records,
    *,
    metric: str,
    same_camera: bool = False,
    reranked: bool = False,
) -> ranking.Ranking:
    """Rank the gallery rows of `records` for its query rows; embedding f32[n d] has all rows.

    With several processes, all must call it together. `reranked` ranks by `retrieval.rerank`.
    """
    both = _sides(embedding, records)
    rank = rerank.rank if reranked else ranking.rank
    return rank(*both.pop("rows"), **both, metric=metric, same_camera=same_camera)


def record_distances(
    embedding: np.ndarray, records: Records, *, same_camera: bool = False
) -> DistanceCounts:
    """Count the distances of query rows to gallery rows; embedding f32[n d] has all rows."""
    both = _sides(embedding, records)
    return count_distances(*both.pop("rows"), **both, same_camera=same_camera)


def operating_point(
    embedding: np.ndarray, records: Records, fmr: float, *, same_camera: bool = False
) -> point.Point:
    """The threshold of the cosine at a false match rate; embedding f32[n d] has all rows.

    From the pairs of query and gallery, or, where there is no query, from the pictures of each
    frame, without labels. With several processes, all must call it together.
    """
    if not (records.split == "query").any():
        columns = {name: getattr(records, name) for name in ("camera", "group", "frame", "shot")}
        return point.unlabelled(frames.count(embedding, **columns), fmr)
    return point.labelled(curves(embedding, records, same_camera=same_camera), fmr)


def curves(
    embedding: np.ndarray, records: Records, *, same_camera: bool = False
) -> operating.Curves:
    """Count the pairs of query and gallery by cosine; embedding f32[n d] has all rows."""
    both = _sides(embedding, records)
    return operating.curves(*both.pop("rows"), **both, same_camera=same_camera)


def _sides(embedding: np.ndarray, records: Records) -> dict:
    """Embeddings, persons and cameras of query and gallery."""
    sides = {name: records.split == name for name in ("query", "gallery")}
    columns = {
        f"{name}_{column}": getattr(records, column)[rows]
        for name, rows in sides.items()
        for column in ("person", "camera")
    }
    return {"rows": [embedding[rows] for rows in sides.values()], **columns}


def figures(result: ranking.Ranking) -> Iterator[tuple[str, float]]:
    """Yield the figures of a ranking by name: mAP in both definitions, mINP, rank-k; in [0, 1]."""
    yield "mAP", float(result.mean_ap)
    yield "mAP_trapezoid", float(result.mean_ap_trapezoid)
    yield "mINP", float(result.mean_inp)
    for k in RANKS:
        yield f"rank{k}", float(result.cmc[min(k, len(result.cmc)) - 1])
    yield "queries", float(result.queries)


def measured(
    embedding: np.ndarray,
    records: Records,
    *,
    metric: str = "cosine",
    same_camera: bool = False,
    reranked: bool = False,
    ranked: ranking.Ranking | None = None,
) -> Iterator[tuple[str, float]]:
    """Yield `figures` of the ranking, and the overlap of same and other persons' distances.

    With `reranked`, the figures after re-ranking follow, as "reranked_mAP" and so on. A ranking
    that is there already, `ranked`, is not made again.
    """
    if ranked is None:
        ranked = rank_records(embedding, records, metric=metric, same_camera=same_camera)
    yield from figures(ranked)
    yield "overlap", record_distances(embedding, records, same_camera=same_camera).overlap
    if reranked:
        after = rank_records(
            embedding, records, metric=metric, same_camera=same_camera, reranked=True
        )
        yield from ((RERANKED + name, value) for name, value in figures(after))


def run(
    embed: parallel.Embed,
    variables: Variables,
    records: Records,
    *,
    input: Input,
    batch: int = 64,
    metric: str = "cosine",
    same_camera: bool = False,
    workers: int = 0,
) -> Iterator[tuple[str, float]]:
    """Embed the query and gallery of `records` and yield (name, value), as `measured`."""
    rows = np.arange(len(records.person))
    embedding = embed_rows(
        embed, variables, records, rows, input=input, batch=batch, workers=workers
    )
    yield from measured(embedding, records, metric=metric, same_camera=same_camera)
