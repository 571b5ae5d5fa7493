"""DBSCAN equals scikit-learn's, label by label; the eps rule equals sorting all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.cluster import DBSCAN

from reid_jax.clustering import dbscan, jaccard, neighbours
from tests.clustering.drawn import coarse, filled, people


def _theirs(distance, eps, min_samples):
    return DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(distance).labels_


def _sparse(square, keep):
    """The entries to keep, including zeros, as a CSR matrix."""
    rows, columns = np.nonzero(keep)
    return sparse.csr_array((square[keep], (rows, columns)), shape=square.shape)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.sampled_from([1, 2, 3, 5]),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 10**6),
)
def test_equal_to_scikit_learn(count, min_samples, eps, symmetric, kind, seed):
    """Few levels give many distances equal to eps or 0, and many border rows of two clusters."""
    rng = np.random.default_rng(seed)
    square = rng.integers(0, 9, (count, count)).astype(kind)
    square = np.minimum(square, square.T) if symmetric else square
    if seed % 2:
        np.fill_diagonal(square, 0)
    want = _theirs(square, eps, min_samples)
    np.testing.assert_array_equal(dbscan.dbscan(square, eps=eps, min_samples=min_samples), want)
    graph = _sparse(square, (square <= 6) | np.eye(count, dtype=bool))
    np.testing.assert_array_equal(dbscan.dbscan(graph, eps=eps, min_samples=min_samples), want)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 60),
    st.integers(0, 10**6),
    st.sampled_from([0.58, 0.6, 0.62, 0.7]),
    st.integers(1, 6),
)
def test_equal_on_jaccard_distances(count, seed, eps, min_samples):
    graph = jaccard.distance(coarse(count, seed=seed), k1=8, k2=2)
    want = _theirs(filled(graph), eps, min_samples)
    np.testing.assert_array_equal(dbscan.dbscan(graph, eps=eps, min_samples=min_samples), want)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 60),
    st.integers(0, 10**6),
    st.sampled_from([1.0, 2**0.5, 2.0]),
    st.integers(1, 6),
)
def test_equal_on_euclidean_distances_through_the_radius_graph(count, seed, eps, min_samples):
    rows = coarse(count, seed=seed)
    want = DBSCAN(eps=eps, min_samples=min_samples).fit(rows.astype(np.float64)).labels_
    graph = neighbours.within(rows, eps)
    np.testing.assert_array_equal(dbscan.dbscan(graph, eps=eps, min_samples=min_samples), want)


def test_several_eps_are_each_as_if_alone():
    graph = jaccard.distance(people(500)[0])
    together = dbscan.dbscan(graph, eps=[0.5, 0.62, 0.55])
    assert together.shape == (3, 500)
    for labels, eps in zip(together, (0.5, 0.62, 0.55), strict=True):
        np.testing.assert_array_equal(labels, dbscan.dbscan(graph, eps=eps))
    assert (together[1] >= 0).sum() > (together[0] >= 0).sum() > 0


def test_eps_counts_and_the_row_itself_counts():
    line = np.abs(np.arange(4.0)[:, None] - np.arange(4.0))
    assert dbscan.dbscan(line, eps=1.0, min_samples=3).tolist() == [0, 0, 0, 0]
    assert dbscan.dbscan(line, eps=0.999, min_samples=2).tolist() == [-1] * 4
    assert dbscan.dbscan(sparse.csr_array((3, 3)), eps=1.0, min_samples=1).tolist() == [0, 1, 2]


def test_a_border_row_joins_the_first_cluster():
    """Row 0 is within eps of a core of each of two clusters, and is no core itself."""
    square = np.full((7, 7), 9.0)
    np.fill_diagonal(square, 0)
    for i, j in ((0, 1), (0, 4), (1, 2), (1, 3), (4, 5), (4, 6)):
        square[i, j] = square[j, i] = 1
    assert dbscan.dbscan(square, eps=1, min_samples=4).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_all_noise_one_label_and_no_rows():
    apart = sparse.csr_array((5, 5))
    assert dbscan.dbscan(apart, eps=0.5).tolist() == [-1] * 5
    assert dbscan.dbscan(jaccard.distance(np.ones((6, 3))), eps=0.5).tolist() == [0] * 6
    assert dbscan.dbscan(sparse.csr_array((0, 0)), eps=0.5).shape == (0,)
    assert dbscan.dbscan(sparse.csr_array((0, 0)), eps=[0.5, 0.6]).shape == (2, 0)


def test_wrong_arguments_raise():
    graph = jaccard.distance(people(20)[0])
    for wrong in (
        {"eps": 0.0},
        {"eps": [0.5, -1]},
        {"eps": np.nan},
        {"eps": 0.5, "min_samples": 0},
    ):
        with pytest.raises(ValueError, match="expected eps above 0 and min_samples from 1"):
            dbscan.dbscan(graph, **wrong)
    with pytest.raises(ValueError, match=r"distances are \[3, 4\]"):
        dbscan.dbscan(np.zeros((3, 4)), eps=1)
    square = np.ones((4, 4))
    for bad in (np.nan, -1.0):
        square[2, 1] = bad
        with pytest.raises(
            ValueError,
            match=f"1 distances are NaN or below 0, the first, {bad}, between rows 2 and 1",
        ):
            dbscan.dbscan(square, eps=1)


def _sorted_rule(square, rho):
    pairs = square[np.triu_indices(len(square), 1)]
    pairs = np.sort(pairs[pairs != 0])
    return pairs[: round(rho * len(pairs))].mean()


@pytest.mark.parametrize("rho", [1.6e-3, 0.02, 0.3, 1.0])
def test_radius_is_the_mean_of_the_nearest_pairs(rho):
    graph = jaccard.distance(people(300)[0], k1=10)
    np.testing.assert_allclose(
        dbscan.radius(graph, rho=rho),
        _sorted_rule(filled(graph).astype(np.float64), rho),
        rtol=1e-6,
    )


@pytest.mark.parametrize("rho", [1.6e-3, 0.02, 0.1, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("term", ["drawn", "alike", "few"])
def test_radius_with_the_source_term_is_that_of_all_pairs(rho, term):
    """Theory's distance of pairs that share no neighbour is from 0.9 to 1.1.

    Distances of pairs that do share a neighbour lie on both sides of that.
    """
    graph = jaccard.distance(people(300)[0], k1=10)
    term = {
        "drawn": np.random.default_rng(0).uniform(0, 1, 300),
        "alike": np.ones(300),
        "few": np.where(np.arange(300) < 5, 0.0, 1.0),
    }[term].astype(np.float32)
    dense = 0.9 * filled(graph).astype(np.float64) + 0.1 * (term[:, None] + term[None])
    eps = dbscan.radius(jaccard.add_source(graph, term), rho=rho, missing=0.45 + 0.1 * term)
    np.testing.assert_allclose(eps, _sorted_rule(dense, rho), rtol=1e-6)


def test_radius_of_pairs_that_are_mostly_missing():
    half = np.random.default_rng(1).uniform(0.1, 1, 30)
    dense = half[:, None] + half[None]
    for rho in (0.01, 0.4, 1.0):
        eps = dbscan.radius(sparse.csr_array((30, 30)), rho=rho, missing=half)
        np.testing.assert_allclose(eps, _sorted_rule(dense, rho), rtol=1e-9)


def test_radius_as_far_as_the_farthest_raises():
    graph = jaccard.distance(people(300)[0], k1=10)
    eps = dbscan.radius(graph, rho=0.02)
    assert 0 < eps < 1
    assert dbscan.radius(graph, rho=0.02, farthest=np.nextafter(eps, 1)) == eps
    for farthest in (eps, eps / 2):
        text = f"eps is {eps:.3f}, as far as images that share no neighbour; choose a smaller rho"
        with pytest.raises(ValueError, match=text):
            dbscan.radius(graph, rho=0.02, farthest=farthest)
    assert dbscan.radius(sparse.csr_array((4, 4)), rho=1.0) == 1
    with pytest.raises(ValueError, match=r"eps is 1\.000, as far as"):
        dbscan.radius(sparse.csr_array((4, 4)), rho=1.0, farthest=1.0)


def test_radius_leaves_out_exact_zeros():
    square = np.array([[0, 0, 1, 2], [0, 0, 3, 4], [1, 3, 0, 5], [2, 4, 5, 0]], np.float32)
    graph = _sparse(square, np.ones((4, 4), bool))
    assert dbscan.radius(graph, rho=0.4) == 1.5


def test_wrong_arguments_of_radius_raise():
    graph = jaccard.distance(people(300)[0], k1=10)
    with pytest.raises(ValueError, match="rho is 0"):
        dbscan.radius(graph, rho=0)
    with pytest.raises(ValueError, match="is no pair"):
        dbscan.radius(jaccard.distance(people(10)[0]), rho=1e-3)
    with pytest.raises(ValueError, match="choose a smaller rho"):
        dbscan.radius(graph, rho=1.0, missing=None)
    with pytest.raises(ValueError, match="expected 300 numbers above 0"):
        dbscan.radius(graph, missing=np.zeros(300))
