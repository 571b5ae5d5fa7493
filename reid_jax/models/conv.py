"""Convolutions whose gradients are also fast on a CPU."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.depthwise import Padding, depthwise
from reid_jax.types import Array

ROWS, POSITIONS = 8, 128  # rows in a slice, if a row has as many positions; see `rows_per_slice`


class Conv(nn.Module):
    """Square convolution without bias, NHWC, padded by size // 2 on each side as torch's are.

    The kernel is He-initialised by fan-out. The weight gradient of a convolution is a convolution
    with a kernel as large as the image; XLA's CPU backend runs it far below the machine's peak
    rate if images are large. On a CPU the weight gradient is therefore a sum over slices of the
    batch, or one matrix product if the kernel is 1x1, which is faster. Other devices compute the
    plain gradient. All are the same sum in another order.

    Attributes:
        width: output channels.
        size: side of the kernel, in pixels.
        stride: in both directions.
        dtype: of the computation; the kernel is stored as float32.
        same: pad as TensorFlow's "same" does instead, see `padding`.
    """

    width: int
    size: int = 1
    stride: int = 1
    dtype: DTypeLike = jnp.float32
    same: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve x [b h w c] to [b h' w' width]."""
        init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
        kernel = self.param(
            "kernel", init, (self.size, self.size, x.shape[-1], self.width), jnp.float32
        )
        around = padding(x.shape[1:3], self.size, self.stride, self.same)
        return convolve(x.astype(self.dtype), kernel.astype(self.dtype), self.stride, around)


class Depthwise(nn.Module):
    """Depthwise convolution without bias, padded by size // 2 on each side as torch's are.

    The kernel is He-initialised by fan-out. See `depthwise.depthwise` for how it is computed.

    Attributes:
        size: side of the kernel, in pixels.
        dtype: of the computation; the kernel is stored as float32.
        stride: in both directions.
        same: pad as TensorFlow's "same" does instead, see `padding`.
    """

    size: int = 3
    dtype: DTypeLike = jnp.float32
    stride: int = 1
    same: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve each channel of x [b h w c] to [b h' w' c]."""
        init = nn.initializers.normal((2.0 / self.size**2) ** 0.5)
        kernel = self.param("kernel", init, (self.size, self.size, 1, x.shape[-1]), jnp.float32)
        around = padding(x.shape[1:3], self.size, self.stride, self.same)
        return depthwise(x.astype(self.dtype), kernel.astype(self.dtype), self.stride, around)


def padding(sides: Sequence[int], size: int, stride: int, same: bool) -> Padding:
    """How many pixels to add before and behind the rows and the columns of a map.

    Args:
        sides: of the map, (height, width).
        size: side of the kernel.
        stride: of the convolution.
        same: as TensorFlow does, whose result has side / stride pixels, rounded up, and an odd
            pixel behind; False: size // 2 on each side.
    """
    if not same:
        return ((size // 2, size // 2),) * 2
    wide = [max((-(-side // stride) - 1) * stride + size - side, 0) for side in sides]
    (top, bottom), (left, right) = ((by // 2, by - by // 2) for by in wide)
    return (top, bottom), (left, right)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Convolve x [b h w c] with kernel [k k c d] to [b h' w' d]."""
    return _plain(x, kernel, stride, padding)


def _plain(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _forward(
    x: Array, kernel: Array, stride: int, padding: Padding
) -> tuple[Array, tuple[Array, Array]]:
    return _plain(x, kernel, stride, padding), (x, kernel)


def _backward(
    stride: int, padding: Padding, saved: tuple[Array, Array], gradient: Array
) -> tuple[Array, Array]:
    x, kernel = saved
    (to_x,) = jax.linear_transpose(lambda x: _plain(x, kernel, stride, padding), x)(gradient)

    def weight(x: Array, gradient: Array) -> Array:
        return jax.linear_transpose(lambda kernel: _plain(x, kernel, stride, padding), kernel)(
            gradient
        )[0]

    def product(x: Array, gradient: Array) -> Array:
        x = x[:, ::stride, ::stride].reshape(-1, x.shape[-1])
        gradient = gradient.reshape(-1, gradient.shape[-1])
        products = jnp.matmul(x.T, gradient, preferred_element_type=jnp.float32)
        return products.reshape(kernel.shape).astype(kernel.dtype)

    def sliced(x: Array, gradient: Array) -> Array:
        rows = rows_per_slice(gradient.shape)
        parts = (
            weight(x[i : i + rows], gradient[i : i + rows]) for i in range(0, x.shape[0], rows)
        )
        return sum(part.astype(jnp.float32) for part in parts).astype(kernel.dtype)

    quick = product if kernel.shape[:2] == (1, 1) else sliced
    return to_x, jax.lax.platform_dependent(x, gradient, cpu=quick, default=weight)


def rows_per_slice(output: Sequence[int]) -> int:
    """How many rows of the batch one slice of the weight gradient on a CPU has.

    Slices of 8 rows were the fastest or nearly so for maps of 16x8 to 64x32 positions with two
    versions of jaxlib; smaller maps lose more by adding the slices' gradients than they gain
    (benchmarks/README.md).

    Args:
        output: shape of the convolution's output, (b, h', w', ...).

    Returns:
        The largest divisor of b that is at most ROWS; b for maps of fewer than POSITIONS positions.
    """
    rows, height, width = output[:3]
    if height * width < POSITIONS:
        return rows
    return max(d for d in range(1, min(ROWS, rows) + 1) if rows % d == 0)


convolve.defvjp(_forward, _backward)
