"""Histograms of distances against loops."""

import numpy as np
import pytest

from reid_jax.retrieval import spread as retrieval
from reid_jax.retrieval.spread import Spread, spread


@pytest.mark.parametrize("same_camera", [False, True])
def test_counts_agree_with_a_loop(same_camera, monkeypatch):
    monkeypatch.setattr(retrieval, "BLOCK", 40)  # some rows at once
    rng = np.random.default_rng(0)
    query, gallery = (rng.standard_normal((n, 5)).astype(np.float32) for n in (29, 33))
    query_person, gallery_person = rng.integers(0, 4, 29), rng.integers(-1, 4, 33)
    query_camera, gallery_camera = rng.integers(-1, 2, 29), rng.integers(-1, 2, 33)
    got = spread(query, gallery, query_person=query_person, gallery_person=gallery_person, query_camera=query_camera,
                 gallery_camera=gallery_camera, same_camera=same_camera, bins=7)  # fmt: skip
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
    alike, nobody = np.array([0, 4, 4]), np.zeros(3, int)
    assert Spread(alike, 2 * alike).overlap == 1 and Spread(alike, np.array([3, 0, 0])).overlap == 0
    assert np.isnan(Spread(alike, nobody).overlap)
    one, two = np.array([1]), np.array([2])
    rows = np.array([[1.0, 0]], np.float32)
    ends = {"query_camera": one, "gallery_camera": two, "bins": 4}
    met = spread(rows, rows, query_person=one, gallery_person=one, **ends)
    opposite = spread(rows, -rows, query_person=one, gallery_person=two, **ends)
    assert met.same.tolist() == [1, 0, 0, 0] and opposite.other.tolist() == [0, 0, 0, 1]
    zero = spread(0 * rows, rows, query_person=one, gallery_person=two, **ends)
    assert zero.other.tolist() == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="widths must agree"):
        spread(rows, rows, query_person=np.zeros(2), gallery_person=one, **ends)
