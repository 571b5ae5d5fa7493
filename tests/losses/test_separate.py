"""GDS's losses against loops, finite differences and a worked batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses import separate
from reid_jax.memory.moments import Moments, move_moments

pairs, separation, tails, overlap = (
    jaxtyped(typechecker=beartype)(one)
    for one in (separate.pairs, separate.separation, separate.tails, separate.overlap)
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((7, 5)).astype(np.float32)
LABEL = np.array([0, 0, 1, -1, 1, 2, 0], np.int32)
SCOPE = np.array([0, 0, 0, 0, 0, 1, 1], np.int32)
START = Moments(jnp.full(2, 0.5), jnp.full(2, 1 / 6))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pairs_agree_with_a_loop(metric):
    x = X.copy()
    x[4] = 0
    distance, same, other = pairs(x, LABEL, SCOPE, metric=metric)
    for i in range(7):
        for j in range(7):
            comparable = (
                i < j and min(LABEL[i], LABEL[j]) >= 0 and SCOPE[i] == SCOPE[j] and 4 not in (i, j)
            )
            assert same[i, j] == (comparable and LABEL[i] == LABEL[j])
            assert other[i, j] == (comparable and LABEL[i] != LABEL[j])
            if comparable:
                u, v = np.float64(x[i]), np.float64(x[j])
                cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
                apart = 0.5 - cosine / 2 if metric == "cosine" else np.linalg.norm(u - v)
                np.testing.assert_allclose(distance[i, j], apart, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sizes", [(0.0, 0.0, 0.0), (1.0, 0.5, 3.0)])
def test_losses_by_the_formula(sizes):
    lambda_sigma, _, kappa = sizes
    mean, variance = np.array([0.3, 0.55], np.float32), np.array([0.02, 0.01], np.float32)
    basic = np.log1p(np.exp(0.3 - 0.55)) + lambda_sigma * 0.03
    np.testing.assert_allclose(
        separation(mean, variance, lambda_sigma=lambda_sigma), basic, rtol=1e-6
    )
    far, near = 0.3 + kappa * np.sqrt(0.02), 0.55 - kappa * np.sqrt(0.01)
    np.testing.assert_allclose(
        tails(mean, variance, kappa=kappa), np.log1p(np.exp(far - near)), rtol=1e-6
    )


def test_a_worked_batch():
    """Computed by numpy in float64: 8 rows of 4 persons, beta 0.9, initial moments 1/2 and 1/6."""
    x = np.sin(0.37 * np.outer(np.arange(1, 9), np.arange(1, 7))).astype(np.float32)
    label = np.repeat(np.arange(4), 2).astype(np.int32)
    moments = move_moments(START, *pairs(x, label, np.zeros(8, np.int32)), momentum=0.9)
    np.testing.assert_allclose(moments.mean, [0.48330030, 0.50006407], rtol=1e-6)
    np.testing.assert_allclose(moments.variance, [0.15316692, 0.15086336], rtol=1e-6)
    np.testing.assert_allclose(separation(*moments), 0.98883075, rtol=1e-6)
    np.testing.assert_allclose(tails(*moments), 2.41607690, rtol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_gradients_with_respect_to_the_embedding(metric):
    def loss(x):
        moments = move_moments(START, *separate.pairs(x, LABEL, SCOPE, metric=metric), momentum=0.5)
        return separate.separation(*moments) + 0.5 * separate.tails(*moments)

    gradient = np.asarray(jax.grad(loss)(jnp.asarray(X)))
    for i, j in np.ndindex(7, 5):
        step = np.zeros_like(X)
        step[i, j] = 1e-2
        slope = (float(loss(X + step)) - float(loss(X - step))) / 2e-2
        np.testing.assert_allclose(gradient[i, j], slope, rtol=2e-2, atol=2e-4)
    assert np.abs(gradient[3]).max() == 0 and np.abs(gradient).max() > 1e-3  # row 3 is ignored


@pytest.mark.parametrize("x, label", [
    (np.zeros((6, 3), np.float32), [0, 0, 1, 1, 2, 2]),
    (np.ones((6, 3), np.float32), [0, 0, 1, 1, 2, 2]),  # all pairs equal
    (X[:6, :3], [0, 1, 2, 3, 4, 5]),  # no positive pair
    (X[:6, :3], [0] * 6),  # no negative pair
    (X[:6, :3], [-1] * 6),
])  # fmt: skip
@pytest.mark.parametrize("variance", [1 / 6, 0.0])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_bad_batches_have_finite_losses_and_gradients(x, label, variance, metric):
    start = Moments(jnp.zeros(2), jnp.full(2, variance))

    def loss(x):
        moments = move_moments(
            start, *separate.pairs(x, np.array(label), np.zeros(6, int), metric=metric)
        )
        return separate.separation(*moments) + separate.tails(*moments)

    value, gradient = jax.value_and_grad(loss)(jnp.asarray(x))
    assert np.isfinite(value) and np.isfinite(gradient).all() and np.abs(gradient).max() < 10


def test_overlap_is_that_of_the_densities():
    at = np.linspace(-10, 10, 20001)

    def density(mean, variance):
        return np.exp(-((at - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    for mean, variance in (
        ((0.3, 0.5), (0.02, 0.01)),
        ((0.4, 0.4), (0.1, 0.1)),
        ((0.0, 2.0), (0.3, 1.5)),
    ):
        expected = np.sqrt(density(mean[0], variance[0]) * density(mean[1], variance[1])).sum() * (
            at[1] - at[0]
        )
        np.testing.assert_allclose(
            overlap(np.float32(mean), np.float32(variance)), expected, rtol=1e-4
        )
    assert float(overlap(np.array([0.1, 0.9], np.float32), np.zeros(2, np.float32))) == 0
    assert float(overlap(np.full(2, 0.5, np.float32), np.zeros(2, np.float32))) == pytest.approx(1)


@pytest.mark.parametrize("call, message", [
    (lambda: separate.pairs(X, LABEL[:3], SCOPE), r"got \[7, 5\], \[3\]"),
    (lambda: separate.pairs(X, LABEL, SCOPE, metric="cosin"), "expected cosine or euclidean"),
    (lambda: separate.separation(np.zeros(3), np.zeros(2)), "two means"),
    (lambda: separate.tails(np.zeros(2), np.zeros(1)), "two means"),
])  # fmt: skip
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
