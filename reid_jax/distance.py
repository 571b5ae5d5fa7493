"""Pairwise distances, [n d] x [m d] -> [n m], in float32 on every device.

All functions but `unit` are compiled by `jax.jit`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from reid_jax.types import Array


@jax.jit
def normalise(x: Float[Array, "*n d"]) -> Float[Array, "*n d"]:
    """Divide each row by its length.

    y = x / max(|x|, 1e-12). The gradient at a row of zeros is finite.

    Args:
        x: [... d], rows of any length.

    Returns:
        f32[... d], rows of length one; a row of zeros stays zero.

    Raises:
        ValueError: x is a scalar.
    """
    if x.ndim == 0:
        raise ValueError("normalise expects rows [... d], got a scalar; give at least one axis")
    x = jnp.asarray(x, jnp.float32)
    return x / jnp.sqrt(jnp.maximum(jnp.sum(x * x, axis=-1, keepdims=True), 1e-24))


def unit(embedding: Float[Array, "n d"]) -> Float[np.ndarray, "n d"]:
    """Divide each row by its length, as `normalise` does, and copy the result to the host.

    Args:
        embedding: [n d], rows of any length.

    Returns:
        f32[n d], a numpy array with rows of length one; a row of zeros stays zero.
    """
    return np.asarray(normalise(embedding))


@jax.jit
def squared_euclidean(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Compute squared Euclidean distances.

    d[i, j] = max(|x_i|^2 + |y_j|^2 - 2 x_i.y_j, 0)

    Args:
        x: [n d], any unit.
        y: [m d], in the unit of x.

    Returns:
        f32[n m], in the square of x's unit. The distance of a row to itself is 0 only up to
        rounding, about 1e-7 |x|^2.

    Raises:
        ValueError: x and y are not matrices with the same number of columns.
    """
    x, y = _matrices(x, y)
    square_x, square_y = jnp.sum(x * x, axis=1), jnp.sum(y * y, axis=1)
    return jnp.maximum(square_x[:, None] + square_y[None, :] - 2.0 * _product(x, y), 0.0)


@jax.jit
def euclidean(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Compute Euclidean distances whose gradient is never NaN.

    d[i, j] = sqrt(max(|x_i|^2 + |y_j|^2 - 2 x_i.y_j, 1e-12))

    The clamp is inside the root. The smallest distance is therefore 1e-6, and a clamped distance
    has a gradient of zero.

    Args:
        x: [n d], any unit.
        y: [m d], in the unit of x.

    Returns:
        f32[n m], in x's unit.

    Raises:
        ValueError: x and y are not matrices with the same number of columns.
    """
    return jnp.sqrt(jnp.maximum(squared_euclidean(x, y), 1e-12))


@jax.jit
def cosine(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Compute cosine distances.

    d[i, j] = 1 - x_i.y_j / (max(|x_i|, 1e-12) max(|y_j|, 1e-12))

    Args:
        x: [n d], rows of any length.
        y: [m d], rows of any length.

    Returns:
        f32[n m] in [0, 2] up to rounding, not clamped; 1 where a row is zero.

    Raises:
        ValueError: x and y are not matrices with the same number of columns.
    """
    return 1.0 - similarity(x, y)


@jax.jit
def similarity(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Compute cosine similarities.

    s[i, j] = x_i.y_j / (max(|x_i|, 1e-12) max(|y_j|, 1e-12))

    Args:
        x: [n d], rows of any length.
        y: [m d], rows of any length.

    Returns:
        f32[n m] in [-1, 1] up to rounding, not clamped; 0 where a row is zero.

    Raises:
        ValueError: x and y are not matrices with the same number of columns.
    """
    x, y = _matrices(x, y)
    return _product(normalise(x), normalise(y))


@jax.jit
def product(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Compute inner products.

    s[i, j] = x_i.y_j

    Args:
        x: [n d], any unit.
        y: [m d], any unit.

    Returns:
        f32[n m], in x's unit times y's unit.

    Raises:
        ValueError: x and y are not matrices with the same number of columns.
    """
    return _product(*_matrices(x, y))


def _matrices(x: Array, y: Array) -> tuple[jax.Array, jax.Array]:
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            f"distances need [n d] and [m d], got {list(x.shape)} and {list(y.shape)}; give two "
            "matrices whose rows have the same length"
        )
    return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def _product(x: jax.Array, y: jax.Array) -> jax.Array:
    # The default precision is bfloat16 on a TPU and TF32 on a GPU: about three digits.
    return jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
