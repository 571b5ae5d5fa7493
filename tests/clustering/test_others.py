"""k-means, HDBSCAN, refinement and centroids."""

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from reid_jax.clustering import hdbscan, jaccard, kmeans
from reid_jax.clustering.centroids import camera_centroids, centroids
from reid_jax.clustering.refine import across, refine, renumber, within
from tests.clustering.drawn import coarse, filled, people


def test_kmeans_finds_distant_clusters_and_is_repeatable():
    rows, person, _ = people(300, noise=0.1, bias=0.0)
    count = len(np.unique(person))
    labels = kmeans.kmeans(rows, count, seed=0, tries=5)
    assert adjusted_rand_score(person, labels) > 0.9 and set(labels) == set(range(count))
    np.testing.assert_array_equal(labels, kmeans.kmeans(rows, count, seed=0, tries=5))


def test_kmeans_edges():
    assert kmeans.kmeans(np.ones((5, 3)), 3, seed=0).tolist() == [0] * 5
    assert sorted(kmeans.kmeans(coarse(4, width=40), 4, seed=0)) == [0, 1, 2, 3]
    assert kmeans.kmeans(coarse(4, width=40), 1, seed=0).tolist() == [0] * 4
    for k in (0, 6):
        with pytest.raises(ValueError, match=f"k is {k} and there are 5 rows"):
            kmeans.kmeans(np.ones((5, 3)), k, seed=0)
    with pytest.raises(ValueError, match="rows 0;"):
        kmeans.kmeans(np.full((1, 3), np.nan), 1, seed=0)


@pytest.mark.parametrize(("size", "samples"), [(4, None), (5, 2), (3, 1), (10, 4)])
def test_hdbscan_has_the_dense_matrix_hierarchy(size, samples):
    rows, person, _ = people(400, noise=0.7)
    graph = jaccard.distance(rows, k1=10)
    square = filled(graph).astype(np.float64)
    np.fill_diagonal(square, 0)
    ours = HDBSCAN(min_cluster_size=size, min_samples=samples, metric="precomputed", copy=True)
    dense = HDBSCAN(
        min_cluster_size=size, min_samples=samples, metric="precomputed", copy=True
    ).fit(square)
    ours.fit(hdbscan._connected(graph, samples or size, 1.0))
    heights = (np.sort(one._single_linkage_tree_["value"]) for one in (ours, dense))
    np.testing.assert_allclose(*heights, atol=1e-9)
    labels = hdbscan.hdbscan(graph, min_cluster_size=size, min_samples=samples)
    np.testing.assert_array_equal(labels, ours.labels_)
    assert adjusted_rand_score(dense.labels_, labels) > 0.8  # equal lengths are ordered differently


def test_hdbscan_edges():
    alone = jaccard.distance(100 * np.eye(12, dtype=np.float32), k1=1, k2=1)
    assert (hdbscan.hdbscan(alone) == -1).all()
    assert hdbscan.hdbscan(jaccard.distance(np.ones((2, 4)))).tolist() == [-1, -1]
    assert hdbscan.hdbscan(jaccard.distance(np.zeros((0, 4)))).shape == (0,)
    assert len(set(hdbscan.hdbscan(jaccard.distance(np.ones((9, 4))), min_cluster_size=3))) == 1
    with pytest.raises(ValueError, match="min_cluster_size is 1"):
        hdbscan.hdbscan(alone, min_cluster_size=1)
    with pytest.raises(ValueError, match="numbers from 0 to 0.5"):
        hdbscan.hdbscan(jaccard.distance(people(50)[0]), missing=0.5)


def test_refine_bounds_are_inclusive():
    labels = np.repeat([3, 5, 0, -1, 9], [2, 3, 4, 6, 5])
    assert refine(labels, least=3, most=4).tolist() == [-1] * 2 + [1] * 3 + [0] * 4 + [-1] * 11
    assert refine(labels, least=1, most=None).tolist() == renumber(labels).tolist()
    assert (
        refine(np.zeros(121, int)).tolist() == [-1] * 121
        and refine(np.zeros(120, int)).tolist() == [0] * 120
    )
    assert refine(np.full(3, -1)).tolist() == [-1] * 3 and refine(np.zeros(0, int)).shape == (0,)
    for wrong in ({"least": 0}, {"least": 5, "most": 4}):
        with pytest.raises(ValueError, match="expected 1 <= least <= most"):
            refine(labels, **wrong)


def test_labels_across_cameras():
    labels = np.array([4, 4, 4, 1, 1, -1, -1, 0, 0, 0])
    camera = np.array([7, 7, 7, 2, 5, 1, 2, 0, 1, 2])
    assert across(labels, camera, cameras=1).tolist() == renumber(labels).tolist()
    assert across(labels, camera).tolist() == [-1] * 3 + [1] * 2 + [-1] * 2 + [0] * 3
    assert across(labels, camera, cameras=3).tolist() == [-1] * 7 + [0] * 3
    assert across(labels, camera, cameras=4).tolist() == [-1] * 10
    assert across(np.zeros(0, int), np.zeros(0, int)).shape == (0,)
    for wrong in ({"cameras": 0}, {"camera": camera[1:]}):
        with pytest.raises(ValueError, match="cameras"):
            across(labels, **{"camera": camera, **wrong})


@pytest.mark.parametrize("capacity", [1, 4, 6, 7, 50])
def test_within_drops_the_labels_beyond_the_capacity(capacity, caplog):
    labels = np.random.default_rng(0).integers(-1, 7, 60)
    want = [label if label < capacity else -1 for label in labels.tolist()]
    got = within(labels, capacity, what="persons")
    assert got.tolist() == want and got.dtype == labels.dtype
    warned = [record.getMessage() for record in caplog.records]
    text = f"7 persons, but the capacity is {capacity}: the rest is dropped"
    assert warned == ([text] if capacity < 7 else [])


def test_within_of_no_labels(caplog):
    assert within(np.zeros(0, int), 3).shape == (0,)
    assert within(np.full(3, -1), 0).tolist() == [-1] * 3 and not caplog.records
    within(np.arange(3), 2)
    assert "3 pseudo labels, but the capacity is 2" in caplog.text


def test_centroids_are_means():
    rows, person, camera = people(200)
    person = np.where(np.arange(200) % 7 == 0, -1, person)
    person[person == 2] = 1  # label 2 has no rows
    mean = centroids(rows, person)
    for label in range(person.max() + 1):
        want = rows[person == label].mean(0) if (person == label).any() else np.zeros(64)
        np.testing.assert_allclose(mean[label], want, atol=1e-6)
    unit = centroids(rows, person, normalise=True)
    want = np.where((mean != 0).any(1), 1.0, 0.0)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), want, atol=1e-5)
    means = camera_centroids(rows, person, camera)
    want = sorted(set(zip(person[person >= 0].tolist(), camera[person >= 0].tolist(), strict=True)))
    assert list(zip(means.label.tolist(), means.camera.tolist(), strict=True)) == want
    for at, (label, seen) in enumerate(want):
        np.testing.assert_allclose(
            means.mean[at], rows[(person == label) & (camera == seen)].mean(0), atol=1e-6
        )


def test_centroids_of_nothing():
    rows = np.ones((3, 2), np.float32)
    assert centroids(rows, np.full(3, -1)).shape == (0, 2)
    assert camera_centroids(rows, np.full(3, -1), np.zeros(3, int)).mean.shape == (0, 2)
    with pytest.raises(ValueError, match="2 labels for 3 rows"):
        centroids(rows, np.zeros(2, int))
    with pytest.raises(ValueError, match="3 labels and 2 cameras"):
        camera_centroids(rows, np.zeros(3, int), np.zeros(2, int))
