import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.models.conv import convolve, rows_per_slice


@pytest.mark.parametrize(
    "size, stride, rows",
    [(1, 1, 7), (1, 2, 4), (3, 1, 7), (3, 2, 7), (7, 1, 6), (7, 2, 7), (3, 1, 64)],
)
def test_gradients_are_those_of_the_plain_convolution(size, stride, rows):
    keys = jax.random.split(jax.random.key(size * stride + rows), 3)
    x, kernel = (
        jax.random.normal(keys[0], (rows, 32, 16, 5)),
        jax.random.normal(keys[1], (size, size, 5, 6)),
    )
    padding = ((size // 2, size // 2),) * 2

    def plain(x, w):
        return jax.lax.conv_general_dilated(
            x, w, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    y, back = jax.vjp(plain, x, kernel)
    mine, mine_back = jax.vjp(lambda x, w: convolve(x, w, stride, padding), x, kernel)
    gradient = jax.random.normal(keys[2], y.shape)
    np.testing.assert_array_equal(mine, y)
    for got, expected in zip(jax.jit(mine_back)(gradient), back(gradient), strict=True):
        assert float(jnp.abs(got - expected).max() / jnp.abs(expected).max()) < 1e-5


def test_slices_of_bfloat16_are_summed_in_float32():
    keys = jax.random.split(jax.random.key(0), 3)
    x, gradient = (jax.random.normal(key, (64, 32, 16, 4), jnp.bfloat16) for key in keys[:2])
    kernel = jax.random.normal(keys[2], (3, 3, 4, 4), jnp.bfloat16)

    def to_kernel(*arguments):
        x, kernel, gradient = arguments
        return np.asarray(
            jax.vjp(lambda w: convolve(x, w, 1, ((1, 1), (1, 1))), kernel)[1](gradient)[0],
            np.float32,
        )

    got = to_kernel(x, kernel, gradient)
    exact = to_kernel(*(array.astype(jnp.float32) for array in (x, kernel, gradient)))
    assert np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2)) < 2**-8


def test_slices_divide_the_batch():
    got = [rows_per_slice((rows, 16, 8, 3)) for rows in (1, 7, 12, 22, 23, 64)]
    assert got == [1, 7, 6, 2, 1, 8]
    assert rows_per_slice((64, 8, 4, 3)) == 64
