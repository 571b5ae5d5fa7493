"""SpCL's mornings and steps; its loss and its memory have tests of their own."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.cluster import dbscan, jaccard
from reid_jax.cluster.reliability import keep, reliability, threshold
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
MOVES = [{"plan": ["carry/bank", "carry/bank_label", "carry/threshold"], "update": ["carry/bank"]}] * 2


class _State(SimpleNamespace):
    def _replace(self, carry):
        return _State(carry=carry)


def _mornings(records, count=1, noise=0.3, **options):
    """(embeddings, the method, what was asked, [(carry, plan)]) of some mornings with made-up embeddings."""
    method = spcl(tiny.encoder(), **{**SMALL, **options})
    rng = np.random.default_rng(0)
    place = np.eye(12)[records.person - 1] + noise * rng.standard_normal((len(records.person), 12))
    place = (place / np.linalg.norm(place, axis=1, keepdims=True)).astype(np.float32)
    asked, told = [], []

    def see(rows):
        asked.append(rows)
        return 3 * place[rows]

    _, carry = method.init(jax.random.key(0), records)
    state = _State(carry=jax.tree.map(np.asarray, carry))
    for morning in range(count):
        state, plan = method.plan(state, records, see, np.random.default_rng(morning))
        told.append((state.carry, plan))
    return place, method, asked, told


def test_the_first_morning_fills_the_memory_and_labels_the_target():
    records = tiny.mixture()
    place, _, asked, [(carry, plan)] = _mornings(records)
    source, target = records.domain == 0, records.domain == 1
    assert carry["bank"].shape == (6 + 48, 12)
    np.testing.assert_allclose(carry["bank"][6:], place[target], atol=1e-6)
    for person in range(6):
        mean = place[source & (records.person == person + 1)].mean(0)
        np.testing.assert_allclose(carry["bank"][person], mean / np.linalg.norm(mean), atol=1e-6)
    near = jaccard.distance(place[target], k1=8, k2=2)
    labels = dbscan.labels(near, eps=(0.5, 0.45, 0.55), min_samples=4)
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


def test_later_mornings_cluster_the_memory_and_keep_the_threshold():
    _, _, asked, told = _mornings(tiny.mixture(), count=3)
    assert len(asked) == 2  # the source and the target, in the first morning
    assert len({float(carry["threshold"]) for carry, _ in told}) == 1
    assert (told[0][1].label == told[2][1].label).all() and (told[0][1].rows != told[2][1].rows).any()


def test_without_a_source_it_is_unsupervised():
    world = tiny.mixture()
    world = world._replace(domain=np.ones_like(world.domain))
    _, _, _, [(carry, plan)] = _mornings(world)
    assert carry["bank"].shape == (96, 12) and plan.rows.shape == (5, 8) and plan.label.min() == 0


def test_nobody_near_anybody_is_a_label_each():
    records = tiny.mixture()
    _, _, _, [(carry, plan)] = _mornings(records, noise=100.0, clusters=NEAR._replace(eps=0.2))
    target = plan.label[records.domain == 1]
    assert len(set(target)) >= 40 and target.max() < len(carry["bank"])
    assert plan.rows.shape == (5, 16)


def test_each_image_is_held_against_the_memory_and_moves_its_row():
    records = tiny.mixture()
    place, method, _, [(carry, plan)] = _mornings(records)
    carry = jax.tree.map(jnp.asarray, carry)
    rows = plan.rows[0]
    tags = Tags(*(jnp.asarray(x[rows], jnp.int32) for x in (plan.label, np.arange(96), records.camera, records.domain,
                                                           records.group)))  # fmt: skip
    f = jnp.asarray(np.roll(place, 1, axis=0)[rows])
    value, aux = method.loss({"f": f}, tags, carry, 0)
    assert float(value) == pytest.approx(float(aux.metrics["source"] + aux.metrics["target"]))
    moved = np.asarray(method.update(carry, {}, aux)["bank"])
    named = set(np.asarray(carry["place"])[rows].tolist())
    changed = set(np.flatnonzero(np.abs(moved - np.asarray(carry["bank"])).max(1) > 0).tolist())
    assert changed == named
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, rtol=1e-5)


def test_no_target_is_told():
    with pytest.raises(ValueError, match="no target image"):
        spcl(tiny.encoder()).init(jax.random.key(0), tiny.world())
