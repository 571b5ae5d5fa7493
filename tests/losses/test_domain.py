"""Domain losses against scipy's entropies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped
from scipy.stats import entropy

from reid_jax.losses import domain

balance = jaxtyped(typechecker=beartype)(domain.balance)
symmetric_kl = jaxtyped(typechecker=beartype)(domain.symmetric_kl)
P = np.random.default_rng(0).dirichlet([1, 1], 9).astype(np.float32)


@pytest.mark.parametrize("domains", [2, 3])
def test_agree_with_scipy(domains):
    p = np.random.default_rng(1).dirichlet(np.ones(domains), 9).astype(np.float32)
    even = np.full(domains, 1 / domains)
    np.testing.assert_allclose(
        balance(p), np.mean([domains / 2 - entropy(row) for row in p]), rtol=1e-5
    )
    want = np.mean([entropy(row, even) + entropy(even, row) for row in p])
    np.testing.assert_allclose(symmetric_kl(p), want, rtol=1e-5)


def test_minimal_for_equal_probabilities():
    even = np.full((4, 2), 0.5, np.float32)
    assert float(balance(even)) == pytest.approx(1 - np.log(2)) and float(symmetric_kl(even)) == 0
    for loss in (balance, symmetric_kl):
        gradient = jax.grad(lambda logit, loss=loss: loss(jax.nn.softmax(logit)))(jnp.zeros((4, 2)))
        assert float(jnp.abs(gradient).max()) < 1e-7
        assert float(loss(P)) > float(loss(even))


@pytest.mark.parametrize("loss", [balance, symmetric_kl])
def test_certainty_gives_no_nan(loss):
    sure = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(loss(sure)) and np.isfinite(jax.grad(loss)(sure)).all()
    far = jnp.array([[300.0, -300.0]])
    assert np.isfinite(jax.grad(lambda logit: loss(jax.nn.softmax(logit)))(far)).all()
    with pytest.raises(ValueError, match="probabilities"):
        domain.balance(sure[0])
