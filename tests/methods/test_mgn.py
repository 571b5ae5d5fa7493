from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import traverse_util

from reid_jax import optimise, parallel
from reid_jax.losses.classify import circle, cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.methods.mgn import mgn
from reid_jax.models import embedder
from reid_jax.models.mgn import HEADS
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Batch, Input, Tags, student
from tests import tiny


class Trunk(nn.Module):
    """A convolution and its batch normalisation."""

    @nn.compact
    def __call__(self, x, train):
        return nn.relu(BatchNorm(average=parallel.average)(nn.Conv(12, (3, 3))(x), train))


class Parts(nn.Module):
    """Eight heads of three numbers behind one trunk."""

    input: Input = tiny.INPUT

    @nn.compact
    def __call__(self, image, train):
        x = Trunk(name="trunk")(embedder.normalised(image, self.input), train)
        x = nn.Dense(24, name="reduce")(x.mean((1, 2)))
        behind = train if isinstance(train, bool) else True
        return x, BatchNorm(average=parallel.average, bias=False, name="neck")(x, behind)


SMALL = {"persons": 4, "per_person": 4}
FREEZE = 8  # steps, in the middle of the second epoch


EXAM = [
    lambda _, freeze=freeze: mgn(embedder.model(Parts()), **SMALL, scale=4.0, freeze=freeze)
    for freeze in (0, FREEZE)
]
MOVES = [{"update": ["carry/step"]}] * 2


def test_the_loss_is_the_mean_of_eight_and_the_mean_of_five():
    method = mgn(embedder.model(Parts()), **SMALL)
    rng = np.random.default_rng(0)
    heads = jnp.asarray(rng.normal(size=(8, 8, 3)), jnp.float32)
    cosine = jnp.asarray(rng.uniform(-1, 1, (8, 8, 5)), jnp.float32)
    label = jnp.repeat(jnp.arange(2, dtype=jnp.int32), 4)
    value, aux = method.loss({"heads": heads, "cosine": cosine}, Tags(label, *[label] * 4), {}, 0)
    classify = np.mean([cross_entropy(circle(cosine[:, i], label), label) for i in range(8)])
    at = {name: heads[:, i] for i, name in enumerate(HEADS)}
    parts = [
        at["b1"],
        at["b2"],
        at["b3"],
        np.hstack([at["b21"], at["b22"]]),
        np.hstack([at["b31"], at["b32"], at["b33"]]),
    ]
    triplet = np.mean([batch_hard(jnp.asarray(part), label, margin=None) for part in parts])
    assert float(value) == pytest.approx(classify + triplet, rel=1e-5)
    assert float(aux.metrics["classify"]) == pytest.approx(classify, rel=1e-5)


def test_cosines_are_cosines():
    method, records = mgn(embedder.model(Parts()), **SMALL), tiny.world()
    variables, carry = method.init(jax.random.key(0), records)
    image = np.random.default_rng(0).integers(0, 256, (4, 1, *tiny.SIZE, 3), np.uint8)
    tags = Tags(*[np.zeros(4, np.int32)] * 5)

    def run(image):
        return method.forward(variables, carry, Batch(image, tags), jax.random.key(0))[0]

    outputs = parallel.mapped(run, (0,), devices=jax.devices()[:1])(image[None])
    heads, cosine = np.asarray(outputs["heads"][0]), np.asarray(outputs["cosine"][0])
    classes = np.asarray(variables["params"]["classifiers"])
    for head in range(8):
        want = heads[:, head] @ classes[head]
        want /= np.linalg.norm(heads[:, head], axis=1, keepdims=True) * np.linalg.norm(
            classes[head], axis=0
        )
        np.testing.assert_allclose(cosine[:, head], want, atol=1e-5)


def test_a_frozen_trunk_keeps_weights_and_statistics_and_normalises_by_them():
    """The heads learn and their statistics change; from step FREEZE on those of the trunk too."""
    rests = optimise.adam(0.01, rest=lambda step: step < FREEZE)
    parts = optimise.groups(
        lambda path: path[1] if path[1:2] == ("trunk",) else "others",
        trunk=rests,
        others=optimise.adam(0.01),
    )
    run = tiny.Run(EXAM[1], devices=2, optimiser=parts)
    states = [run.start()] + [
        parallel.first(moment.state) for moment in run.moments(count=2, every=1)
    ]
    assert len(states) > FREEZE + 1
    flat = [traverse_util.flatten_dict(state.variables, sep="/") for state in states]
    for step, (before, after) in enumerate(pairwise(flat)):
        for name in before:
            held = step < FREEZE and "/trunk/" in name
            assert np.array_equal(before[name], after[name]) == held, (step, name)


def test_a_frozen_trunk_normalises_by_its_running_statistics():
    method, records = EXAM[1](None), tiny.world()
    variables, carry = method.init(jax.random.key(0), records)
    encoder = student(variables, carry)
    image = np.random.default_rng(0).integers(0, 256, (4, 1, *tiny.SIZE, 3), np.uint8)
    batch = Batch(image[None], Tags(*[np.zeros((1, 4), np.int32)] * 5))
    forward = parallel.mapped(
        lambda batch: method.forward(variables, carry, batch, jax.random.key(0))[0]["heads"],
        (0,),
        devices=jax.devices()[:1],
    )
    feature = np.asarray(embedder.model(Parts()).apply(encoder, image[:, 0], False)[0].feature)
    by_batch = (feature - feature.mean(0)) / np.sqrt(feature.var(0) + 1e-5)
    np.testing.assert_allclose(forward(batch)[0].reshape(4, 24), by_batch, atol=1e-3)
