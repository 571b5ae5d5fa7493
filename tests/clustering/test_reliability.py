"""Reliability equals that from matrices of label equality, as in the published code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_jax.clustering import reliability


def _matrices(labels, tight, loose):
    """(compactness, independence, threshold, kept labels).

    They come from [n n] comparisons, then cluster by cluster.
    """
    own, narrow, wide = (reliability.singletons(one) for one in (labels, tight, loose))

    def against(other):
        a, b = own[:, None] == own, other[:, None] == other
        return 1 - (a & b).sum(1) / (a | b).sum(1)

    compact, independent = against(narrow), against(wide)
    least = {
        c: (compact[own == c].min(), independent[own == c].min(), (own == c).sum())
        for c in set(own.tolist())
    }
    crowd = sorted(independence for _, independence, size in least.values() if size > 1)
    limit = crowd[min(len(crowd) - 1, round(0.9 * len(crowd)))] if crowd else 1.0
    kept = [compact[i] <= least[c][0] and least[c][1] <= limit for i, c in enumerate(own.tolist())]
    return compact, independent, limit, np.where(kept, labels, -1)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 10**6))
def test_matrices(count, clusters, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, clusters, count)
    tight, loose = (
        np.where(rng.random(count) < 0.3, rng.integers(-1, clusters, count), labels)
        for _ in range(2)
    )
    compact, independent, limit, kept = _matrices(labels, tight, loose)
    mine = reliability.reliability(labels, tight, loose)
    np.testing.assert_allclose(mine[0], compact, atol=1e-6)
    np.testing.assert_allclose(mine[1], independent, atol=1e-6)
    assert abs(reliability.threshold(labels, mine[1]) - limit) < 1e-6
    threshold = reliability.threshold(labels, mine[1])
    np.testing.assert_array_equal(reliability.keep(labels, *mine, threshold), kept)


def test_a_stable_cluster_is_kept_and_merging_ones_are_not():
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, -1])
    loose = np.array([0, 0, 0, 0, 0, 0, 1, 1, -1])  # 0 and 1 merge, 2 stays
    compactness, independence = reliability.reliability(labels, labels, loose)
    np.testing.assert_array_equal(compactness, 0)
    np.testing.assert_allclose(independence, [0.5] * 6 + [0, 0, 0])
    assert reliability.keep(labels, compactness, independence, 0.4).tolist() == [-1] * 6 + [
        2,
        2,
        -1,
    ]


def test_no_rows_no_cluster_one_label():
    none = np.zeros(0, np.int64)
    assert [len(one) for one in reliability.reliability(none, none, none)] == [0, 0]
    assert reliability.threshold(none, np.zeros(0, np.float32)) == 1
    assert len(reliability.keep(none, none, none, 1.0)) == 0
    noise = np.full(4, -1)
    mine = reliability.reliability(noise, noise, noise)
    assert (
        reliability.threshold(noise, mine[1]) == 1
        and reliability.keep(noise, *mine, 1.0).tolist() == [-1] * 4
    )
    same = np.zeros(4, np.int64)
    mine = reliability.reliability(same, same, same)
    assert reliability.keep(same, *mine, reliability.threshold(same, mine[1])).tolist() == [0] * 4


def test_wrong_arguments_raise():
    with pytest.raises(ValueError, match="differ"):
        reliability.reliability(np.zeros(3), np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="part is 2"):
        reliability.threshold(np.zeros(3, int), np.zeros(3), 2)
