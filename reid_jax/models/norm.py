"""Normalisation: batch statistics over groups of rows, instance statistics, and the two side by side (IBN-a).

Batch statistics come from groups of `group` consecutive rows of the global batch (0: all of it), however many devices
hold them: the authors' results of SpCL and MMT come from groups of 16, and users of such code lose many points when
another number of devices silently changes that size.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.types import Array

Average = Callable[[Array, int], tuple[Array, int]]


def alone(moments: Array, span: int) -> tuple[Array, int]:
    """No other device holds rows of these groups: the moments are complete, averaged over 1 device.

    Raises: ValueError where a group is larger than the batch.
    """
    if span > 1:
        raise ValueError(
            f"a group of rows would lie on {span} devices, and there is one; choose a bn_group that divides the batch"
        )
    return moments, 1


class BatchNorm(nn.Module):
    """Batch normalisation over groups of rows, statistics in float32.

    group:    rows per group, counted in the global batch; 0 is the whole batch.
    average:  `parallel.average`, which completes a group whose rows lie on several devices; `alone` on one device.
    momentum: share of the old running statistics (torch's momentum 0.1 is 0.9 here).
    bias:     False freezes the bias at 0, as a BNNeck has it (Luo et al., "Bag of Tricks", CVPRW 2019).

    The running variance is the unbiased one, as in torch; flax's own BatchNorm keeps the biased one.
    """

    group: int = 0
    average: Average = alone
    momentum: float = 0.9
    epsilon: float = 1e-5
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Normalise x [b ... c]; with `train`, by the batch and moving the running statistics."""
        width = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (width,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (width,), jnp.float32) if self.bias else jnp.zeros(width)
        mean = self.variable("batch_stats", "mean", jnp.zeros, (width,), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (width,), jnp.float32)
        if not train:
            return _affine(x, mean.value, var.value, scale, bias, self.epsilon)
        moments, samples = group_moments(x, self.group, self.average)
        batch_mean, batch_var = moments[:, 0], jnp.maximum(moments[:, 1] - moments[:, 0] ** 2, 0.0)
        unbiased = jax.lax.stop_gradient(batch_var) * (samples / max(samples - 1, 1))
        keep = self.momentum
        mean.value = keep * mean.value + (1 - keep) * jax.lax.stop_gradient(batch_mean).mean(0)
        var.value = keep * var.value + (1 - keep) * unbiased.mean(0)
        grouped = x.reshape(moments.shape[0], -1, *x.shape[1:])
        spread = (moments.shape[0],) + (1,) * (x.ndim - 1) + (width,)
        batch_mean, batch_var = batch_mean.reshape(spread), batch_var.reshape(spread)
        return _affine(grouped, batch_mean, batch_var, scale, bias, self.epsilon).reshape(x.shape)


class InstanceNorm(nn.Module):
    """Instance normalisation with scale and bias: each picture by its own statistics, at test as well."""

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalise x [b h w c] over h and w."""
        width = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (width,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (width,), jnp.float32)
        pixels = x.astype(jnp.float32)
        mean = pixels.mean((1, 2), keepdims=True)
        var = jnp.square(pixels - mean).mean((1, 2), keepdims=True)
        return _affine(x, mean, var, scale, bias, self.epsilon)


class IBN(nn.Module):
    """IBN-a: the first half of the channels by instance, the second half by batch statistics (Pan et al., ECCV 2018)."""

    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Normalise x [b h w c]; an odd c leaves the larger part to the batch."""
        half = x.shape[-1] // 2
        by_instance = InstanceNorm(name="IN")(x[..., :half])
        by_batch = self.norm(name="BN")(x[..., half:], train)
        return jnp.concatenate([by_instance, by_batch], axis=-1)


def group_moments(x: Array, group: int, average: Average) -> tuple[Array, int]:
    """First and second moment of each group of rows: f32[groups 2 c], and the samples that each was taken over."""
    rows = x.shape[0]
    within = rows if group == 0 else min(group, rows)
    if rows % within or group % within:
        raise ValueError(
            f"{rows} rows on a device cannot be split into groups of {group}; choose bn_group to divide the batch of a "
            "device, a multiple of it, or 0 (the whole batch)"
        )
    grouped = x.reshape(rows // within, -1, x.shape[-1]).astype(jnp.float32)
    moments = jnp.stack([grouped.mean(1), jnp.square(grouped).mean(1)], axis=1)
    moments, held = average(moments, 0 if group == 0 else group // within)
    return moments, grouped.shape[1] * held


def _affine(x: Array, mean: Array, var: Array, scale: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, as one multiply-add per element, in x's type."""

    def spread(row: Array) -> Array:
        return row.reshape((1,) * (x.ndim - row.ndim) + row.shape)

    factor = spread(scale) * spread(jax.lax.rsqrt(var + epsilon))
    shift = spread(bias) - spread(mean) * factor
    return (x.astype(jnp.float32) * factor + shift).astype(x.dtype)
