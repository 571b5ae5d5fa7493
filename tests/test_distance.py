"""Distances against scipy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped
from scipy.spatial.distance import cdist

from reid_jax import distance

X = np.random.default_rng(0).standard_normal((7, 5), np.float32)
Y = np.random.default_rng(1).standard_normal((4, 5), np.float32)


@pytest.mark.parametrize(
    "name, scipys",
    [("euclidean", "euclidean"), ("squared_euclidean", "sqeuclidean"), ("cosine", "cosine")],
)
def test_agrees_with_scipy(name, scipys):
    got = getattr(distance, name)(X, Y)
    assert got.shape == (7, 4) and got.dtype == jnp.float32
    np.testing.assert_allclose(got, cdist(X.astype(np.float64), Y, scipys), rtol=1e-5, atol=1e-6)


def test_narrow_types_are_widened_first():
    half = jnp.asarray(X, jnp.bfloat16)
    got = distance.euclidean(half, half[:3])
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(
        got, distance.euclidean(half.astype(jnp.float32), half[:3].astype(jnp.float32))
    )


def test_nothing_is_nearer_than_the_clamp():
    x = np.zeros((2, 3), np.float32)
    np.testing.assert_allclose(distance.euclidean(x, x), 1e-6, rtol=1e-5)
    assert (np.asarray(distance.squared_euclidean(X, X)) >= 0.0).all()


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "cosine"])
@pytest.mark.parametrize("x", [X, np.zeros((3, 5), np.float32), np.repeat(X[:1], 3, axis=0)])
def test_gradients_are_finite_at_distance_zero_and_at_the_origin(name, x):
    gradient = jax.grad(lambda x: getattr(distance, name)(x, x).sum())(x)
    assert np.isfinite(gradient).all()


def test_cosine_of_a_row_of_zeros_is_one_and_length_does_not_matter():
    zero = np.zeros((1, 5), np.float32)
    np.testing.assert_array_equal(distance.cosine(zero, Y), np.ones((1, 4)))
    np.testing.assert_allclose(distance.cosine(100 * X, 0.01 * Y), distance.cosine(X, Y), atol=1e-6)


def test_normalise():
    np.testing.assert_allclose(np.linalg.norm(distance.normalise(X), axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(distance.normalise(np.zeros(3, np.float32)), np.zeros(3))
    np.testing.assert_allclose(
        distance.normalise(X[:, None]), distance.normalise(X)[:, None], rtol=1e-6
    )
    # A row of length 5e-13, below the clamp, is divided by 1e-12.
    tiny = np.array([[3e-13, 4e-13]], np.float32)
    np.testing.assert_allclose(distance.normalise(tiny), [[0.3, 0.4]], rtol=1e-5)


def test_unit_is_normalise_on_the_host():
    rows = np.concatenate([X, np.zeros((1, 5), np.float32)])
    for embedding in (rows, jnp.asarray(rows), rows.astype(np.float64)):
        got = distance.unit(embedding)
        assert isinstance(got, np.ndarray) and got.dtype == np.float32
        np.testing.assert_array_equal(got, np.asarray(distance.normalise(embedding)))
    np.testing.assert_array_equal(got[-1], 0)


@pytest.mark.parametrize("name", ["euclidean", "squared_euclidean", "cosine"])
@pytest.mark.parametrize("x, y", [(X, Y[:, :3]), (X[0], Y), (X, Y[0])])
def test_shapes_that_do_not_fit_are_refused(name, x, y):
    with pytest.raises(ValueError, match=r"\[n d\] and \[m d\]"):
        getattr(distance, name)(x, y)


def test_a_scalar_has_no_rows():
    with pytest.raises(ValueError, match="scalar"):
        distance.normalise(jnp.float32(1.0))


def test_annotations_hold():
    checked = jaxtyped(typechecker=beartype)(distance.euclidean.__wrapped__)
    assert checked(X, Y).shape == (7, 4)
    with pytest.raises(TypeCheckError):
        checked(X, Y[:, :3])
