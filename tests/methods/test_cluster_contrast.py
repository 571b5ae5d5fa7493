"""Cluster Contrast's plan and update, beside loops and scikit-learn; its loss has its own tests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from reid_jax.clustering import jaccard
from reid_jax.methods.cluster_contrast import cluster_contrast
from reid_jax.types import Aux, Domain, Tags, TrainState
from tests import tiny

SMALL = {"persons": 6, "per_person": 4, "iterations": 5, "eps": 0.5, "k1": 8, "k2": 2}
WORLD = tiny.mixture
EXAM = [
    lambda model: cluster_contrast(model, **SMALL, temperature=0.1),
    lambda model: cluster_contrast(
        model, **SMALL, temperature=0.1, hardest_only=True, momentum=0.5
    ),
]
MOVES = [
    {
        "plan": ["carry/centroids", "carry/label", "carry/active"],
        "update": ["carry/centroids"],
    }
] * 2


def planned(spread=0.3, **options):
    """(embeddings of all rows, the state after a plan, the plan, records)."""
    records, rng = tiny.mixture(), np.random.default_rng(0)
    rows = np.eye(12)[records.person - 1] + spread * rng.standard_normal((len(records.person), 12))
    method = cluster_contrast(tiny.encoder(), **{**SMALL, **options})
    _, carry = method.init(jax.random.key(0), records)
    before = TrainState(0, {}, (), jax.tree.map(np.asarray, carry))
    after, plan = method.plan(
        before, records, lambda some: 3 * rows[some], np.random.default_rng(0)
    )
    return rows, after, plan, records


def test_labels_are_dbscans_and_the_memory_is_their_mean():
    rows, state, plan, records = planned()
    target = records.domain == Domain.UNLABELLED
    unit = rows[target] / np.linalg.norm(rows[target], axis=1, keepdims=True)
    far = 1 - np.asarray(1 - jaccard.distance(unit.astype(np.float32), k1=8, k2=2).toarray())
    far[far == 0] = 1.0  # not stored
    np.fill_diagonal(far, 0.0)
    wanted = DBSCAN(eps=0.5, min_samples=4, metric="precomputed").fit_predict(far)
    np.testing.assert_array_equal(plan.label[target], wanted)
    assert (plan.label[~target] == -1).all() and state.carry["active"] == wanted.max() + 1 > 3
    for label in range(wanted.max() + 1):
        mean = unit[wanted == label].mean(0)
        mine = state.carry["centroids"][label][: len(mean)]
        np.testing.assert_allclose(mine, mean / np.linalg.norm(mean), atol=1e-6)
    assert (plan.label[plan.rows] >= 0).all() and plan.rows.shape == (5, 24)


@pytest.mark.parametrize("hardest", [False, True])
def test_centroids_move_as_in_its_code(hardest):
    rng = np.random.default_rng(1)
    f = rng.normal(size=(8, 6)).astype(np.float32)
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    means = rng.normal(size=(5, 6)).astype(np.float32)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    label = np.array([0, 0, 0, 2, 2, -1, 3, 3])
    f[7] = f[6]  # of equals the first
    carry = {"centroids": jnp.asarray(means), "active": jnp.int32(4)}
    method = cluster_contrast(tiny.encoder(), hardest_only=hardest, momentum=0.2)
    tags = Tags(jnp.asarray(label), *[jnp.zeros(8, jnp.int32)] * 4)
    value, aux = method.loss({"f": jnp.asarray(f)}, tags, carry, 0)
    moved = method.update(carry, {}, Aux({}, aux.arrays))["centroids"]
    wanted, losses = means.copy(), []
    for one in (0, 2, 3):
        rows = np.flatnonzero(label == one)
        if hardest:
            rows = rows[[np.argmin(f[rows] @ means[one])]]
        for row in rows:
            wanted[one] = 0.2 * wanted[one] + 0.8 * f[row]
            wanted[one] /= np.linalg.norm(wanted[one])
    for row in np.flatnonzero(label >= 0):
        logits = means[:4] @ f[row] / 0.05
        losses.append(
            np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label[row]]
        )
    np.testing.assert_allclose(moved, wanted, atol=1e-6)
    np.testing.assert_allclose(value, np.mean(losses), rtol=1e-5)


def test_what_cannot_be_clustered_is_refused_or_keeps_the_last_labels():
    with pytest.raises(
        ValueError, match="DBSCAN found no cluster in 48 pictures; a larger eps may"
    ):
        planned(eps=1e-3, min_samples=40)
    with pytest.raises(ValueError, match="there is no unlabelled picture"):
        cluster_contrast(tiny.encoder()).init(jax.random.key(0), tiny.world())


def test_clusters_beyond_the_capacity_are_dropped():
    _, state, plan, _ = planned(capacity=2)
    assert state.carry["centroids"].shape[0] == 2 and set(np.unique(plan.label)) == {-1, 0, 1}
