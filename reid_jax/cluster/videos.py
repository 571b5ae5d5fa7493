"""Pseudo labels inside each of many videos: what an epoch of ReMix is made of."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import logging
from jaxtyping import Int

from reid_jax.cluster import dbscan, jaccard, neighbours

METRICS = ("euclidean", "cosine", "jaccard")


class Labelled(NamedTuple):
    """The images that were given a label.

    rows:      i64[m], their numbers, video by video in the order of the draw.
    label:     i64[m], 0 to c - 1; no label is in two videos.
    embedding: f32[m d].
    videos:    i64[v], the videos that were drawn.
    outliers:  images of these videos that were given none.
    """

    rows: np.ndarray
    label: np.ndarray
    embedding: np.ndarray
    videos: np.ndarray
    outliers: int


def labels(
    video: Int[np.ndarray, "n"],
    embed: Callable[[np.ndarray], np.ndarray],
    images: int,
    *,
    rng: np.random.Generator,
    eps: float = 0.8,
    min_samples: int = 4,
    metric: str = "euclidean",
) -> Labelled:
    """Draw videos and cluster the images of each by DBSCAN, until `images` have a label.

    Paper: Mamedov et al., ReMix: Training Generalized Person Re-identification on a Mixture of Data, WACV 2025,
    Algorithm 2: eps 0.8; the limit is the batch size times the iterations of an epoch. The metric and min_samples are not
    told in the part of it that was at hand: by default the Euclidean distance between rows of length one, and 4. Nor is
    whether a video may be drawn twice in an epoch: here it may not. Outliers are dropped and do not count.

    Videos are embedded in runs that are all needed, whatever the outliers: none is embedded in vain, and there are few
    calls. The distances of one video are held at a time.

    Args:
        video: i[n] of each image; below 0: in no video, never drawn.
        embed: embeddings f32[k d] of the images i64[k], rows of length one if eps is to mean what it means in the paper.
        images: labelled images wanted; the last video is taken whole.
        rng: decides the order of the videos.
        eps: radius of the neighbourhood, inclusive, in the unit of the metric.
        min_samples: as in `dbscan.labels`.
        metric: one of METRICS. "cosine": 1 - the inner product of rows of length one; "jaccard": k-reciprocal, with
            k1 = 30 and k2 = 6 as ICE has it (its eps is 0.55).

    Returns:
        Labelled; with fewer images, and a warning, if all videos together have too few.

    Raises:
        ValueError: no video at all, an unknown metric, or what `embed` gives is not one finite row for each image.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
    order = np.argsort(video, kind="stable")
    names, start, size = np.unique(video[order], return_index=True, return_counts=True)
    names, start, size = names[names >= 0], start[names >= 0], size[names >= 0]
    if not len(names):
        raise ValueError("no image is in a video; give each image of a video that video's number")
    drawn = rng.permutation(len(names))
    rows, label, embedding = [], [], []
    done, labelled, found = 0, 0, 0
    while labelled < images and done < len(drawn):
        reach = np.cumsum(size[drawn[done:]])
        run = drawn[done : done + 1 + int(np.searchsorted(reach, images - labelled))]
        wanted = [order[start[v] : start[v] + size[v]] for v in run]
        vectors = neighbours.check("the embeddings of videos", embed(np.concatenate(wanted)))
        if len(vectors) != size[run].sum():
            raise ValueError(f"embed gave {len(vectors)} rows for {size[run].sum()} images")
        parts = np.split(vectors, np.cumsum(size[run])[:-1])
        own = [_cluster(part, eps, min_samples, metric) for part in parts]
        offset = found + np.cumsum([0] + [one.max() + 1 for one in own])
        found = offset[-1]
        own, offset = np.concatenate(own), np.repeat(offset[:-1], size[run])
        kept = own != dbscan.OUTLIER
        rows.append(np.concatenate(wanted)[kept])
        label.append((own + offset)[kept])
        embedding.append(vectors[kept])
        labelled += np.count_nonzero(kept)
        done += len(run)
    if labelled < images:
        logging.warning("All %d videos together gave %d labelled images of the %d wanted", len(names), labelled, images)
    joined = (part[0] if len(part) == 1 else np.concatenate(part) for part in (rows, label, embedding))
    return Labelled(*joined, names[drawn[:done]], int(size[drawn[:done]].sum()) - labelled)


def _cluster(rows: np.ndarray, eps: float, min_samples: int, metric: str) -> np.ndarray:
    if metric == "jaccard":
        graph = jaccard.distance(rows, reach=eps)
    else:
        eps = np.sqrt(2 * eps) if metric == "cosine" else eps  # |u - v|^2 = 2 (1 - u.v) of rows of length one
        graph = neighbours.within(rows, eps)
    return dbscan.labels(graph, eps=eps, min_samples=min_samples)
