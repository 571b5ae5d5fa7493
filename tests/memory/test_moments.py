"""The running moments against loops, and the toy example of GDS's supplement."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.memory import moments as carry
from reid_jax.memory.moments import Moments

move_moments = jaxtyped(typechecker=beartype)(carry.move_moments)

RNG = np.random.default_rng(0)
DISTANCE = RNG.uniform(0, 1, (6, 6)).astype(np.float32)
LABEL = np.array([0, 0, 1, 1, 1, 2])
ONCE = np.triu(np.ones((6, 6), bool), 1)
SAME, NONE = ONCE & (LABEL[:, None] == LABEL[None, :]), np.zeros((6, 6), bool)
OTHER = ONCE & ~SAME
OLD = Moments(jnp.array([0.5, 0.7]), jnp.array([1 / 6, 0.1]))


def _loop(distance, sides, momentum, around):
    means, variances = [], []
    for side, (mean, variance) in enumerate(zip(*np.float64(OLD), strict=True)):
        picked = [float(distance[i, j]) for i in range(6) for j in range(6) if sides[side][i, j]]
        new = momentum * mean + (1 - momentum) * sum(picked) / len(picked) if picked else mean
        centre = new if around == "new" else mean
        batch_variance = sum((d - centre) ** 2 for d in picked) / len(picked) if picked else 0
        means.append(new)
        variances.append(
            momentum * variance + (1 - momentum) * batch_variance if picked else variance
        )
    return means, variances


@pytest.mark.parametrize("straight", [False, True])
@pytest.mark.parametrize("around", ["new", "old"])
@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("sides", [(SAME, OTHER), (NONE, OTHER), (SAME, NONE), (NONE, NONE)])
def test_agrees_with_a_loop(sides, momentum, around, straight):
    options = {"momentum": momentum, "around": around, "straight": straight}
    got = move_moments(OLD, jnp.asarray(DISTANCE), *map(jnp.asarray, sides), **options)
    np.testing.assert_allclose(got, _loop(DISTANCE, sides, momentum, around), rtol=1e-5, atol=1e-7)
    for side in range(2):
        if not sides[side].any():
            assert got.mean[side] == OLD.mean[side] and got.variance[side] == OLD.variance[side]


def _sum(moments):
    weighted = jnp.array([1.0, -2.0]) * moments.mean + jnp.array([3.0, 0.5]) * moments.variance
    return weighted.sum()


@pytest.mark.parametrize("around", ["new", "old"])
@pytest.mark.parametrize("sides", [(SAME, OTHER), (NONE, OTHER), (NONE, NONE)])
def test_gradients(sides, around):
    def value(distance):
        return _sum(carry.move_moments(OLD, distance, *sides, momentum=0.6, around=around))

    gradient = np.asarray(jax.grad(value)(jnp.asarray(DISTANCE)))
    for i, j in np.ndindex(6, 6):
        step = np.zeros((6, 6))
        step[i, j] = 1e-4
        up, down = (
            [np.array(x) for x in _loop(DISTANCE + sign * step, sides, 0.6, around)]
            for sign in (1, -1)
        )
        slope = (
            sum(
                (weight * (a - b)).sum()
                for weight, a, b in zip(([1, -2], [3, 0.5]), up, down, strict=True)
            )
            / 2e-4
        )
        np.testing.assert_allclose(gradient[i, j], slope, rtol=1e-3, atol=1e-6)


def test_straight_through_has_the_gradient_of_the_batch_alone():
    def value(distance, momentum, straight):
        options = {"momentum": momentum, "straight": straight, "around": "old"}
        return _sum(carry.move_moments(OLD, distance, SAME, OTHER, **options))

    slope = jax.grad(value)
    np.testing.assert_allclose(slope(DISTANCE, 0.99, True), slope(DISTANCE, 0.0, False), rtol=1e-5)
    np.testing.assert_allclose(
        slope(DISTANCE, 0.99, False), 0.01 * slope(DISTANCE, 0.99, True), rtol=1e-4, atol=1e-9
    )


def test_no_gradient_goes_to_the_old_moments():
    gradient = jax.grad(lambda old: _sum(carry.move_moments(old, DISTANCE, SAME, OTHER)))(OLD)
    assert not any(np.any(one) for one in gradient)


def test_the_toy_example_converges_to_the_pooled_moments():
    """Supplement, section 1: with beta = N / (N + M), N >> M, the update pools both samples."""
    rng, errors = np.random.default_rng(1), []
    some = rng.normal(0.6, 0.1, 64)
    for many in (256, 4096, 65536):
        before = rng.normal(0.4, 0.2, many)
        old = Moments(jnp.full(2, before.mean()), jnp.full(2, before.var()))
        pairs = np.ones((8, 8), bool)
        batch, beta = jnp.asarray(some.reshape(8, 8), jnp.float32), many / (many + 64)
        pooled = np.concatenate([before, some])
        for around in ("new", "old"):
            got = carry.move_moments(old, batch, pairs, pairs, momentum=beta, around=around)
            np.testing.assert_allclose(got.mean, pooled.mean(), rtol=1e-5)  # exact at any N
            errors.append(abs(float(got.variance[0]) / pooled.var() - 1))
    new, earlier = np.array(errors).reshape(3, 2).T
    for error in (new, earlier):  # the error of the variance is of order M / N
        assert error[0] > 8 * error[1] > 64 * error[2] and error[2] < 1e-3


def test_many_batches_converge_to_the_moments_of_all():
    rng, moments = np.random.default_rng(2), OLD
    pairs = np.ones((6, 6), bool)
    move = jax.jit(
        lambda moments, batch: carry.move_moments(moments, batch, pairs, pairs, momentum=0.99)
    )
    for _ in range(2000):
        moments = move(moments, rng.normal(0.3, 0.05, (6, 6)).astype(np.float32))
    np.testing.assert_allclose(moments.mean, 0.3, atol=2e-3)
    np.testing.assert_allclose(moments.variance, 0.05**2, rtol=0.05)


@pytest.mark.parametrize("arguments, options, message", [
    ((DISTANCE[:5], SAME, OTHER), {}, r"got \[5, 6\], \[6, 6\]"),
    ((DISTANCE, SAME[:2], OTHER), {}, r"\[2, 6\]"),
    ((DISTANCE, SAME, OTHER), {"momentum": 1.5}, "momentum is 1.5"),
    ((DISTANCE, SAME, OTHER), {"around": "batch"}, "new or old"),
])  # fmt: skip
def test_refusals(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        carry.move_moments(OLD, *arguments, **options)
