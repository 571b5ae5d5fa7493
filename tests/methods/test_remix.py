import logging
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.clustering import videos
from reid_jax.clustering.centroids import camera_centroids, centroids
from reid_jax.methods.remix import Terms, remix
from reid_jax.types import Tags
from tests import tiny

SMALL = {"multi": (3, 4), "single": (2, 2), "iterations": 5, "images": 30, "momentum": 0.9}
WORLD = tiny.mixture
EXAM = [
    lambda model: remix(model, **SMALL),
    lambda model: remix(model, multi=(4, 4), single=(0, 0), iterations=5, momentum=0.9),
    lambda model: remix(
        model,
        **{**SMALL, "momentum": 0.5},
        videos_a_batch=1,
        labeller=partial(videos.label_videos, eps=0.3, metric="cosine"),
        terms=Terms(
            apart=False,
            own=False,
            against="augmented",
            unit=False,
            own_camera=True,
            together=False,
            by_camera=True,
            negatives=2,
        ),
    ),
]
MOVES = [
    {
        "plan": ["carry/centroids", "carry/active", "carry/camera_centroids"],
        "update": ["carry/teacher"],
    }
] * 3


def _run(make):
    return tiny.Run((make, tiny.mixture))


def _plan_epoch(embedding=None, records=None, **options):
    """(records, embeddings, embedded rows, carry after, plan); by default persons are far apart."""
    records = tiny.mixture() if records is None else records
    method = remix(tiny.encoder(), **{**SMALL, **options})
    if embedding is None:
        noise = 0.01 * np.random.default_rng(0).standard_normal((len(records.person), 12))
        embedding = np.eye(12, dtype=np.float32)[records.person - 1] + noise
    embedded = []

    def embed(rows):
        embedded.append(rows)
        return embedding[rows].astype(np.float32)

    variables, carry = method.init(jax.random.key(0), records)
    state = SimpleNamespace(carry=jax.tree.map(np.asarray, carry))
    state._replace = lambda carry: SimpleNamespace(carry=carry)
    after, plan = method.plan(state, records, embed, np.random.default_rng(1))
    return records, embedding, embedded, after.carry, plan


def test_a_plan_labels_videos_and_computes_centroids():
    records, embedding, embedded, carry, plan = _plan_epoch()
    known = records.domain == 0
    unit = (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32)
    np.testing.assert_array_equal(plan.label[known], records.person[known] - 1)
    pseudo = plan.label[~known]
    drawn = np.concatenate(embedded[1:])
    assert (pseudo[pseudo >= 0] >= 6).all() and (
        plan.label[np.setdiff1d(np.flatnonzero(~known), drawn)] == -1
    ).all()
    # A video has 24 images, and 30 images shall get labels.
    assert len(drawn) == 48 and plan.report["purity"] == 1
    for label in np.unique(pseudo[pseudo >= 0]):
        assert len(set(records.person[plan.label == label])) == 1
    want = centroids(unit, plan.label, normalise=True)
    assert carry["active"] == len(want) == 12
    np.testing.assert_allclose(carry["centroids"][:12], want, atol=1e-6)
    by_camera = camera_centroids(
        unit[known], plan.label[known], records.camera[known], normalise=True
    )
    np.testing.assert_allclose(carry["camera_centroids"], by_camera.mean, atol=1e-6)
    np.testing.assert_array_equal(carry["camera_label"], by_camera.label)
    np.testing.assert_array_equal(carry["camera"], by_camera.camera)


def test_centroids_that_are_not_unit_are_plain_means():
    records, embedding, _, carry, plan = _plan_epoch(terms=Terms(unit=False))
    unit = (embedding / np.linalg.norm(embedding, axis=1, keepdims=True)).astype(np.float32)
    np.testing.assert_allclose(
        carry["centroids"][:12], centroids(unit, plan.label, normalise=False), atol=1e-6
    )
    assert (np.linalg.norm(carry["centroids"][:12], axis=1) < 0.9999).all()


def test_batches_hold_both_kinds_evenly():
    records, _, _, _, plan = _plan_epoch()
    assert plan.rows.shape == (5, 16)
    for batch in plan.rows:
        label, count = np.unique(plan.label[batch], return_counts=True)
        assert count[label < 6].tolist() == [4, 4, 4] and count[label >= 6].tolist() == [2, 2]
    assert (records.domain[plan.rows].reshape(5, 4, 4).sum(2) == 1).all()  # four devices
    _, _, _, _, plan = _plan_epoch(videos_a_batch=1)
    videos_of = [set(records.group[batch][records.domain[batch] == 1]) for batch in plan.rows]
    assert all(len(one) == 1 for one in videos_of)


@pytest.mark.parametrize("labels, ignored", [(0, 4), (1, 2)])
def test_too_few_labels_are_reported_and_training_goes_on(labels, ignored, caplog):
    world = tiny.mixture()
    embedding = np.random.default_rng(0).standard_normal((96, 12))  # no two rows are near
    if labels:
        embedding[world.person == 7] = 1
    with caplog.at_level(logging.WARNING):
        records, _, _, carry, plan = _plan_epoch(embedding)
    assert f"gave {labels} labels of the 2" in caplog.text and "a larger eps" in caplog.text
    assert ((plan.label[plan.rows] == -1).sum(1) == ignored).all()
    assert carry["active"] == 6 + labels
    assert (records.domain[plan.rows].sum(1) == 4).all()


def test_a_run_goes_on_without_a_label_from_the_videos():
    run = _run(lambda model: remix(model, **SMALL, labeller=partial(videos.label_videos, eps=1e-6)))
    for moment in run.moments(count=2):
        assert moment.metrics["labels"] == 0 and np.isfinite(moment.metrics["loss"])


def test_labels_above_the_capacity_are_dropped(caplog):
    with caplog.at_level(logging.WARNING):
        _, _, _, carry, plan = _plan_epoch(capacity=2)
    assert "capacity is 2" in caplog.text and carry["active"] == 8 and plan.label.max() == 7


def test_the_momentum_encoder_follows_and_has_statistics_of_its_own():
    run = _run(EXAM[0])
    start = run.start()
    for moment in run.moments(count=1, every=1):
        break
    state = jax.tree.map(lambda leaf: np.asarray(leaf[0]), moment.state)
    for slow, first, fast in zip(
        *(
            jax.tree.leaves(tree)
            for tree in (state.carry["teacher"], start.carry["teacher"], state.variables["params"])
        ),
        strict=True,
    ):
        np.testing.assert_allclose(slow, 0.9 * first + 0.1 * fast, atol=1e-6)
    stats = state.variables["batch_stats"]
    # The momentum encoder has two forwards in a step, one of other pictures.
    assert tiny.difference(stats["encoder"], stats["teacher"]) > 0
    encoder = run.method.encoder(state.variables, state.carry)
    assert tiny.difference(encoder["params"], state.carry["teacher"]) == 0
    assert tiny.difference(encoder["batch_stats"], stats["teacher"]) == 0


def test_the_loss_is_the_weighted_sum_and_videos_have_no_camera_term():
    records = tiny.mixture()
    terms = Terms(weight=(1.0, 2.0, 3.0, 0.5))
    method = remix(tiny.encoder(), **SMALL, terms=terms)
    _, carry = method.init(jax.random.key(0), records)
    rng = np.random.default_rng(0)
    carry = {**carry, "active": jnp.int32(12)}
    for name in ("centroids", "camera_centroids"):
        carry[name] = jnp.asarray(rng.standard_normal(carry[name].shape), jnp.float32)
    outputs = {
        name: jnp.asarray(rng.normal(size=(8, 12)), jnp.float32)
        for name in ("f", "augmented", "original")
    }
    label = jnp.array([0, 0, 1, 1, 6, 6, 7, -1], jnp.int32)
    zero, domain = jnp.zeros(8, jnp.int32), jnp.array([0, 0, 0, 0, 1, 1, 1, 1], jnp.int32)
    tags = Tags(label, zero, zero, domain, zero)
    value, aux = method.loss(outputs, tags, carry, 0)
    parts = [
        aux.metrics[name] for name in ("instance", "augmentation", "centroid", "camera_centroid")
    ]
    assert float(value) == pytest.approx(
        float(sum(w * part for w, part in zip(terms.weight, parts, strict=True)))
    )
    changed = method.loss({**outputs, "f": outputs["f"].at[4:].set(1)}, tags, carry, 0)[1].metrics
    assert float(changed["camera_centroid"]) == float(aux.metrics["camera_centroid"])
    assert float(changed["instance"]) != float(aux.metrics["instance"])


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="against is 'nothing'"):
        remix(tiny.encoder(), terms=Terms(against="nothing"))
    world = tiny.mixture()
    with pytest.raises(ValueError, match="no annotated person"):
        remix(tiny.encoder()).init(
            jax.random.key(0), world._replace(domain=np.ones_like(world.domain))
        )
    with pytest.raises(ValueError, match="no image is in a video"):
        _plan_epoch(records=world._replace(group=np.full_like(world.group, -1)))
