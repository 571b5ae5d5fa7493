"""SpCL's contrastive loss against loops in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses import memory as contrast

memory = jaxtyped(typechecker=beartype)(contrast.memory)


def _unit(rng, *shape):
    rows = rng.standard_normal(shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


RNG = np.random.default_rng(0)
BANK, QUERY = _unit(RNG, 20, 6), _unit(RNG, 7, 6)
# No row has label 10 or 11.
BANK_LABEL = np.array([0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, -1, -1, 12, 12], np.int32)
LABEL = np.array([0, 1, 1, 9, 4, 12, 8], np.int32)


def _loop(query, label, bank, bank_label, temperature, epsilon):
    values = []
    for f, y in zip(np.float64(query), label, strict=True):
        exp = {}
        for k in set(bank_label.tolist()) - {-1}:
            products = [f @ v for v in np.float64(bank)[bank_label == k]]
            exp[k] = np.exp(np.mean(products) / temperature)
        if y in exp:
            values.append(-np.log(exp[y] / (sum(exp.values()) + epsilon) + epsilon))
    return np.mean(values) if values else 0.0


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("epsilon", [1e-6, 0.5])
def test_agrees_with_a_loop(temperature, epsilon):
    got = memory(QUERY, LABEL, BANK, BANK_LABEL, temperature=temperature, epsilon=epsilon)
    np.testing.assert_allclose(
        got, _loop(QUERY, LABEL, BANK, BANK_LABEL, temperature, epsilon), rtol=2e-5
    )


def test_ignored_rows_do_not_count():
    label = np.array([0, -1, 1, 10, 4, -1, 11], np.int32)
    expected = _loop(QUERY, label, BANK, BANK_LABEL, 0.05, 1e-6)
    np.testing.assert_allclose(memory(QUERY, label, BANK, BANK_LABEL), expected, rtol=2e-5)
    assert float(memory(QUERY, np.full(7, -1, np.int32), BANK, BANK_LABEL)) == 0
    assert float(memory(QUERY, LABEL, BANK, np.full(20, -1, np.int32))) == 0


def test_the_loss_is_limited_and_its_gradient_vanishes_at_the_limit():
    bank = np.eye(4, dtype=np.float32) * np.array([1, -1, 1, 1], np.float32)
    query = np.array([[0, 0.999, 0, np.sqrt(1 - 0.999**2)]], np.float32)
    value, gradient = jax.value_and_grad(memory)(
        jnp.asarray(query), np.array([1], np.int32), bank, np.arange(4, dtype=np.int32)
    )
    assert float(value) == pytest.approx(-np.log(1e-6), rel=1e-4)
    assert float(jnp.abs(gradient).max()) < 1e-2


@pytest.mark.parametrize("label", [LABEL, np.full(7, -1, np.int32)])
def test_gradients(label):
    def loss(query):
        return memory(query, label, BANK, BANK_LABEL, temperature=0.5)

    gradient = jax.grad(loss)(jnp.asarray(QUERY))
    step = 1e-2 * np.random.default_rng(1).standard_normal(QUERY.shape).astype(np.float32)
    np.testing.assert_allclose(
        (gradient * step).sum(), (loss(QUERY + step) - loss(QUERY - step)) / 2, rtol=2e-2, atol=1e-6
    )
    fixed = jax.grad(lambda bank: memory(QUERY, label, bank, BANK_LABEL))(jnp.asarray(BANK))
    assert float(jnp.abs(fixed).max()) == 0


def test_refusals():
    with pytest.raises(ValueError, match="embedding \\[b d\\] and bank"):
        contrast.memory(QUERY[:, :3], LABEL, BANK, BANK_LABEL)
    with pytest.raises(ValueError, match="a label for each row"):
        contrast.memory(QUERY, LABEL[:3], BANK, BANK_LABEL)
    with pytest.raises(ValueError, match="temperature is 0"):
        contrast.memory(QUERY, LABEL, BANK, BANK_LABEL, temperature=0)
