import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.models import pool

X = np.random.default_rng(0).uniform(0.1, 1, (2, 4, 3, 5)).astype(np.float32)


def _gem(x, power):
    return pool.GeM().apply({"params": {"p": jnp.full((1,), power)}}, x)


def test_gem_lies_between_the_mean_and_the_maximum():
    np.testing.assert_allclose(_gem(X, 1.0), pool.average(X), rtol=1e-5)
    np.testing.assert_allclose(_gem(X, 200.0), X.max((1, 2)), rtol=0.02)
    assert pool.GeM().init(jax.random.key(0), X)["params"]["p"] == 3


@pytest.mark.parametrize("power", [2.0, 3.0, 6.5])
def test_gem_is_its_formula(power):
    expected = np.mean(X.astype(np.float64) ** power, (1, 2)) ** (1 / power)
    np.testing.assert_allclose(_gem(X, power), expected, rtol=1e-5)


def test_gem_of_a_dead_channel_and_its_gradient_are_finite():
    dead = np.where(np.arange(5) == 2, 0, X)

    def total(x, power):
        return _gem(x, power).sum()

    np.testing.assert_allclose(_gem(dead, 3.0)[:, 2], 1e-6, rtol=1e-3)
    to_x, to_power = jax.grad(total, (0, 1))(jnp.asarray(dead), 3.0)
    assert np.isfinite(to_x).all() and np.isfinite(to_power)


def test_pooling_of_bfloat16_is_float32():
    half = jnp.asarray(X, jnp.bfloat16)
    for got in (pool.average(half), _gem(half, 3.0)):
        assert got.dtype == jnp.float32
    np.testing.assert_allclose(
        pool.average(half), np.asarray(half, np.float64).mean((1, 2)), rtol=1e-6
    )
