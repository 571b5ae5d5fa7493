"""Cycle association against loops in float64, and sets that are padded or empty."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses import associate

symmetric = jaxtyped(typechecker=beartype)(associate.symmetric)
relaxed = jaxtyped(typechecker=beartype)(associate.relaxed)
LOSSES = {
    name: jax.jit(loss, static_argnames=("epsilon", "delta"))
    for name, loss in (
        ("symmetric", symmetric),
        ("relaxed", relaxed),
        ("narrow", partial(relaxed, margin=0.2)),
    )
}
RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.standard_normal((6, 5), np.float32), RNG.standard_normal((9, 5), np.float32)


def _walk(first, second, epsilon=0.1, delta=0.5):
    """C by loops; the walk starts from the smaller set."""
    if len(first) > len(second):
        first, second = second, first
    first, second = np.float64(first), np.float64(second)

    def step(of, to):
        factor = np.log((delta * (len(to) - 1) + 1) / (1 - delta)) / epsilon
        out = np.zeros((len(of), len(to)))
        for i, x in enumerate(of):
            exp = [np.exp(factor * x @ y / np.linalg.norm(x) / np.linalg.norm(y)) for y in to]
            out[i] = np.array(exp) / sum(exp)
        return out

    return step(first, second) @ step(second, first)


def _loop(name, first, second, **options):
    if not len(first) or not len(second):
        return 0.0
    c = _walk(first, second, **options)
    n = len(c)
    if name == "symmetric":
        return sum(abs(c[i, j] - (i == j)) for i in range(n) for j in range(n)) / n**2
    margin, total = 0.2 if name == "narrow" else 0.5, 0.0
    for i in range(n):
        row = max([c[i, j] for j in range(n) if j != i], default=0.0)
        column = max([c[k, i] for k in range(n) if k != i], default=0.0)
        total += max(row - c[i, i] + margin, 0) + max(column - c[i, i] + margin, 0)
    return total / n


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(6, 9), (6, 4), (5, 5), (2, 2), (1, 1), (1, 7), (6, 1)])
@pytest.mark.parametrize("epsilon, delta", [(0.1, 0.5), (0.5, 0.3)])
def test_agrees_with_a_loop(name, sizes, epsilon, delta):
    first, second = FIRST[: sizes[0]], SECOND[: sizes[1]]
    options = {"epsilon": epsilon, "delta": delta}
    np.testing.assert_allclose(
        LOSSES[name](first, second, **options),
        _loop(name, first, second, **options),
        rtol=2e-5,
        atol=1e-6,
    )


def _sines(n, a=0.37, b=0.0):
    i, j = np.meshgrid(np.arange(1, n + 1), np.arange(1, 7), indexing="ij")
    return np.sin(a * i * j + b).astype(np.float32)


@pytest.mark.parametrize(
    "loss, sizes, epsilon, expected",
    [
        (relaxed, (4, 4), 0.1, 0.76220685),
        (relaxed, (4, 4), 0.5, 1.02609074),
        (relaxed, (3, 5), 0.1, 1.07508671),
        (relaxed, (5, 3), 0.1, 0.49083018),
        (symmetric, (4, 4), 0.1, 0.25815892),
    ],
)
def test_recorded_constants(loss, sizes, epsilon, expected):
    """The constants were computed from the paper's equations by another program."""
    first, second = _sines(sizes[0]), _sines(sizes[1], 0.9, 0.2)
    assert float(loss(first, second, epsilon=epsilon)) == pytest.approx(expected, abs=2e-6)


@partial(jax.jit, static_argnums=0)
def _with_gradient(name, first, second, first_valid, second_valid):
    def loss(*sets):
        return LOSSES[name](*sets, first_valid=first_valid, second_valid=second_valid)

    return jax.value_and_grad(loss, (0, 1))(first, second)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sizes", [(4, 6), (6, 4), (3, 3), (1, 5), (1, 1), (0, 4), (4, 0), (0, 0)])
def test_padding_does_not_change_value_and_gradient(name, sizes):
    """Padded rows may be anywhere between the persons, with any values."""
    rng = np.random.default_rng(1)
    valid = [np.isin(np.arange(8), rng.permutation(8)[:size]) for size in sizes]
    padded = [100 * rng.standard_normal((8, 5), np.float32) for _ in sizes]
    padded[0][~valid[0]] = 0
    plain = FIRST[: sizes[0]], SECOND[: sizes[1]]
    for rows, mask, persons in zip(padded, valid, plain, strict=True):
        rows[mask] = persons
    value, gradient = _with_gradient(name, *padded, *valid)
    np.testing.assert_allclose(value, _loop(name, *plain), rtol=2e-5, atol=1e-6)
    for of, mask in zip(gradient, valid, strict=True):
        assert np.isfinite(of).all() and (np.asarray(of)[~mask] == 0).all()
    if min(sizes):
        expected = jax.jit(jax.grad(LOSSES[name], (0, 1)))(*plain)
        for of, mask, without in zip(gradient, valid, expected, strict=True):
            np.testing.assert_allclose(np.asarray(of)[mask], without, rtol=1e-5, atol=2e-6)
    else:
        assert float(value) == 0 and all((np.asarray(of) == 0).all() for of in gradient)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name):
    def loss(first, second):
        return LOSSES[name](first, second, epsilon=0.5)

    gradient = jax.grad(loss, (0, 1))(jnp.asarray(FIRST), jnp.asarray(SECOND))
    rng = np.random.default_rng(1)
    step = [1e-2 * rng.standard_normal(of.shape).astype(np.float32) for of in (FIRST, SECOND)]
    up, down = loss(FIRST + step[0], SECOND + step[1]), loss(FIRST - step[0], SECOND - step[1])
    along = sum(float((of * by).sum()) for of, by in zip(gradient, step, strict=True))
    assert along == pytest.approx(float(up - down) / 2, rel=2e-2, abs=1e-5)


def test_perfect_matches_have_no_loss_and_rows_of_zeros_are_finite():
    people = np.eye(5, dtype=np.float32)
    assert float(relaxed(people, people[[3, 1, 4, 0, 2]])) == 0
    assert float(symmetric(people, people[[3, 1, 4, 0, 2]])) < 1e-3
    for loss in (symmetric, relaxed):
        value, gradient = jax.value_and_grad(loss)(jnp.zeros((4, 5)), jnp.zeros((4, 5)))
        assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.parametrize("count, expected", [(2, 10.99), (4, 16.09), (16, 28.33), (40, 37.14)])
def test_temperatures(count, expected):
    got = associate.temperature(jnp.float32(count))
    assert (
        float(got)
        == pytest.approx(np.log(count + 1) / 0.1, rel=1e-5)
        == pytest.approx(expected, abs=5e-3)
    )
    assert float(associate.temperature(jnp.float32(0))) == 0


def test_refusals():
    with pytest.raises(ValueError, match="first \\[n d\\] and its mask"):
        associate.relaxed(FIRST, SECOND, first_valid=np.ones(3, bool))
    with pytest.raises(ValueError, match="one width"):
        associate.symmetric(FIRST, SECOND[:, :3])
    with pytest.raises(ValueError, match="margin is 1"):
        associate.relaxed(FIRST, SECOND, margin=1)
    for wrong in ({"epsilon": 0}, {"delta": 0}, {"delta": 1}):
        with pytest.raises(ValueError, match="epsilon is above 0 and delta between 0 and 1"):
            associate.relaxed(FIRST, SECOND, **wrong)
