"""Sums over the positions of a feature map, and their transposes, that are also fast on a CPU.

XLA's CPU backend runs a sum over all but the last axis on one core, and far below the rate of its
memory. As a product with a row of ones, the same sum takes a third of the time, on all cores
(benchmarks/README.md). Other devices compute the plain sum. A value that is spread over positions
has such a sum as its gradient, hence `spread`.
"""

from functools import partial

import jax
import jax.numpy as jnp

from reid_jax.types import Array

FOLDS = 8  # parts of the positions that are added before the product
GROUPS = 16  # above, the product would multiply by too many zeros


def total(x: Array) -> Array:
    """Sum x f32[g n c] over n: f32[g c].

    On a CPU, a group with a value that is not finite makes the sums of the others NaN.
    """
    return _total(x, x.shape[1])


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def spread(values: Array, count: int) -> Array:
    """Repeat values f32[g c] at `count` positions: f32[g count c]."""
    groups, width = values.shape
    return jnp.broadcast_to(values[:, None], (groups, count, width))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _total(x: Array, count: int) -> Array:
    groups, _, width = x.shape

    def product(x: Array) -> Array:
        x = _folded(x)
        own = jnp.repeat(jnp.eye(groups, dtype=x.dtype), x.shape[1], axis=1)
        return jnp.matmul(own, x.reshape(-1, width), precision=jax.lax.Precision.HIGHEST)

    def plain(x: Array) -> Array:
        return x.sum(1)

    if groups > GROUPS:
        return plain(x)
    return jax.lax.platform_dependent(x, cpu=product, default=plain)


def _folded(x: Array) -> Array:
    """Add FOLDS parts of the positions of x [g n c]: [g n/FOLDS c].

    XLA writes a product's operand to memory, a square as large as the map, but computes a sum of
    slices as it reads what they are made of.
    """
    groups, count, width = x.shape
    if count % FOLDS:
        return x
    parts = x.reshape(groups, FOLDS, count // FOLDS, width)
    return sum(parts[:, part] for part in range(FOLDS))


_total.defvjp(
    lambda x, count: (_total(x, count), None),
    lambda count, _, gradient: (spread(gradient, count),),
)
spread.defvjp(
    lambda values, count: (spread(values, count), None),
    lambda count, _, gradient: (total(gradient),),
)
