"""Plans and steps of MMT; its losses have their own tests."""

import logging
from functools import cache
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reid_jax.clustering import dbscan, jaccard
from reid_jax.losses.classify import cross_entropy, soft_cross_entropy
from reid_jax.losses.triplet import batch_hard, softened
from reid_jax.methods.mmt import NETWORKS, Clusters, mmt, teacher
from reid_jax.types import Tags
from tests import tiny

MEANS, DENSE = Clusters(k=6), Clusters(k=0, eps=0.5, k1=8, k2=2)
SMALL = {"persons": 3, "per_person": 4, "iterations": 5, "clusters": MEANS, "momentum": 0.9}
WORLD = tiny.mixture
EXAM = [
    lambda model: mmt(model, **SMALL),
    lambda model: mmt(model, **{**SMALL, "clusters": DENSE}, soft_classify=0.2, soft_triplet=0.3),
    lambda model: mmt(model, **{**SMALL, "clusters": DENSE._replace(eps=0.0, rho=0.1)}),
]
CLASSIFIERS = ["params/first/classifier", "params/second/classifier"]
TEACHERS = ["carry/teacher/first/classifier", "carry/teacher/second/classifier"]
PLANNED = [*CLASSIFIERS, *TEACHERS, "carry/active"]
MOVES = [
    {"plan": [*PLANNED, *more], "update": ["carry/teacher"]}
    for more in ([], ["carry/eps"], ["carry/eps"])
]


ENCODER = tiny.encoder()


@cache
def _weights(seed):
    return ENCODER.init(jax.random.key(seed))


class _State(SimpleNamespace):
    def _replace(self, **new):
        return _State(**{**vars(self), **new})


def _plan_epoch(noise=0.1, blind=None, **options):
    """(records, embeddings of each teacher, method, state before, state after, plan).

    The embeddings are made up. blind: the person that each network takes for the next one.
    """
    records = tiny.mixture()
    first, second = (
        ENCODER._replace(init=lambda key, seed=seed: _weights(seed)) for seed in (0, 1)
    )
    method = mmt(first, second=second, **{**SMALL, **options})
    rng = np.random.default_rng(0)
    embedding = {}
    for name in NETWORKS:
        person = records.person + (records.person == (blind or {}).get(name))
        embedding[name] = (
            np.eye(12)[person - 1] + noise * rng.standard_normal((len(person), 12))
        ).astype(np.float32)
    variables, carry = jax.tree.map(np.asarray, method.init(jax.random.key(0), records))
    names = {
        float(teacher(name)(variables, carry)["params"]["trunk"]["Conv_0"]["kernel"].sum()): name
        for name in NETWORKS
    }

    def embed(rows, encoder):
        assert (records.domain[rows] == 1).all()
        kernel = encoder(variables, carry)["params"]["trunk"]["Conv_0"]["kernel"]
        return 3 * embedding[names[float(kernel.sum())]][rows]

    before = _State(variables=variables, carry=carry)
    after, plan = method.plan(before, records, embed, np.random.default_rng(0))
    return records, embedding, method, before, after, plan


def _unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _same(label):
    return label[:, None] == label[None, :]


def test_k_means_labels_the_mean_of_both_embeddings():
    records, embedding, _, _, after, plan = _plan_epoch()
    target = records.domain == 1
    np.testing.assert_array_equal(_same(plan.label[target]), _same(records.person[target]))
    assert (plan.label[~target] == -1).all() and plan.report == {
        "labels": 6.0, "labelled": 48.0, "outlier_part": 0.0, "purity": 1.0, "recall": 1.0,
    }  # fmt: skip
    both = (_unit(embedding["first"]) + _unit(embedding["second"])) / 2
    kernels = [
        part[name]["classifier"]
        for part in (after.variables["params"], after.carry["teacher"])
        for name in NETWORKS
    ]
    want = _unit(np.stack([both[plan.label == label].mean(0) for label in range(6)])).T
    for kernel in kernels:
        np.testing.assert_allclose(kernel, want, atol=1e-6)
    assert after.carry["active"] == 6
    assert plan.rows.shape == (5, 12) and (plan.label[plan.rows] >= 0).all()


def test_persons_that_one_teacher_confuses_are_separated_by_the_other():
    for clusters in (MEANS, DENSE):
        helped = _plan_epoch(0.01, {"first": 11, "second": 8}, clusters=clusters)[-1].report
        assert helped["purity"] == 1 and helped["labels"] == 6
        alike = _plan_epoch(0.01, {"first": 11, "second": 11}, clusters=clusters)[-1].report
        assert alike["purity"] < 1


def test_dbscan_labels_and_the_classifiers_have_columns_for_more():
    records, embedding, _, _, after, plan = _plan_epoch(noise=0.3, clusters=DENSE)
    target = records.domain == 1
    both = _unit(_unit(embedding["first"][target]) + _unit(embedding["second"][target]))
    near = jaccard.distance(both, k1=8, k2=2, variant="M")
    own = dbscan.dbscan(near, eps=0.5)
    np.testing.assert_array_equal(plan.label[target], own)
    kernel = after.variables["params"]["first"]["classifier"]
    labels = own.max() + 1
    assert kernel.shape == (12, 48 // 4) and after.carry["active"] == labels > 1
    want = _unit(np.stack([both[own == label].mean(0) for label in range(labels)])).T
    np.testing.assert_allclose(kernel[:, :labels], want, atol=1e-5)
    assert (kernel[:, labels:] == 0).all()


def test_the_radius_of_the_nearest_pairs_is_computed_in_the_first_epoch_and_kept():
    # Without averaging no pair is at 0, up to rounding.
    clusters = DENSE._replace(eps=0.0, rho=0.15, k2=1)
    records, embedding, method, _, after, plan = _plan_epoch(noise=0.3, clusters=clusters)
    target = records.domain == 1
    both = _unit(_unit(embedding["first"][target]) + _unit(embedding["second"][target]))
    near = jaccard.distance(both, k1=8, k2=1, variant="M")
    dense, stored = np.ones((48, 48)), near.tocoo()
    dense[stored.row, stored.col] = stored.data  # a pair that is not stored is at distance 1
    pairs = np.sort(dense[np.triu_indices(48, 1)])
    eps = pairs[pairs > 0][: round(0.15 * (pairs > 0).sum())].mean()
    assert after.carry["eps"] == pytest.approx(eps, rel=1e-5) and plan.report[
        "eps"
    ] == pytest.approx(eps, rel=1e-5)
    np.testing.assert_array_equal(
        plan.label[target], dbscan.dbscan(near, eps=float(after.carry["eps"]))
    )
    far = np.random.default_rng(1).standard_normal((len(records.person), 12)).astype(np.float32)
    again, _ = method.plan(
        after,
        records,
        lambda rows, encoder: (embedding["first"] + 0.1 * far)[rows],
        np.random.default_rng(2),
    )
    assert again.carry["eps"] == after.carry["eps"]


def test_labels_above_the_capacity_are_dropped(caplog):
    with caplog.at_level(logging.WARNING):
        _, _, _, _, after, plan = _plan_epoch(noise=0.01, clusters=DENSE._replace(capacity=4))
    assert plan.label.max() == 3 and after.carry["active"] == 4
    assert "6 pseudo labels, but the capacity is 4" in caplog.text


def test_each_plan_resets_the_optimiser():
    *_, plan = _plan_epoch()
    assert plan.reset_optimiser


def _batch(plan, records):
    rows = plan.rows[0]
    columns = (plan.label, np.arange(96), records.camera, records.domain, records.group)
    rng = np.random.default_rng(3)
    outputs = {
        role: {
            name: {
                "feature": rng.standard_normal((12, 12)),
                "logits": rng.standard_normal((12, 12)),
            }
            for name in NETWORKS
        }
        for role in ("student", "teacher")
    }
    outputs = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), outputs)
    return outputs, Tags(*(jnp.asarray(column[rows], jnp.int32) for column in columns))


def test_each_network_learns_from_the_other_ones_teacher():
    records, _, method, _, after, plan = _plan_epoch(
        noise=0.3, clusters=DENSE, soft_classify=0.4, soft_triplet=0.7
    )
    outputs, tags = _batch(plan, records)
    total, aux = method.loss(outputs, tags, after.carry, jnp.int32(0))
    (one, two), (slow_one, slow_two) = (
        list(outputs[role].values()) for role in ("student", "teacher")
    )
    active, label = int(after.carry["active"]), tags.label
    want = 0.6 * sum(cross_entropy(x["logits"], label, active=active) for x in (one, two))
    want += 0.4 * soft_cross_entropy(one["logits"], slow_two["logits"], active=active)
    want += 0.4 * soft_cross_entropy(two["logits"], slow_one["logits"], active=active)
    want += 0.3 * sum(batch_hard(x["feature"], label, margin=None) for x in (one, two))
    want += 0.7 * (softened(one["feature"], slow_two["feature"], label))
    want += 0.7 * (softened(two["feature"], slow_one["feature"], label))
    assert float(total) == pytest.approx(float(want), rel=1e-6)
    assert set(aux.metrics) == {"classify", "soft_classify", "triplet", "soft_triplet"}


def test_inactive_classes_change_nothing():
    records, _, method, _, after, plan = _plan_epoch(noise=0.3, clusters=DENSE)
    outputs, tags = _batch(plan, records)
    active = int(after.carry["active"])
    other = jax.tree.map(lambda x: x, outputs)
    for role in other.values():
        for one in role.values():
            one["logits"] = one["logits"].at[:, active:].set(99.0)
    values = [float(method.loss(x, tags, after.carry, jnp.int32(0))[0]) for x in (outputs, other)]
    assert active < 12 and values[0] == values[1]


@pytest.mark.parametrize(("step", "slow"), [(0, 0.0), (1, 0.5), (3, 0.75), (8, 8 / 9), (50, 0.9)])
def test_the_momentum_of_the_teachers_rises_with_the_steps(step, slow):
    records, _, method, _, after, plan = _plan_epoch()
    outputs, tags = _batch(plan, records)
    _, aux = method.loss(outputs, tags, after.carry, jnp.int32(step))
    new = jax.tree.map(lambda x: x + 1, after.variables)
    carry = method.update(after.carry, new, aux)
    want = jax.tree.map(
        lambda old, new: slow * old + (1 - slow) * new, after.carry["teacher"], new["params"]
    )  # the classifiers too
    assert tiny.difference(carry["teacher"], want) < 1e-6
    assert carry["active"] == after.carry["active"]


def test_teachers_have_statistics_of_their_own_forwards():
    run = tiny.Run((EXAM[0], tiny.mixture), devices=1, optimiser=optax.sgd(0.5))
    before, after = run.start(), run.end(count=1)
    stats = after.variables["batch_stats"]
    for name in NETWORKS:
        mine, first = stats["teacher"][name], before.variables["batch_stats"]["teacher"][name]
        assert tiny.difference(mine, first) > 1e-3
        assert tiny.difference(mine, stats["student"][name]) > 1e-4
    assert tiny.difference(stats["teacher"]["first"], stats["teacher"]["second"]) > 1e-4
    encoder = run.method.encoder(after.variables, after.carry)
    assert tiny.difference(encoder["params"], after.carry["teacher"]["first"]["encoder"]) == 0
    assert tiny.difference(encoder["batch_stats"], stats["teacher"]["first"]) == 0


def test_the_second_network_starts_from_the_weights_of_second():
    model, other = tiny.encoder(), tiny.encoder()
    given = other.init(jax.random.key(9))
    method = mmt(model, **SMALL, second=other._replace(init=lambda key: given))
    variables, carry = method.init(jax.random.key(0), tiny.mixture())
    for weights in (variables["params"], carry["teacher"]):
        assert tiny.difference(weights["second"]["encoder"], given["params"]) == 0
        assert tiny.difference(weights["first"]["encoder"], given["params"]) > 0


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="no target image"):
        mmt(tiny.encoder()).init(jax.random.key(0), tiny.world())
    with pytest.raises(ValueError, match="500 labels of 48 target images"):
        mmt(tiny.encoder()).init(jax.random.key(0), tiny.mixture())
    with pytest.raises(ValueError, match="soft_triplet is 1.2"):
        mmt(tiny.encoder(), soft_triplet=1.2)
    with pytest.raises(ValueError, match="expected k from 0, eps from 0 and below 1"):
        mmt(tiny.encoder(), clusters=DENSE._replace(eps=-0.1))
    with pytest.raises(ValueError, match="choose an eps above 0.01"):
        _plan_epoch(noise=10.0, clusters=DENSE._replace(eps=0.01))
