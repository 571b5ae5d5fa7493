"""Steps of MoCo v3; its loss, `contrast.instance`, has its own tests."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import parallel
from reid_jax.methods.moco import moco
from reid_jax.models.mlp import Perceptron, build_head
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Tags
from tests import tiny


def _moco(model, norm=parallel.average, **options):
    norm = partial(BatchNorm, average=norm)
    heads = (
        build_head(Perceptron((32, 16), last=True, norm=norm), model.width),
        build_head(Perceptron((32, 16), norm=norm), 16),
    )
    return moco(model, *heads, **{"batch": 16, "iterations": 4, **options})


EXAM = [partial(_moco, temperature=0.5), partial(_moco, temperature=0.5, momentum=0.9, length=12)]
MOVES = [{"update": ["carry/teacher"]}] * 2


def _cosines(q, k):
    q, k = (np.float64(of) / np.linalg.norm(of, axis=1, keepdims=True) for of in (q, k))
    return q @ k.T


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_the_loss_is_that_of_its_formula(temperature):
    method = _moco(tiny.encoder(), temperature=temperature)
    rng = np.random.default_rng(0)
    outputs = {name: rng.standard_normal((7, 6), np.float32) for name in ("q0", "q1", "k0", "k1")}
    want = 0.0
    for q, k in (("q0", "k1"), ("q1", "k0")):
        logits = _cosines(outputs[q], outputs[k]) / temperature
        want += np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(logits)])
    tags = Tags(*[np.zeros(7, np.int32)] * 5)
    assert float(method.loss(outputs, tags, {}, jnp.int32(0))[0]) == pytest.approx(
        2 * temperature * want, rel=1e-5
    )
    gradient = jax.grad(lambda k: method.loss({**outputs, "k0": k}, tags, {}, jnp.int32(0))[0])(
        jnp.asarray(outputs["k0"])
    )
    assert not np.asarray(gradient).any()


def test_the_momentum_rises_and_the_momentum_encoder_follows():
    method = _moco(tiny.encoder(), momentum=0.99, length=100)
    outputs = {name: jnp.ones((4, 6)) for name in ("q0", "q1", "k0", "k1")}
    tags = Tags(*[np.zeros(4, np.int32)] * 5)
    for step, momentum in ((0, 0.99), (49, 0.995), (99, 1.0)):
        aux = method.loss(outputs, tags, {}, jnp.int32(step))[1]
        assert float(aux.arrays) == pytest.approx(momentum, abs=1e-5)
    variables, carry = method.init(jax.random.key(0), tiny.world())
    assert (
        set(carry["teacher"])
        == {"encoder", "projector"}
        == set(variables["batch_stats"]["teacher"])
    )
    new = jax.tree.map(lambda x: x + 1.0, variables)
    aux = aux._replace(arrays=0.75)
    for old, new in zip(
        jax.tree.leaves(carry), jax.tree.leaves(method.update(carry, new, aux)), strict=True
    ):
        np.testing.assert_allclose(new, old + 0.25, atol=1e-5)


def test_the_last_norm_has_no_weights():
    norm = BatchNorm
    projector = build_head(Perceptron((8, 6), last=True, norm=norm), 5)
    variables = projector.init(jax.random.key(0))
    assert set(variables["params"]) == {"layer0", "bn0", "layer1"} and set(
        variables["batch_stats"]
    ) == {"bn0", "last"}
    x = np.random.default_rng(0).standard_normal((32, 5), np.float32)
    y, stats = projector.apply(variables, x, True)
    np.testing.assert_allclose(np.asarray(y).mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.asarray(y).std(0), 1, atol=2e-2)
    assert jax.tree.structure(stats) == jax.tree.structure(variables["batch_stats"])
    assert (projector.apply(variables, x, False)[0] != y).any()
