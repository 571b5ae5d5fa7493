"""Depthwise convolutions against XLA's grouped convolution and its transposes."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.models.conv import Depthwise, padding
from reid_jax.models.depthwise import depthwise

# kernel, stride, (height, width), rows of the batch, TensorFlow's padding
CASES = [
    (3, 1, (8, 4), 8, True),
    (5, 1, (8, 5), 6, False),
    (3, 2, (8, 6), 8, True),
    (3, 2, (7, 5), 3, False),
    (5, 2, (9, 6), 4, True),
    (5, 3, (7, 8), 5, False),
    (1, 2, (5, 4), 2, False),
]


def _apart(got, expected):
    return float(jnp.abs(got - expected).max() / jnp.abs(expected).max())


@pytest.mark.parametrize(("size", "stride", "sides", "rows", "same"), CASES)
def test_it_is_the_grouped_convolution_with_its_gradients(size, stride, sides, rows, same):
    keys = jax.random.split(jax.random.key(size + stride), 3)
    x = jax.random.normal(keys[0], (rows, *sides, 6))
    kernel = jax.random.normal(keys[1], (size, size, 1, 6))
    around = padding(sides, size, stride, same)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME" if same else around, feature_group_count=6,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip

    expected, back = jax.vjp(plain, x, kernel)
    gradient = jax.random.normal(keys[2], expected.shape)

    @jax.jit
    def ours(x, kernel, gradient):
        y, back = jax.vjp(lambda x, kernel: depthwise(x, kernel, stride, around), x, kernel)
        return y, *back(gradient)

    for got, wanted in zip(ours(x, kernel, gradient), (expected, *back(gradient)), strict=True):
        assert got.shape == wanted.shape and _apart(got, wanted) < 1e-5


def test_the_weight_gradient_of_bfloat16_is_summed_in_float32():
    keys = jax.random.split(jax.random.key(0), 3)
    x, gradient = (jax.random.normal(key, (64, 8, 4, 4), jnp.bfloat16) for key in keys[:2])
    kernel = jax.random.normal(keys[2], (3, 3, 1, 4), jnp.bfloat16)

    def to_kernel(*arguments):
        x, kernel, gradient = arguments
        back = jax.vjp(lambda w: depthwise(x, w, 1, ((1, 1), (1, 1))), kernel)[1]
        return np.asarray(back(gradient)[0], np.float32)

    got = to_kernel(x, kernel, gradient)
    exact = to_kernel(*(array.astype(jnp.float32) for array in (x, kernel, gradient)))
    assert np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2)) < 2**-6


@pytest.mark.parametrize("stride", [1, 2])
def test_it_is_exported_with_a_free_batch(stride):
    layer, x = Depthwise(3, stride=stride), jax.random.normal(jax.random.key(0), (5, 6, 4, 7))
    variables = layer.init(jax.random.key(1), x)
    (batch,) = jax.export.symbolic_shape("batch")
    free = jax.ShapeDtypeStruct((batch, 6, 4, 7), x.dtype)
    exported = jax.export.export(jax.jit(lambda x: layer.apply(variables, x)))(free)
    np.testing.assert_allclose(exported.call(x), layer.apply(variables, x), atol=1e-6)
