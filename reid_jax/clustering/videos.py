"""Pseudo labels inside each of many videos, for an epoch of ReMix."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import logging
from jaxtyping import Int

from reid_jax.clustering import dbscan, jaccard, neighbours

METRICS = ("euclidean", "cosine", "jaccard")


class Labelled(NamedTuple):
    """The m images that got a label.

    Attributes:
        rows: i64[m], their row numbers, video by video in the order of the draw.
        label: i64[m], 0 to c - 1; no label occurs in two videos.
        embedding: f32[m d], the embeddings.
        videos: i64[v], the videos that were drawn.
        outliers: number of images of these videos without a label.
    """

    rows: np.ndarray
    label: np.ndarray
    embedding: np.ndarray
    videos: np.ndarray
    outliers: int


def label_videos(
    video: Int[np.ndarray, "n"],
    embed: Callable[[np.ndarray], np.ndarray],
    images: int,
    *,
    rng: np.random.Generator,
    eps: float = 0.8,
    min_samples: int = 4,
    metric: str = "euclidean",
) -> Labelled:
    """Draw videos and cluster the images of each by DBSCAN, until `images` images have a label.

    Outliers are dropped and do not count. Videos are embedded in as few calls as possible, and
    only videos that are needed in any case. Only the distances of one video are held at a time.

    Args:
        video: i[n], the video of each image; an image below 0 is in no video and never drawn.
        embed: i64[k] row numbers -> f32[k d] embeddings; of length one if eps is to mean what it
            means in the paper.
        images: labelled images wanted; the last video is used as a whole.
        rng: determines the order of the videos.
        eps: radius of the neighbourhood, inclusive, in the unit of the metric.
        min_samples: as in `dbscan.dbscan`.
        metric: one of METRICS. "cosine" is 1 - the inner product of rows of length one; "jaccard"
            is k-reciprocal, with k1 = 30 and k2 = 6 as in ICE (whose eps is 0.55).

    Returns:
        The labelled images; fewer than `images`, with a warning, if all videos have too few.

    Raises:
        ValueError: no image is in a video, the metric is unknown, or `embed` does not return one
            finite row for each image.

    Reference:
        Mamedov et al., ReMix: Training Generalized Person Re-identification on a Mixture of Data,
        WACV 2025, Algorithm 2: eps 0.8; the limit is the batch size times the iterations of an
        epoch. The part that was available does not state the metric and min_samples: by default
        the Euclidean distance of rows of length one, and 4. Nor does it state whether a video may
        be drawn twice in an epoch: here it may not.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
    order = np.argsort(video, kind="stable")
    names, start, size = np.unique(video[order], return_index=True, return_counts=True)
    names, start, size = names[names >= 0], start[names >= 0], size[names >= 0]
    if not len(names):
        raise ValueError("no image is in a video; give each image of a video that video's number")
    drawn = rng.permutation(len(names))
    rows: list[np.ndarray] = []
    label: list[np.ndarray] = []
    embedding: list[np.ndarray] = []
    done, labelled, labels = 0, 0, 0  # videos; images with a label; labels
    while labelled < images and done < len(drawn):
        reach = np.cumsum(size[drawn[done:]])
        run = drawn[done : done + 1 + int(np.searchsorted(reach, images - labelled))]
        wanted = np.concatenate([order[start[v] : start[v] + size[v]] for v in run])
        vectors = neighbours.check("the embeddings of videos", embed(wanted))
        if len(vectors) != size[run].sum():
            raise ValueError(f"embed gave {len(vectors)} rows for {size[run].sum()} images")
        parts = np.split(vectors, np.cumsum(size[run])[:-1])
        own = [_cluster(part, eps, min_samples, metric) for part in parts]
        ends = labels + np.cumsum([0] + [one.max() + 1 for one in own])
        labels = int(ends[-1])
        together, offset = np.concatenate(own), np.repeat(ends[:-1], size[run])
        kept = together != dbscan.OUTLIER
        rows.append(wanted[kept])
        label.append((together + offset)[kept])
        embedding.append(vectors[kept])
        labelled += int(np.count_nonzero(kept))
        done += len(run)
    if labelled < images:
        logging.warning(
            "All %d videos together gave %d labelled images of the %d wanted",
            len(names),
            labelled,
            images,
        )
    outliers = int(size[drawn[:done]].sum()) - labelled
    videos = names[drawn[:done]]
    return Labelled(_joined(rows), _joined(label), _joined(embedding), videos, outliers)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """The parts as one array; a single part is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _cluster(rows: np.ndarray, eps: float, min_samples: int, metric: str) -> np.ndarray:
    if metric == "jaccard":
        graph = jaccard.distance(rows, reach=eps)
    else:
        # |u - v|^2 = 2 (1 - u.v) for rows of length one
        eps = np.sqrt(2 * eps) if metric == "cosine" else eps
        graph = neighbours.within(rows, eps)
    return dbscan.dbscan(graph, eps=eps, min_samples=min_samples)
