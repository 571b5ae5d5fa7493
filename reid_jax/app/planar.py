"""Embeddings in the plane: what kind of data, and which camera, a picture is of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from reid_jax import distance
from reid_jax.app.page.blocks import POINTS, Chart, Series
from reid_jax.app.page.inks import QUERY, SEVERAL

MOST = 900  # points of a map: more take too long
STEPS = 500  # of t-SNE, the first 250 of them exaggerated
AXES = ("t-SNE, first axis (no unit)", "t-SNE, second axis (no unit)")
LEAST = 8  # points of a map
APART = 100_000_000  # between the persons of two kinds of data
CAMERAS = 7  # that have a colour of their own


class Part(NamedTuple):
    """Some pictures of one kind of data: its name, f32[n d], i32[n] and i32[n], -1 unknown."""

    name: str
    embedding: np.ndarray
    camera: np.ndarray
    person: np.ndarray


def chosen(count: int, parts: int) -> np.ndarray:
    """Random rows of `count`, as many as each of `parts` parts may have, in their order."""
    return np.sort(np.random.default_rng(0).permutation(count)[: MOST // max(1, parts)])


def charts(parts: Sequence[Part]) -> list[Chart]:
    """The map by kind of data, if there are several, and of each kind by camera, if it has several.

    Args:
        parts: with `chosen` pictures each.

    Returns:
        Charts over one map; none of fewer than `LEAST` pictures.
    """
    embedding = distance.unit(np.concatenate([one.embedding for one in parts]))
    if len(embedding) < LEAST:
        return []
    points, made = mapped(embedding), []
    kind = np.repeat(np.arange(len(parts)), [len(one.camera) for one in parts])
    person = np.concatenate([one.person for one in parts])
    if len(parts) > 1:
        own = np.where(person >= 1, person + APART * kind, -1)
        words = _mixed(embedding, own, kind, "kind of data")
        made.append(_chart("By kind of data", points, kind, [one.name for one in parts], words))
    for number, one in enumerate(parts):
        rows = np.flatnonzero(kind == number)[one.camera >= 0]
        camera = one.camera[one.camera >= 0]
        known, size = np.unique(camera, return_counts=True)
        if len(known) > 1:
            several = known[np.argsort(-size, kind="stable")]
            place = np.array([min(CAMERAS, several.tolist().index(which)) for which in camera])
            names = [f"camera {which}" for which in several[:CAMERAS]]
            names += [f"{len(several) - CAMERAS} others"] if len(several) > CAMERAS else []
            words = _mixed(embedding[rows], person[rows], camera, "camera")
            made.append(
                _chart(f"{one.name.capitalize()}, by camera", points[rows], place, names, words)
            )
    return made


def _chart(
    title: str, points: np.ndarray, kind: np.ndarray, names: Sequence[str], words: str
) -> Chart:
    """Points by kind i[n], each kind in an ink and a shape of its own; those beyond are gray."""
    inks = (*SEVERAL[:CAMERAS], QUERY)
    series = []
    for k, name in enumerate(names):
        x, y = points[kind == k].T
        ink, named = inks[k % len(inks)], f"{name} ({len(x):,})"
        series.append(Series(named, x, y, ink, POINTS, other=k % 3))
    text = f"A point is a picture; near points have near embeddings. {words}"
    return Chart(title, text, *AXES, series, bare=True)


def _mixed(embedding: np.ndarray, person: np.ndarray, kind: np.ndarray, word: str) -> str:
    """How many nearest neighbours of another person are of the same kind, and how many by chance.

    Args:
        embedding: f32[n d], of length one.
        person: i[n], below 1 where unknown; then the nearest picture of any person counts.
        kind: i[n].
        word: for the kind.
    """
    near = embedding @ embedding.T
    np.fill_diagonal(near, -np.inf)
    near[(person[:, None] == person) & (person >= 1)[:, None]] = -np.inf
    there = np.isfinite(near).any(1)
    if not there.any():
        return ""
    same = np.mean(kind[near[there].argmax(1)] == kind[there])
    chance = np.square(np.unique(kind, return_counts=True)[1] / len(kind)).sum()
    return (
        f"Of the pictures nearest in the embedding that show another person (or an unknown one), "
        f"{same:.0%} are of the same {word}; by chance it would be {chance:.0%}. The "
        f"nearer these are, the less the network looks at the {word}."
    )


def mapped(embedding: np.ndarray) -> np.ndarray:
    """Embeddings f32[n d] of length one in the plane, f32[n 2], by scikit-learn's t-SNE.

    By one thread: at this size several wait for each other longer than they compute.
    """
    from sklearn.manifold import TSNE

    if np.ptp(embedding, axis=0).max() < 1e-6:  # the network tells nothing apart
        return np.zeros((len(embedding), 2), np.float32)
    perplexity = min(30, len(embedding) / 4)
    planar = TSNE(init="pca", perplexity=perplexity, random_state=0, max_iter=STEPS)
    with threadpool_limits(1):
        return planar.fit_transform(embedding)
