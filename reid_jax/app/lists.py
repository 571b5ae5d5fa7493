"""Ranked lists of a test as sheets: from the best query to the worst, and the worst ones."""

from typing import NamedTuple

import numpy as np

from reid_jax.app.page.blocks import Row, Sheet
from reid_jax.app.page.inks import QUERY, RIGHT, WRONG
from reid_jax.app.sheets import FRAMES, tile
from reid_jax.retrieval import ranking
from reid_jax.types import Records


class Tested(NamedTuple):
    """A test and its result.

    Attributes:
        test: query and gallery.
        embedding: f32[n d], of every row of `test`.
        result: of its ranking.
        metric: cosine or euclidean.
        same_camera: matches within one camera count.
        name: of the data.
    """

    test: Records
    embedding: np.ndarray
    result: ranking.Ranking
    metric: str
    same_camera: bool
    name: str


def ranked(tested: Tested, *, queries: int = 8, across: int = 10) -> Sheet:
    """A query in each row, then its nearest; from the best average precision to the worst.

    Args:
        tested: the test.
        queries: rows of the sheet.
        across: gallery pictures in a row, at most.
    """
    chosen = _from_best(tested)
    valid = len(chosen)
    chosen = chosen[np.unique(np.linspace(0, valid - 1, queries).astype(int))]
    text = f"{_reading(tested)} Rows from the best of {valid:,} queries to the worst, by average "
    text += "precision (AP). What do the wrong ones have in common, clothes, pose or background?"
    return Sheet(f"Ranked lists: `{tested.name}`", text, _rows(tested, chosen, across), told=True)


def worst(tested: Tested, *, queries: int = 8, across: int = 10) -> Sheet:
    """The queries of the least average precision; arguments as of `ranked`."""
    chosen = _from_best(tested)[::-1][:queries]
    text = f"{_reading(tested)} The {len(chosen)} queries of the least average precision (AP). A "
    text += "wrong name or a bad crop in the data shows here too."
    return Sheet(f"Worst queries: `{tested.name}`", text, _rows(tested, chosen, across), told=True)


def _from_best(tested: Tested) -> np.ndarray:
    """The valid queries, by number, from the best average precision to the worst."""
    ap = tested.result.ap
    valid = np.flatnonzero(~np.isnan(ap))
    return valid[np.argsort(-ap[valid], kind="stable")]


def _reading(tested: Tested) -> str:
    """How the rows are to be read."""
    score = "cosine" if tested.metric == "cosine" else "Euclidean distance"
    return (
        f"Left: the query ({QUERY.word} frame). Then the gallery, nearest first, with the {score}: "
        f"{FRAMES}."
    )


def _rows(tested: Tested, chosen: np.ndarray, across: int) -> list[Row]:
    """The lists of some queries."""
    test, embedding, result = tested[:3]
    query, gallery = np.flatnonzero(test.split == "query"), np.flatnonzero(test.split == "gallery")
    near = ranking.order(
        embedding[query[chosen]],
        embedding[gallery],
        across,
        query_person=test.person[query[chosen]],
        gallery_person=test.person[gallery],
        query_camera=test.camera[query[chosen]],
        gallery_camera=test.camera[gallery],
        metric=tested.metric,
        same_camera=tested.same_camera,
    )
    rows = []
    for place, number in enumerate(chosen):
        person = test.person[query[number]]
        tiles = [tile(test, query[number], QUERY, alt="query")]
        for rank, column in enumerate(near[place][near[place] >= 0], 1):
            row = gallery[column]
            right = test.person[row] == person
            score = f"{_score(embedding[query[number]], embedding[row], tested.metric):.2f}"
            alt = f"{rank}: {'right' if right else 'wrong'}, {score}"
            tiles.append(tile(test, row, RIGHT if right else WRONG, score, alt=alt))
        told = f"person {person}\nAP {100 * result.ap[number]:.0f}%\n"
        rows.append(Row(f"{told}first right: {result.first[number]:,}", tiles))
    return rows


def _score(a: np.ndarray, b: np.ndarray, metric: str) -> float:
    """The cosine, or the Euclidean distance, of two embeddings."""
    if metric == "cosine":
        return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))
    return float(np.linalg.norm(a - b))
