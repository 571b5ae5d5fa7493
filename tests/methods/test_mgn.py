import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from reid_jax import parallel
from reid_jax.losses.classify import circle, cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.methods.mgn import mgn
from reid_jax.models import embedder
from reid_jax.models.mgn import HEADS
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Batch, Input, Tags
from tests import tiny


class Parts(nn.Module):
    """Eight heads of three numbers behind one convolution."""

    input: Input = tiny.INPUT

    @nn.compact
    def __call__(self, image, train):
        x = nn.relu(nn.Conv(12, (3, 3))(embedder.normalised(image, self.input)))
        x = nn.Dense(24)(x.mean((1, 2)))
        return x, BatchNorm(average=parallel.average, bias=False)(x, train)


SMALL = {"persons": 4, "per_person": 4}
EXAM = [lambda _: mgn(embedder.model(Parts()), **SMALL, scale=4.0)]


def test_the_loss_is_the_mean_of_eight_and_the_mean_of_five():
    method = mgn(embedder.model(Parts()), **SMALL)
    rng = np.random.default_rng(0)
    heads = jnp.asarray(rng.normal(size=(8, 8, 3)), jnp.float32)
    cosine = jnp.asarray(rng.uniform(-1, 1, (8, 8, 5)), jnp.float32)
    label = jnp.repeat(jnp.arange(2, dtype=jnp.int32), 4)
    value, aux = method.loss({"heads": heads, "cosine": cosine}, Tags(label, *[label] * 4), {}, 0)
    classify = np.mean([cross_entropy(circle(cosine[:, i], label), label) for i in range(8)])
    at = {name: heads[:, i] for i, name in enumerate(HEADS)}
    seen = [
        at["b1"],
        at["b2"],
        at["b3"],
        np.hstack([at["b21"], at["b22"]]),
        np.hstack([at["b31"], at["b32"], at["b33"]]),
    ]
    triplet = np.mean([batch_hard(jnp.asarray(one), label, margin=None) for one in seen])
    assert float(value) == pytest.approx(classify + triplet, rel=1e-5)
    assert float(aux.metrics["classify"]) == pytest.approx(classify, rel=1e-5)


def test_cosines_are_cosines():
    method, records = mgn(embedder.model(Parts()), **SMALL), tiny.world()
    variables, carry = method.init(jax.random.key(0), records)
    image = np.random.default_rng(0).integers(0, 256, (4, 1, *tiny.SIZE, 3), np.uint8)
    tags = Tags(*[np.zeros(4, np.int32)] * 5)

    def run(image):
        return method.forward(variables, carry, Batch(image, tags), jax.random.key(0))[0]

    outputs = jax.pmap(run, parallel.AXIS, devices=jax.devices()[:1])(image[None])
    heads, cosine = np.asarray(outputs["heads"][0]), np.asarray(outputs["cosine"][0])
    classes = np.asarray(variables["params"]["classifiers"])
    for head in range(8):
        want = heads[:, head] @ classes[head]
        want /= np.linalg.norm(heads[:, head], axis=1, keepdims=True) * np.linalg.norm(classes[head], axis=0)
        np.testing.assert_allclose(cosine[:, head], want, atol=1e-5)
