"""Plans and steps of SpCL; its loss and its memory have their own tests."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.clustering import dbscan, jaccard
from reid_jax.clustering.reliability import keep, reliability, threshold
from reid_jax.methods.spcl import Clusters, spcl
from reid_jax.types import Tags
from tests import tiny

NEAR = Clusters(eps=0.5, gap=0.05, k1=8, k2=2)
SMALL = {"persons": 2, "per_person": 4, "iterations": 5, "clusters": NEAR}
WORLD = tiny.mixture
EXAM = [
    lambda model: spcl(model, **{**SMALL, "persons": 4}, temperature=0.1, other_cameras=False),
    lambda model: spcl(model, **SMALL, temperature=0.1, momentum=0.5),
]
MOVES = [
    {"plan": ["carry/bank", "carry/bank_label", "carry/threshold"], "update": ["carry/bank"]}
] * 2


class _State(SimpleNamespace):
    def _replace(self, carry):
        return _State(carry=carry)


def _plan_epochs(records, count=1, noise=0.3, **options):
    """(made-up embeddings, the method, embedded rows, [(carry, plan)]) of some epochs."""
    method = spcl(tiny.encoder(), **{**SMALL, **options})
    rng = np.random.default_rng(0)
    embedding = np.eye(12)[records.person - 1] + noise * rng.standard_normal(
        (len(records.person), 12)
    )
    embedding = (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32)
    embedded, epochs = [], []

    def embed(rows):
        embedded.append(rows)
        return 3 * embedding[rows]

    _, carry = method.init(jax.random.key(0), records)
    state = _State(carry=jax.tree.map(np.asarray, carry))
    for epoch in range(count):
        state, plan = method.plan(state, records, embed, np.random.default_rng(epoch))
        epochs.append((state.carry, plan))
    return embedding, method, embedded, epochs


def test_the_first_plan_fills_the_memory_and_labels_the_target():
    records = tiny.mixture()
    embedding, _, embedded, [(carry, plan)] = _plan_epochs(records)
    source, target = records.domain == 0, records.domain == 1
    assert carry["bank"].shape == (6 + 48, 12)
    np.testing.assert_allclose(carry["bank"][6:], embedding[target], atol=1e-6)
    for person in range(6):
        mean = embedding[source & (records.person == person + 1)].mean(0)
        np.testing.assert_allclose(carry["bank"][person], mean / np.linalg.norm(mean), atol=1e-6)
    near = jaccard.distance(embedding[target], k1=8, k2=2)
    labels = dbscan.dbscan(near, eps=(0.5, 0.45, 0.55), min_samples=4)
    compact, independent = reliability(*labels)
    limit = threshold(labels[0], independent)
    kept = keep(labels[0], compact, independent, limit)
    assert carry["threshold"] == np.float32(limit)
    mine = plan.label[target] - 6
    same = (mine[:, None] == mine[None, :]) & ~np.eye(48, dtype=bool)
    theirs = (kept[:, None] == kept[None, :]) & (kept >= 0)[:, None] & ~np.eye(48, dtype=bool)
    np.testing.assert_array_equal(same, theirs)
    np.testing.assert_array_equal(plan.label[source], records.person[source] - 1)
    np.testing.assert_array_equal(carry["bank_label"][carry["place"]], plan.label)
    assert plan.rows.shape == (5, 16) and (records.domain[plan.rows].sum(1) == 8).all()


def test_later_plans_cluster_the_memory_and_keep_the_threshold():
    _, _, embedded, epochs = _plan_epochs(tiny.mixture(), count=3)
    assert len(embedded) == 2  # the target and the source, in the first epoch
    assert len({float(carry["threshold"]) for carry, _ in epochs}) == 1
    assert (epochs[0][1].label == epochs[2][1].label).all() and (
        epochs[0][1].rows != epochs[2][1].rows
    ).any()


def test_without_a_source_it_is_unsupervised():
    world = tiny.mixture()
    world = world._replace(domain=np.ones_like(world.domain))
    _, _, _, [(carry, plan)] = _plan_epochs(world)
    assert carry["bank"].shape == (96, 12) and plan.rows.shape == (5, 8) and plan.label.min() == 0


def test_images_far_from_all_others_are_labels_of_their_own():
    records = tiny.mixture()
    _, _, _, [(carry, plan)] = _plan_epochs(records, noise=100.0, clusters=NEAR._replace(eps=0.2))
    target = plan.label[records.domain == 1]
    assert len(set(target)) >= 40 and target.max() < len(carry["bank"])
    assert plan.rows.shape == (5, 16)


def test_each_image_is_compared_with_the_memory_and_changes_its_row():
    records = tiny.mixture()
    embedding, method, _, [(carry, plan)] = _plan_epochs(records)
    carry = jax.tree.map(jnp.asarray, carry)
    rows = plan.rows[0]
    columns = (plan.label, np.arange(96), records.camera, records.domain, records.group)
    tags = Tags(*(jnp.asarray(column[rows], jnp.int32) for column in columns))
    f = jnp.asarray(np.roll(embedding, 1, axis=0)[rows])
    value, aux = method.loss({"f": f}, tags, carry, 0)
    assert float(value) == pytest.approx(float(aux.metrics["source"] + aux.metrics["target"]))
    bank = np.asarray(method.update(carry, {}, aux)["bank"])
    named = set(np.asarray(carry["place"])[rows].tolist())
    changed = set(np.flatnonzero(np.abs(bank - np.asarray(carry["bank"])).max(1) > 0).tolist())
    assert changed == named
    np.testing.assert_allclose(np.linalg.norm(bank, axis=1), 1, rtol=1e-5)


def test_no_target_is_refused():
    with pytest.raises(ValueError, match="no target image"):
        spcl(tiny.encoder()).init(jax.random.key(0), tiny.world())
