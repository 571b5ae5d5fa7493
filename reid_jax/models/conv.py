"""A convolution whose weight gradient is fast on a CPU as well."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from reid_jax.types import Array

Padding = tuple[tuple[int, int], tuple[int, int]]
POSITIONS = 4096  # output positions a slice: eight rows of 32x16, see benchmarks/convolution.py


class Conv(nn.Module):
    """A bias-free square convolution, NHWC, padded as torch pads (size // 2 on each side), He-initialised by fan-out.

    A weight gradient is a convolution with a kernel as large as the picture, which XLA's CPU backend runs at a fraction
    of the machine's rate where pictures are large; as a sum over slices of the batch it runs faster. Elsewhere the plain
    gradient is used; both are the same sum in another order.
    """

    width: int
    size: int = 1
    stride: int = 1
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """X [b h w c] -> [b h' w' width]."""
        init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
        kernel = self.param("kernel", init, (self.size, self.size, x.shape[-1], self.width), jnp.float32)
        side = self.size // 2
        return convolve(x.astype(self.dtype), kernel.astype(self.dtype), self.stride, ((side, side), (side, side)))


class Depthwise(nn.Module):
    """A bias-free convolution of each channel by itself, stride 1, padded to the same size; He-initialised by fan-out.

    As a sum of shifted pictures, which XLA makes one loop of: a grouped convolution with as many groups as channels runs
    at a small part of a CPU's rate, its weight gradient worse.
    """

    size: int = 3
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """X [b h w c] -> [b h w c]."""
        init = nn.initializers.normal((2.0 / self.size**2) ** 0.5)
        kernel = self.param("kernel", init, (self.size, self.size, 1, x.shape[-1]), jnp.float32).astype(self.dtype)
        (height, width), side = x.shape[1:3], self.size // 2
        padded = jnp.pad(x.astype(self.dtype), ((0, 0), (side, side), (side, side), (0, 0)))
        taps, places = jnp.unstack(kernel.reshape(-1, 1, 1, 1, x.shape[-1])), np.ndindex(self.size, self.size)
        return sum(
            jax.lax.slice(padded, (0, i, j, 0), (len(x), i + height, j + width, x.shape[-1])) * tap
            for tap, (i, j) in zip(taps, places, strict=True)
        )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """X [b h w c] with kernel [k k c d] -> [b h' w' d]."""
    return _plain(x, kernel, stride, padding)


def _plain(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _forward(x, kernel, stride, padding):
    return _plain(x, kernel, stride, padding), (x, kernel)


def _backward(stride, padding, saved, gradient):
    x, kernel = saved
    (to_x,) = jax.linear_transpose(lambda x: _plain(x, kernel, stride, padding), x)(gradient)

    def weight(x, gradient):
        return jax.linear_transpose(lambda kernel: _plain(x, kernel, stride, padding), kernel)(gradient)[0]

    def sliced(x, gradient):
        rows = rows_per_slice(gradient.shape, kernel.shape[0])
        parts = (weight(x[i : i + rows], gradient[i : i + rows]) for i in range(0, x.shape[0], rows))
        return sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)

    return to_x, jax.lax.platform_dependent(x, gradient, cpu=sliced, default=weight)


def rows_per_slice(output: tuple[int, ...], size: int) -> int:
    """Rows of a slice: a divisor of the batch near POSITIONS output positions; all of it for a 1x1 kernel."""
    rows, height, width = output[:3]
    if size == 1:
        return rows
    most = max(1, POSITIONS // (height * width))
    return max(d for d in range(1, rows + 1) if rows % d == 0 and d <= most)


convolve.defvjp(_forward, _backward)
