"""Re-ranking against dense loops over sets, and against what the published code computed."""

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.retrieval import counting, ranking, rerank
from tests.clustering.drawn import coarse
from tests.clustering.test_jaccard import _naive as jaccard
from tests.retrieval import drawn


def _dense(query, gallery, how):
    """f64[n m] by the formula, from dense distances among all rows."""
    every, n = np.concatenate([query, gallery]).astype(np.float64), len(query)
    squared = ((every[:, None] - every[None]) ** 2).sum(2)
    most = np.where(squared.max(1) > 0, squared.max(1), 1)[:, None]
    mixed = (1 - how.weight) * jaccard(every, how.k1, how.k2, "Z") + how.weight * squared / most
    return mixed[:n, n:]


@pytest.mark.parametrize("how", [
    rerank.How(), rerank.How(5, 3, 0.5), rerank.How(3, 1, 0.0), rerank.How(30, 6, 1.0)
])  # fmt: skip
def test_distances_are_those_of_the_formula(how):
    query, gallery, _ = drawn.official()
    query, gallery = query[:30], gallery[:130]
    got = rerank.distances(query, gallery, metric="euclidean", how=how)
    np.testing.assert_allclose(got, _dense(query, gallery, how), atol=1e-5)
    longer = 3 * query, np.arange(1, 131)[:, None].astype(np.float32) * gallery
    np.testing.assert_allclose(rerank.distances(*longer, how=how), got, atol=1e-5)


def test_distances_where_many_are_equal():
    rows = coarse(90)
    got = rerank.distances(rows[:20], rows[20:], metric="euclidean", how=rerank.How(8, 4))
    np.testing.assert_allclose(got, _dense(rows[:20], rows[20:], rerank.How(8, 4)), atol=1e-5)


def test_the_recorded_distances_and_figures_of_the_published_code():
    query, gallery, named = drawn.official()
    got = rerank.distances(query, gallery)
    np.testing.assert_allclose(got[::25, ::100], drawn.RERANKED, atol=1e-5)
    np.testing.assert_allclose(got.mean(), drawn.RERANKED_MEAN, atol=1e-5)
    ranked = rerank.rank(query, gallery, **named)
    np.testing.assert_allclose(ranked.mean_ap, drawn.RERANKED_MEAN_AP, atol=1e-5)
    np.testing.assert_allclose(ranked.cmc[[0, 4, 9, 49]], drawn.RERANKED_CMC, atol=1e-6)


def test_the_ranks_are_those_of_the_distances(monkeypatch):
    query, gallery, named = drawn.official()
    named["gallery_person"][::7] = -1
    line = rerank.distances(query, gallery)
    for rows in (4096, 9):  # in one block and in many
        monkeypatch.setattr(counting, "ROWS", rows)
        got = rerank.rank(query, gallery, **named)
        for q in range(len(query)):
            same = named["gallery_person"] == named["query_person"][q]
            kept = (named["gallery_person"] != -1) & ~(
                same & (named["gallery_camera"] == named["query_camera"][q])
            )
            ranks = 1 + np.flatnonzero(same[kept][np.argsort(line[q][kept], kind="stable")])
            assert (got.first[q], got.last[q]) == ((ranks[0], ranks[-1]) if len(ranks) else (0, 0))


def test_a_weight_of_one_is_the_plain_ranking():
    query, gallery, named = drawn.official()
    plain = ranking.rank(query, gallery, **named, metric="euclidean")
    got = rerank.rank(query, gallery, **named, metric="euclidean", how=rerank.How(weight=1.0))
    np.testing.assert_array_equal(got.first, plain.first)
    np.testing.assert_allclose(got.mean_ap, plain.mean_ap, atol=1e-6)


def test_refusals():
    query, gallery, named = drawn.official()
    with pytest.raises(ValueError, match="weight of the plain distance is 1.5"):
        rerank.rank(query, gallery, **named, how=rerank.How(weight=1.5))
    with pytest.raises(ValueError, match="k1 is 0"):
        rerank.rank(query, gallery, **named, how=rerank.How(k1=0))
    with pytest.raises(ValueError, match="embed both with one model"):
        rerank.rank(query[:, :3], gallery, **named)
    with pytest.raises(ValueError, match="no query has a match in the gallery: the gallery is"):
        rerank.rank(
            query, gallery[:0], **{k: v[: 0 if "gal" in k else 100] for k, v in named.items()}
        )


def test_annotations_hold():
    query, gallery, named = drawn.official()
    assert jaxtyped(typechecker=beartype)(rerank.rank)(query, gallery, **named).queries == 100
    assert jaxtyped(typechecker=beartype)(rerank.distances)(query, gallery).shape == (100, 500)
