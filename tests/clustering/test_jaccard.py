"""The k-reciprocal Jaccard distance equals the formulas written with Python's sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_jax.clustering import jaccard, neighbours
from tests.clustering.drawn import coarse, filled, people


def _naive(rows, k1, k2, variant):
    """The dense distances by sets and dictionaries, in float64."""
    rows, n = rows.astype(np.float64), len(rows)
    squared = ((rows[:, None] - rows[None]) ** 2).sum(2)
    order = np.argsort(squared - np.eye(n), axis=1, kind="stable").tolist()
    if variant != "F":
        squared = squared / np.where(squared.max(1) > 0, squared.max(1), 1)[:, None]

    def near(i, k):
        return {j for j in order[i][:k] if i in order[j][:k]}

    full = k1 if variant == "F" else k1 + 1
    vectors = []
    for i in range(n):
        first = near(i, full)
        members = set(first)
        for q in first:
            half = near(q, int(np.around(k1 / 2)) + 1)
            if len(half & first) > 2 / 3 * len(half):
                members |= half
        total = sum(np.exp(-squared[i, j]) for j in members)
        vectors.append({j: np.exp(-squared[i, j]) / total for j in members})
    means = []
    for i in range(n):
        mean = {}
        for q in order[i][:k2]:
            for j, weight in vectors[q].items():
                mean[j] = mean.get(j, 0) + weight / min(k2, n)
        means.append(mean)
    shared = np.array(
        [[sum(min(v, b[j]) for j, v in a.items() if j in b) for b in means] for a in means]
    )
    return np.maximum(1 - shared / (2 - shared), 0)


@pytest.mark.parametrize("variant", sorted(jaccard.VARIANTS))
@pytest.mark.parametrize(("k1", "k2"), [(30, 6), (20, 6), (20, 1), (5, 3), (2, 1), (1, 1)])
def test_sets(variant, k1, k2):
    rows = people(120)[0]
    mine = jaccard.distance(rows, k1=k1, k2=k2, variant=variant)
    np.testing.assert_allclose(filled(mine), _naive(rows, k1, k2, variant), atol=2e-6)
    assert mine.dtype == np.float32 and mine.has_sorted_indices and mine.data.max() < 1


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 40),
    st.integers(1, 45),
    st.integers(1, 8),
    st.sampled_from("FMZ"),
    st.integers(0, 10**6),
)
def test_sets_on_embeddings_full_of_ties(count, k1, k2, variant, seed):
    rows = coarse(count, seed=seed)
    mine = jaccard.distance(rows, k1=k1, k2=k2, variant=variant)
    np.testing.assert_allclose(filled(mine), _naive(rows, k1, k2, variant), atol=5e-6)


def test_how_many_neighbours_are_needed():
    cases = [(30, 6, "F"), (30, 6, "M"), (1, 1, "F"), (3, 1, "F"), (2, 9, "F"), (200, 6, "F")]
    widths = [jaccard.width(100, k1=k1, k2=k2, variant=variant) for k1, k2, variant in cases]
    assert widths == [30, 31, 1, 3, 9, 100]


def test_weights_that_vanish():
    """exp(-D) is 0 in float32 for all but the row itself: no pair is counted twice or lost."""
    rows = 30 * coarse(40, levels=4)
    np.testing.assert_allclose(filled(jaccard.distance(rows)), _naive(rows, 30, 6, "F"), atol=5e-6)
    # The overlap of some pairs vanishes in float32: their distance 1 is not stored.
    assert jaccard.distance(4 * people(120)[0]).data.max() < 1


def test_the_variants_differ():
    rows = people(150)[0]
    one, other = (filled(jaccard.distance(rows, k1=20, variant=variant)) for variant in "FZ")
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_array_equal(other, filled(jaccard.distance(rows, k1=20, variant="M")))


def test_symmetric_to_the_last_bit_and_near_itself():
    square = filled(jaccard.distance(people(400)[0]))
    np.testing.assert_array_equal(square, square.T)
    assert square.diagonal().max() < 1e-6


def test_reach_leaves_out_what_is_farther_and_is_inclusive():
    rows = people(300)[0]
    whole = jaccard.distance(rows)
    reach = float(np.sort(whole.data)[whole.nnz // 2])
    part = jaccard.distance(rows, reach=reach)
    want = filled(whole)
    np.testing.assert_array_equal(filled(part), np.where(want <= reach, want, 1))
    assert (part.data == np.float32(reach)).any()


def test_the_result_of_an_earlier_search():
    rows = people(200)[0]
    for variant in "FZ":
        near = neighbours.sweep(
            rows, jaccard.width(200, variant=variant) + 5, farthest=variant == "Z"
        )
        mine = jaccard.distance(rows, variant=variant, near=near)
        np.testing.assert_array_equal(filled(mine), filled(jaccard.distance(rows, variant=variant)))
    with pytest.raises(ValueError, match="near holds 3 neighbours of 200 rows, expected 30 of 200"):
        jaccard.distance(rows, near=neighbours.sweep(rows, 3))
    with pytest.raises(ValueError, match="the farthest, which variant Z"):
        jaccard.distance(rows, variant="Z", near=neighbours.sweep(rows, 31))


def test_no_rows_one_and_all_identical():
    assert jaccard.distance(np.zeros((0, 8))).shape == (0, 0)
    assert filled(jaccard.distance(np.ones((1, 8)))).tolist() == [[0]]
    for variant in "FMZ":
        assert filled(jaccard.distance(np.ones((9, 8)), variant=variant)).max() < 1e-6
    many = filled(jaccard.distance(np.ones((200, 8)), k1=5, k2=1))
    np.testing.assert_allclose(many, _naive(np.ones((200, 8)), 5, 1, "F"), atol=2e-6)


def test_wrong_arguments_raise():
    rows = people(20)[0]
    with pytest.raises(ValueError, match="variant is 'X', expected one of F, M, Z"):
        jaccard.distance(rows, variant="X")
    for wrong in ({"k1": 0}, {"k2": 0}):
        with pytest.raises(ValueError, match="both count neighbours, from 1"):
            jaccard.distance(rows, **wrong)
    rows[3, 3] = np.nan
    with pytest.raises(ValueError, match="rows 3;"):
        jaccard.distance(rows)


def test_source_term():
    rows, source = people(60)[0], people(80, seed=1)[0]
    squared = ((rows[:, None].astype(np.float64) - source[None]) ** 2).sum(2)
    want = 1 - np.exp(-squared.min(1))
    np.testing.assert_allclose(jaccard.source_term(rows, source), want / want.max(), rtol=1e-5)
    np.testing.assert_array_equal(jaccard.source_term(rows, rows), 0)
    distances = jaccard.distance(rows)
    term = jaccard.source_term(rows, source)
    mixed = filled(jaccard.add_source(distances, term, 0.1), np.nan)
    want = 0.9 * filled(distances, np.nan) + 0.1 * (term[:, None] + term)
    np.testing.assert_allclose(mixed, want, atol=1e-6)
    np.testing.assert_allclose(mixed.diagonal(), 0.2 * term, atol=1e-6)
    np.testing.assert_array_equal(
        filled(jaccard.add_source(distances, term, 0.0)), filled(distances)
    )
    with pytest.raises(ValueError, match="weight 2"):
        jaccard.add_source(distances, term, 2)
    with pytest.raises(ValueError, match="a term of 3 rows"):
        jaccard.add_source(distances, term[:3])
