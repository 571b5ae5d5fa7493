"""Depthwise convolution: each channel by a kernel of its own, with gradients fast on a CPU.

XLA's CPU backend runs a convolution with one group per channel, and both of its gradients, ten to a
hundred times slower than the same sums of shifted maps (benchmarks/README.md).
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.models.sums import total
from reid_jax.types import Array

Padding = tuple[tuple[int, int], tuple[int, int]]
POSITIONS = 64  # pairs of positions, for each tap of a kernel, up to which all pairs are multiplied
ROWS = 4  # rows of the batch in a slice of the weight gradient, so that it stays in a core's cache


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def depthwise(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Convolve x [b h w c] with kernel [k k 1 c] to [b h' w' c].

    With stride 1 it is a sum of shifted maps. With a larger stride it is so on a CPU, where the
    map is first divided into maps of every second row and column; other devices, and ONNX, have
    the grouped convolution. The gradients are such sums on a CPU, and elsewhere the transposes of
    the convolution. On a CPU all is NaN where the kernel's first number is not finite.
    """
    summed, plain = (
        partial(of, stride=stride, padding=padding)
        for of in (_summed, _summed if stride == 1 else _grouped)
    )
    return jax.lax.platform_dependent(x, kernel, cpu=partial(_once, summed), default=plain)


def _grouped(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, (stride,) * 2, padding,
        dimension_numbers=numbers, feature_group_count=x.shape[-1],
    )  # fmt: skip


def _summed(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    size = kernel.shape[0]
    whole = _made(jnp.pad(x, ((0, 0), *padding, (0, 0))))
    sides = tuple((side - size) // stride + 1 for side in whole.shape[1:3])
    parts, taps = _parts(whole, stride), jnp.unstack(kernel.reshape(-1, 1, 1, 1, x.shape[-1]))
    places = np.ndindex(size, size)
    return sum(_shifted(parts, place, sides) * tap for tap, place in zip(taps, places, strict=True))


def _made(x: Array) -> Array:
    """The same, computed once: else XLA computes it anew for each tap."""
    return jax.lax.optimization_barrier(x)


def _once(compute: Callable[[Array, Array], Array], x: Array, kernel: Array) -> Array:
    """compute(x, kernel), with all its taps only once: else XLA does so for each who takes it.

    A barrier is gone before XLA decides that; a choice that is made at run time stays.
    """
    first, made = kernel.ravel()[0], jax.eval_shape(compute, x, kernel)

    def nothing(*_: Array) -> Array:
        return jnp.full(made.shape, jnp.nan, made.dtype)

    return jax.lax.cond(jnp.isfinite(first), compute, nothing, x, kernel)


def _parts(x: Array, stride: int) -> list[list[Array]]:
    """Maps of every stride-th row and column, by the first of each."""
    # not x[:, i::stride], which is a gathering in an export with a free batch size
    return [
        [jax.lax.slice(x, (0, i, j, 0), x.shape, (1, stride, stride, 1)) for j in range(stride)]
        for i in range(stride)
    ]


def _shifted(parts: list[list[Array]], place: tuple[int, int], sides: Sequence[int]) -> Array:
    """The values that a tap of a kernel meets, [b sides c]."""
    stride = len(parts)
    (down, i), (right, j) = (divmod(at, stride) for at in place)
    part = parts[i][j]
    stop = (part.shape[0], down + sides[0], right + sides[1], part.shape[3])
    return jax.lax.slice(part, (0, down, right, 0), stop)


def _backward(
    stride: int, padding: Padding, saved: tuple[Array, Array], gradient: Array
) -> tuple[Array, Array]:
    x, kernel = saved

    def transposes(x: Array, kernel: Array, gradient: Array) -> tuple[Array, Array]:
        plain = _summed if stride == 1 else _grouped
        return jax.vjp(lambda x, kernel: plain(x, kernel, stride, padding), x, kernel)[1](gradient)

    def sums(x: Array, kernel: Array, gradient: Array) -> tuple[Array, Array]:
        def to_x(gradient: Array, kernel: Array) -> Array:
            return _to_x(gradient, kernel, stride, padding, x.shape[1:3])

        return _once(to_x, gradient, kernel), _to_kernel(x, gradient, kernel, stride, padding)

    return jax.lax.platform_dependent(x, kernel, gradient, cpu=sums, default=transposes)


depthwise.defvjp(
    lambda x, kernel, stride, padding: (depthwise(x, kernel, stride, padding), (x, kernel)),
    _backward,
)


def _to_x(
    gradient: Array, kernel: Array, stride: int, padding: Padding, sides: tuple[int, int]
) -> Array:
    """Gradient of the map [b sides c]: every stride-th row and column is a sum of shifted maps.

    Row y of the map met tap i of the kernel for row (y + padding - i) / stride of the result.
    """
    size = kernel.shape[0]
    counts = [-(-side // stride) for side in sides]
    # by axis, for each first row (or column) the taps that meet it, with the row of the result
    meets = [
        [
            [
                (tap, (first + before - tap) // stride)
                for tap in range(size)
                if (first + before - tap) % stride == 0
            ]
            for first in range(stride)
        ]
        for before, _ in padding
    ]
    wide = []
    for axis, of in enumerate(meets):
        starts = [start for taps in of for _, start in taps] or [0]
        behind = max(starts) + counts[axis] - gradient.shape[1 + axis]
        wide.append((max(0, -min(starts)), max(0, behind)))
    whole = _made(jnp.pad(gradient, ((0, 0), *wide, (0, 0))))
    taps = kernel.reshape(size, size, 1, 1, 1, -1)
    empty = jnp.zeros((gradient.shape[0], *counts, gradient.shape[3]), gradient.dtype)
    rows = []
    for down in meets[0]:
        columns = []
        for right in meets[1]:
            terms = [
                _shifted([[whole]], (y + wide[0][0], x + wide[1][0]), counts) * taps[i, j]
                for i, y in down
                for j, x in right
            ]
            columns.append(sum(terms) if terms else empty)
        rows.append(jnp.stack(columns, 3))
    both = jnp.stack(rows, 2).reshape(
        gradient.shape[0], counts[0] * stride, counts[1] * stride, gradient.shape[3]
    )
    return both[:, : sides[0], : sides[1]]


def _to_kernel(x: Array, gradient: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Gradient of the kernel, summed in float32."""
    positions = np.prod(x.shape[1:3]) * np.prod(gradient.shape[1:3])
    if positions <= POSITIONS * kernel.shape[0] ** 2:
        return _by_pairs(x, gradient, kernel, stride, padding)
    return _by_slices(x, gradient, kernel, stride, padding)


def _by_pairs(x: Array, gradient: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Products of all pairs of positions, summed over the batch; then those that a tap joins."""
    size, (height, width), after = kernel.shape[0], x.shape[1:3], gradient.shape[1:3]
    joins = np.zeros((height, width, *after, size, size), np.float32)
    for to_y, to_x, i, j in np.ndindex(*after, size, size):
        y, x_ = to_y * stride + i - padding[0][0], to_x * stride + j - padding[1][0]
        if 0 <= y < height and 0 <= x_ < width:
            joins[y, x_, to_y, to_x, i, j] = 1
    flat = (of.reshape(of.shape[0], -1, of.shape[3]) for of in (x, gradient))
    pairs = jnp.einsum("bpc,bqc->cpq", *flat, preferred_element_type=jnp.float32)
    joins = joins.reshape(*pairs.shape[1:], -1)
    found = jnp.einsum("cpq,pqt->tc", pairs, joins)
    return found.reshape(kernel.shape).astype(kernel.dtype)


def _by_slices(x: Array, gradient: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Sums of products over slices of a few rows of the batch."""
    size, sides = kernel.shape[0], gradient.shape[1:3]
    rows = next(count for count in range(ROWS, 0, -1) if x.shape[0] % count == 0)
    places = list(np.ndindex(size, size))

    def add(sums: tuple[Array, ...], slices: tuple[Array, Array]) -> tuple[tuple[Array, ...], None]:
        part, gradient = slices
        parts = _parts(jnp.pad(part, ((0, 0), *padding, (0, 0))), stride)
        new = []
        for before, place in zip(sums, places, strict=True):
            met = _shifted(parts, place, sides)
            for row in range(rows):  # not a reduction, which XLA runs one number at a time
                before = before + (met[row] * gradient[row]).astype(jnp.float32)
            new.append(before)
        return tuple(new), None

    first = tuple(jnp.zeros(gradient.shape[1:], jnp.float32) for _ in places)
    slices = tuple(of.reshape(-1, rows, *of.shape[1:]) for of in (x, gradient))
    sums, _ = jax.lax.scan(add, first, slices)
    found = jnp.concatenate([total(one.reshape(1, -1, one.shape[-1])) for one in sums])
    return found.reshape(kernel.shape).astype(kernel.dtype)
