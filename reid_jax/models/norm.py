"""Normalisation: batch statistics over groups of rows, instance statistics, and the two side by side (IBN-a).

Batch statistics come from groups of `group` consecutive rows of the global batch (0: all of it), however many devices
hold them: the authors' results of SpCL and MMT come from groups of 16, and users of such code lose many points when
another number of devices silently changes that size.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models import rows
from reid_jax.types import Array, Variables

Average = Callable[[Array, int], tuple[Array, int]]
EPSILON = 1e-5


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
    scale:    False freezes the scale at 1.
    frozen:   the running statistics in training as well, and they stay as they are; scale and bias learn.
    gaps:     a batch may have empty places, which its statistics leave out (`rows.known` says which they are).

    The running variance is the unbiased one, as in torch; flax's own BatchNorm keeps the biased one.
    """

    group: int = 0
    average: Average = alone
    momentum: float = 0.9
    epsilon: float = EPSILON
    bias: bool = True
    scale: bool = True
    frozen: bool = False
    gaps: bool = False

    @nn.compact
    def __call__(self, x: Array, train: bool | Array, counted: Array | None = None) -> Array:
        """Normalise x [b ... c]; with `train`, by the batch, of which bool[b] are `counted`, moving running statistics.

        train: an array bool[] decides it as it runs.
        """
        width = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (width,), jnp.float32) if self.scale else jnp.ones(width)
        bias = self.param("bias", nn.initializers.zeros, (width,), jnp.float32) if self.bias else jnp.zeros(width)
        mean = self.variable("batch_stats", "mean", jnp.zeros, (width,), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (width,), jnp.float32)
        if train is False or self.frozen:
            return _affine(x, mean.value, var.value, scale, bias, self.epsilon)
        if self.gaps and counted is None:
            counted = rows.there()
        moments, samples = group_moments(x, self.group, self.average, counted)
        batch_mean, batch_var = moments[:, 0], jnp.maximum(moments[:, 1] - moments[:, 0] ** 2, 0.0)
        unbiased = jax.lax.stop_gradient(batch_var) * (samples / jnp.maximum(samples - 1, 1))
        move = (1 - self.momentum) * ((samples > 0).any() & train)
        if train is not True:
            old_mean, old_var = mean.value[None], var.value[None]
        mean.value = (1 - move) * mean.value + move * _mean_of(jax.lax.stop_gradient(batch_mean), samples)
        var.value = (1 - move) * var.value + move * _mean_of(unbiased, samples)
        if train is not True:
            batch_mean, batch_var = jnp.where(train, batch_mean, old_mean), jnp.where(train, batch_var, old_var)
        grouped = x.reshape(moments.shape[0], -1, *x.shape[1:])
        spread = (moments.shape[0],) + (1,) * (x.ndim - 1) + (width,)
        batch_mean, batch_var = batch_mean.reshape(spread), batch_var.reshape(spread)
        return _affine(grouped, batch_mean, batch_var, scale, bias, self.epsilon).reshape(x.shape)


class DomainNorm(nn.Module):
    """Batch normalisation with weights and statistics for each of two domains (DSBN, as SpCL's code has it).

    In training each row is normalised by the rows of its own domain (`rows.known` says which that is); at test all by
    `target`'s, those of domain 1. Both start from the same weights; `collapsed` makes it a plain BatchNorm again.

    Departs from the published code: there the first half of a batch is the source and the second half the target; here a
    column of the batch says it. A domain without a row in the group leaves its statistics alone.

    norm: makes the normalisation of one domain.
    """

    norm: Callable[..., nn.Module] = BatchNorm
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Normalise x [b ... c]."""
        source = self.norm(name="source", bias=self.bias)
        target = self.norm(name="target", bias=self.bias)
        if not train:
            if self.is_initializing():
                source(x, False)
            return target(x, False)
        tags = rows.current()
        if tags is None:
            raise ValueError("this encoder normalises by domain: give Model.apply the batch's tags")
        second = tags.domain == 1
        shape = (-1,) + (1,) * (x.ndim - 1)
        return jnp.where(second.reshape(shape), target(x, True, second), source(x, True, ~second))


def batch_norms(variables: Variables) -> Any:
    """Which weights are those of layers that keep batch statistics: bools in the tree of variables["params"]."""

    def told(params: Any, stats: Any) -> Any:
        if not isinstance(params, Mapping):
            return False
        if stats and not any(isinstance(one, Mapping) for one in stats.values()):
            return dict.fromkeys(params, True)
        return {name: told(part, stats.get(name, {})) for name, part in params.items()}

    return told(variables["params"], variables.get("batch_stats", {}))


def collapsed(variables: Variables, domain: str = "target") -> Variables:
    """The variables of an encoder with DomainNorm as those of the same encoder with BatchNorm.

    Args:
        variables: collections of nested dictionaries.
        domain: whose weights and statistics stay, "source" or "target".
    """

    def strip(tree: Any) -> Any:
        if not isinstance(tree, Mapping):
            return tree
        return strip(tree[domain]) if set(tree) == {"source", "target"} else {k: strip(v) for k, v in tree.items()}

    return strip(variables)


def spread(variables: Variables, like: Variables) -> Variables:
    """The variables of an encoder with BatchNorm as those of `like`, the same with DomainNorm: both domains get them."""
    if not isinstance(like, Mapping) or not isinstance(variables, Mapping):
        return variables
    if set(like) == {"source", "target"} and set(variables) != set(like):
        return dict.fromkeys(like, variables)
    return {name: spread(one, like[name]) if name in like else one for name, one in variables.items()}


class InstanceNorm(nn.Module):
    """Instance normalisation with scale and bias: each picture by its own statistics, at test as well."""

    epsilon: float = EPSILON

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


def group_moments(x: Array, group: int, average: Average, counted: Array | None = None) -> tuple[Array, Array]:
    """First and second moment of each group of rows, f32[groups 2 c], and over how many samples, f32[groups 1].

    counted: bool[b], the rows that count; all by default. Moments of a group without any are 0.
    """
    rows = x.shape[0]
    within = rows if group == 0 else min(group, rows)
    if rows % within or group % within:
        raise ValueError(
            f"{rows} rows on a device cannot be split into groups of {group}; choose bn_group to divide the batch of a "
            "device, a multiple of it, or 0 (the whole batch)"
        )
    grouped = x.reshape(rows // within, -1, x.shape[-1]).astype(jnp.float32)
    span = 0 if group == 0 else group // within
    if counted is None:
        moments = jnp.stack([grouped.mean(1), jnp.square(grouped).mean(1)], axis=1)
        moments, held = average(moments, span)
        return moments, jnp.full((len(moments), 1), grouped.shape[1] * held, jnp.float32)
    weight = jnp.repeat(counted.astype(jnp.float32).reshape(rows // within, within), grouped.shape[1] // within, 1)
    sums = jnp.einsum("gn,gnc->gc", weight, grouped), jnp.einsum("gn,gnc->gc", weight, jnp.square(grouped))
    count = jnp.broadcast_to(weight.sum(1)[:, None], sums[0].shape)
    sums, held = average(jnp.stack([*sums, count], axis=1), span)
    return sums[:, :2] / jnp.maximum(sums[:, 2:], 1.0 / held), sums[:, 2, :1] * held


def _mean_of(values: Array, samples: Array) -> Array:
    """The mean [c] over the groups [groups c] that have samples [groups 1]; 0 where none has."""
    there = (samples > 0).astype(jnp.float32)
    return (values * there).sum(0) / jnp.maximum(there.sum(), 1.0)


def _affine(x: Array, mean: Array, var: Array, scale: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, as one multiply-add per element, in x's type."""

    def spread(row: Array) -> Array:
        return row.reshape((1,) * (x.ndim - row.ndim) + row.shape)

    factor = spread(scale) * spread(jax.lax.rsqrt(var + epsilon))
    shift = spread(bias) - spread(mean) * factor
    return (x.astype(jnp.float32) * factor + shift).astype(x.dtype)
