"""Labels, turns and losses of DomainMix; the domain losses and `refine` have their own tests."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reid_jax import optimise, parallel
from reid_jax.data import records as columns
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.methods.domainmix import Turns, Weights, domainmix
from reid_jax.models.discriminator import judge
from reid_jax.models.norm import BatchNorm
from reid_jax.train import Position
from reid_jax.types import Tags, TrainState
from tests import tiny
from tests.tiny import Run

WORLD = tiny.mixture
SMALL = {"persons": 4, "per_person": 4, "iterations": 5}
TRUTH = columns.relabel(np.arange(7, 13)).repeat(8)  # of the real half of the tiny world


def _judge(model):
    return judge(model.width, norm=partial(BatchNorm, average=parallel.average), widths=(8, 4))


def _make(model, labels=TRUTH, **options):
    return domainmix(model, _judge(model), labels=labels, **{**SMALL, **options})


def _nearest(unit, limit):
    """Label the real half of the tiny world by its embeddings, and keep the threshold.

    The labels are the same on any number of devices.
    """
    return (unit @ unit[::8].T).argmax(1), np.float32(0.25 if limit is None else limit)


EACH_EPOCH = {"labels": _nearest, "least": 1, "capacity": 8, "other_cameras": False}
EXAM = [
    lambda model: _make(model, turns=Turns(5, 10, 5, 5)),
    lambda model: _make(model, **EACH_EPOCH, turns=Turns(0, 5, 0, 1), against="kl"),
    lambda model: _make(model, means=True),
]
MOVES = [
    {},
    {"plan": ["params/classifier", "carry/active", "carry/threshold"]},
    {"plan": ["params/classifier"]},
]


def _plan_epoch(method, records, embed=None):
    variables, carry = method.init(jax.random.key(0), records)
    state = jax.tree.map(np.asarray, TrainState(0, variables, (), carry))
    return method.plan(state, records, embed, np.random.default_rng(0))


def test_pseudo_labels_follow_the_synthetic_persons_and_small_ones_are_dropped():
    records, model = tiny.mixture(), tiny.encoder()
    pseudo = TRUTH.copy()
    pseudo[:5], pseudo[5:8] = 0, -1  # five images, one label's least
    pseudo[8:12], pseudo[12:16] = 1, 6  # four each: dropped
    state, plan = _plan_epoch(_make(model, pseudo), records)
    synthetic = records.domain == 0
    np.testing.assert_array_equal(plan.label[synthetic], columns.relabel(records.person[synthetic]))
    assert (plan.label[~synthetic][:5] == 6).all() and (plan.label[~synthetic][5:16] == -1).all()
    # 2 -> 7, since label 1 is dropped.
    np.testing.assert_array_equal(plan.label[~synthetic][16:], 5 + TRUTH[16:])
    assert state.carry["active"] == 6 + 5 and plan.label.max() == 10
    assert plan.report["labels"] == 5 and plan.report["outlier_part"] == pytest.approx(11 / 48)
    assert (plan.label[plan.rows] >= 0).all()


def test_computed_labels_start_their_classifiers_at_their_means():
    records, asked = tiny.mixture(), []
    embedding = np.random.default_rng(0).normal(size=(len(records.person), 12)).astype(np.float32)

    def embed(rows):
        asked.append(rows)
        return 3 * embedding[rows]

    def labels(unit, limit):
        np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-5)
        return TRUTH, np.float32(0.5)

    method = _make(tiny.encoder(), labels, capacity=8)
    before = method.init(jax.random.key(0), records)[0]["params"]["classifier"]
    state, plan = _plan_epoch(method, records, embed)
    np.testing.assert_array_equal(np.concatenate(asked), np.flatnonzero(records.domain == 1))
    kernel = state.variables["params"]["classifier"]
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    for label in range(6, 12):
        mean = unit[plan.label == label].mean(0)
        np.testing.assert_allclose(
            kernel[:, label], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6
        )
    untouched = [*range(6), 12, 13]
    np.testing.assert_array_equal(kernel[:, untouched], before[:, untouched])
    assert state.carry["active"] == 12 and kernel.shape == (12, 14)


def test_the_threshold_of_reliability_is_computed_in_the_first_epoch():
    records, asked = tiny.mixture(), []

    def labels(unit, limit):
        asked.append(limit)
        return TRUTH, np.float32(0.1 * len(asked)) if limit is None else limit

    method = _make(tiny.encoder(), labels, capacity=8)
    embedding = np.random.default_rng(0).normal(size=(len(records.person), 12)).astype(np.float32)
    state, _ = _plan_epoch(method, records, embedding.__getitem__)
    later = state._replace(step=5)
    later, _ = method.plan(later, records, embedding.__getitem__, np.random.default_rng(1))
    assert asked == [None, np.float32(0.1)] and later.carry["threshold"] == np.float32(0.1)


def test_an_image_alone_with_its_label_is_not_copied():
    records = tiny.mixture()
    alone = np.arange(48)
    _, plan = _plan_epoch(_make(tiny.encoder(), alone, least=1, most=None, iterations=40), records)
    single = np.isin(plan.rows, np.flatnonzero(records.domain == 1))
    again = sum(
        mask.sum() - len(np.unique(rows[mask]))
        for rows, mask in zip(plan.rows, single, strict=True)
    )
    # Only where a batch ends one pass over the labels and begins the next, which is nine times.
    assert again <= 18
    # 48 of 54 labels give a row each, 6 give four: 48 / (48 + 24).
    assert 0.5 < single.mean() < 0.75


def test_all_classifiers_start_at_the_means_of_their_images_once():
    records = tiny.mixture()
    embedding = np.random.default_rng(0).normal(size=(len(records.person), 12)).astype(np.float32)
    method = _make(tiny.encoder(), means=True)
    state, plan = _plan_epoch(method, records, lambda rows: embedding[rows])
    kernel = state.variables["params"]["classifier"]
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    for label in range(plan.label.max() + 1):
        mean = unit[plan.label == label].mean(0)
        np.testing.assert_allclose(
            kernel[:, label], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6
        )
    # Later nothing is embedded.
    later, _ = method.plan(state._replace(step=1), records, None, np.random.default_rng(0))
    np.testing.assert_array_equal(later.variables["params"]["classifier"], kernel)


def test_labels_above_the_capacity_are_dropped(caplog):
    records = tiny.mixture()
    method = _make(tiny.encoder(), lambda unit, limit: (TRUTH, limit or 0.5), capacity=4)
    _, plan = _plan_epoch(
        method, records, lambda rows: np.eye(12, dtype=np.float32)[records.person[rows] - 1]
    )
    assert plan.label.max() == 9 and "capacity is 4" in caplog.text


@pytest.mark.parametrize("against", ["balance", "kl"])
def test_the_loss_of_each_stage_and_turn(against):
    rng = np.random.default_rng(0)
    label = np.array([0, 0, 1, 1, 2, 2, 3, 3], np.int32)
    tags = Tags(label, *[np.arange(8, dtype=np.int32)] * 2, (label >= 2).astype(np.int32), label)
    outputs = {
        "feature": rng.normal(size=(8, 5)),
        "logits": rng.normal(size=(8, 9)),
        "domains": rng.normal(size=(8, 2)),
    }
    outputs = {name: jnp.asarray(value, jnp.float32) for name, value in outputs.items()}
    carry = {"active": jnp.int32(7)}
    options = {
        "weights": Weights(10.0, 3.0, 2.0),
        "turns": Turns(6, 4, 2, 2),
        "against": against,
        "margin": 0.3,
    }
    loss = jax.jit(_make(tiny.encoder(), **options, temperature=2.0, smoothing=0.1).loss)
    identity = float(cross_entropy(outputs["logits"][:, :7], label, smoothing=0.1, temperature=2.0))
    triplet = float(batch_hard(outputs["feature"], label, margin=0.3))
    p = np.exp(outputs["domains"]) / np.exp(outputs["domains"]).sum(1, keepdims=True)
    kl = (p * np.log(2 * p) + 0.5 * np.log(0.5 / p)).sum(1).mean()
    domain = (p * np.log(p) + 0.5).sum(1).mean() if against == "balance" else kl
    discriminator = -np.log(p[np.arange(8), tags.domain]).mean()
    second, third = 10 * identity + triplet, 3 * identity + triplet + 2 * domain
    for step, expected in [
        (0, second),
        (5, second),
        (6, third),
        (7, third),
        (8, discriminator),
        (9, discriminator),
        (10, third),
    ]:
        value, aux = loss(outputs, tags, carry, jnp.int32(step))
        assert float(value) == pytest.approx(expected, rel=1e-5), step
    assert aux.metrics["real"] == 0.5
    assert aux.metrics["domain_accuracy"] == pytest.approx((p.argmax(1) == tags.domain).mean())


def test_a_batch_of_one_domain_has_finite_losses_and_gradients():
    method = _make(tiny.encoder(), turns=Turns(0, 2, 1, 1))
    label = np.array([0, 0, 1, 1], np.int32)
    tags = Tags(label, label, label, np.zeros(4, np.int32), label)
    outputs = {
        "feature": jnp.eye(4),
        "logits": jnp.eye(4),
        "domains": jnp.full((4, 2), 200.0).at[:, 1].set(-200.0),
    }

    def value(outputs, step):
        return method.loss(outputs, tags, {"active": jnp.int32(4)}, step)[0]

    for step in (0, 1):
        loss, gradient = jax.jit(jax.value_and_grad(value))(outputs, step)
        assert np.isfinite(loss) and all(
            np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)
        )


def test_the_discriminator_and_the_others_learn_alternately():
    turns = Turns(5, 4, 2, 2)
    optimiser = optimise.groups(
        lambda path: path[0] if path[0] == "discriminator" else "others",
        discriminator=optimise.adam(1e-2, rest=lambda step: ~turns.judging(step)),
        others=optimise.adam(1e-3, rest=turns.judging),
    )
    run = Run((lambda model: _make(model, turns=turns), WORLD), optimiser=optimiser)
    before = None
    for moment in run.moments(count=3, every=1):
        params = parallel.first(moment.state.variables["params"])
        changed = {
            name: before is None or tiny.difference(params[name], before[name]) > 0
            for name in params
        }
        step = int(parallel.first(moment.state.step)) - 1  # of the step just made
        if before is not None:
            judging = bool(turns.judging(step))
            assert changed == {
                "encoder": not judging,
                "classifier": not judging,
                "discriminator": judging,
            }, step
        before = params
    assert step == 14


@pytest.mark.slow
def test_the_second_stage_and_then_the_third_is_one_run():
    """Continuing a run of the second stage with turns equals one run with turns from the start."""
    turns, optimiser = Turns(5, 2, 1, 1), optax.adam(1e-2)
    both = (lambda model: _make(model, turns=turns), WORLD)
    first = Run((lambda model: _make(model), WORLD), optimiser=optimiser)
    half = first.end(count=1)
    second = Run(both, optimiser=optimiser)
    whole = Run(both, optimiser=optimiser).end(count=2)
    end = second.end(state=half, resume=Position(0, 5, first.last.position.plan), count=2)
    assert tiny.difference(end, whole) == 0


def test_wrong_options_are_refused():
    model, records = tiny.encoder(), tiny.mixture()
    with pytest.raises(
        ValueError,
        match="none of the 12 pseudo labels of 48 real images has 5 to 120 images; .* 4,",
    ):
        _make(model, np.arange(48) // 4)
    with pytest.raises(ValueError, match="none of the 0 pseudo labels"):
        _make(model, np.full(48, -1))
    with pytest.raises(ValueError, match="7 pseudo labels are given and there are 48 real"):
        _make(model, np.zeros(7, int)).init(jax.random.key(0), records)
    with pytest.raises(ValueError, match="both domains"):
        _make(model, turns=Turns(0, 2, 1, 1)).init(
            jax.random.key(0), columns.take(records, records.domain == 1)
        )
    with pytest.raises(ValueError, match="expected one of balance, kl"):
        _make(model, against="mmd")


def test_one_domain_alone_is_a_supervised_training():
    records, model = tiny.mixture(), tiny.encoder()
    synthetic = columns.take(records, records.domain == 0)
    _, plan = _plan_epoch(_make(model, np.empty(0, int)), synthetic)
    np.testing.assert_array_equal(plan.label, columns.relabel(synthetic.person))
    assert plan.report == {}


def test_a_discriminator_is_initialised_like_torch():
    params = _judge(tiny.encoder()).init(jax.random.key(0))["params"]
    assert params["fc_0"]["kernel"].shape == (12, 8)
    assert params["fc_2"]["kernel"].shape == (4, 2)
    wide = judge(400).init(jax.random.key(1))["params"]["fc_0"]
    for leaf in jax.tree.leaves(wide):
        assert 0.045 < np.abs(leaf).max() <= 1 / np.sqrt(400)
        assert np.std(leaf) == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
