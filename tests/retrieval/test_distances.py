"""Histograms of distances against loops."""

import numpy as np
import pytest

from reid_jax.retrieval import distances
from reid_jax.retrieval.distances import DistanceCounts, count_distances


@pytest.mark.parametrize("same_camera", [False, True])
def test_counts_agree_with_a_loop(same_camera, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 40)  # a few queries per block
    rng = np.random.default_rng(0)
    query, gallery = (rng.standard_normal((n, 5)).astype(np.float32) for n in (29, 33))
    query_person, gallery_person = rng.integers(0, 4, 29), rng.integers(-1, 4, 33)
    query_camera, gallery_camera = rng.integers(-1, 2, 29), rng.integers(-1, 2, 33)
    got = count_distances(
        query,
        gallery,
        query_person=query_person,
        gallery_person=gallery_person,
        query_camera=query_camera,
        gallery_camera=gallery_camera,
        same_camera=same_camera,
        bins=7,
    )
    same, other = np.zeros(7, int), np.zeros(7, int)
    for i in range(29):
        for j in range(33):
            u, v = np.float64(query[i]), np.float64(gallery[j])
            place = int((0.5 - u @ v / np.linalg.norm(u) / np.linalg.norm(v) / 2) * 7)
            if query_person[i] < 1 or gallery_person[j] < 0:
                continue
            if query_person[i] != gallery_person[j]:
                other[place] += 1
            elif same_camera or query_camera[i] != gallery_camera[j] or query_camera[i] < 0:
                same[place] += 1
    np.testing.assert_array_equal(got.same, same)
    np.testing.assert_array_equal(got.other, other)
    shares = [min(a / same.sum(), b / other.sum()) for a, b in zip(same, other, strict=True)]
    assert got.overlap == pytest.approx(sum(shares))


def test_edges():
    counts, empty = np.array([0, 4, 4]), np.zeros(3, int)
    assert DistanceCounts(counts, 2 * counts).overlap == 1
    assert DistanceCounts(counts, np.array([3, 0, 0])).overlap == 0
    assert np.isnan(DistanceCounts(counts, empty).overlap)
    one, two = np.array([1]), np.array([2])
    rows = np.array([[1.0, 0]], np.float32)
    ends = {"query_camera": one, "gallery_camera": two, "bins": 4}
    equal = count_distances(rows, rows, query_person=one, gallery_person=one, **ends)
    opposite = count_distances(rows, -rows, query_person=one, gallery_person=two, **ends)
    assert equal.same.tolist() == [1, 0, 0, 0] and opposite.other.tolist() == [0, 0, 0, 1]
    zero = count_distances(0 * rows, rows, query_person=one, gallery_person=two, **ends)
    assert zero.other.tolist() == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="widths must agree"):
        count_distances(rows, rows, query_person=np.zeros(2), gallery_person=one, **ends)
