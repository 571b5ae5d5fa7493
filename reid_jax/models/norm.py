"""Normalisation: by batch statistics over groups of rows, by instance, and both (IBN-a).

Batch statistics are those of groups of `group` consecutive rows of the global batch (0: all), on
any number of devices. The published results of SpCL and MMT were obtained with groups of 16; users
of such code lose many points when another number of devices silently changes that size.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models import rows
from reid_jax.models.sums import spread, total
from reid_jax.types import Array, Variables

# (moments of this device's groups, devices that share a group, 0: all) -> (their mean over these
# devices, number of these devices)
Average = Callable[[Array, int], tuple[Array, int]]
EPSILON = 1e-5


def alone(moments: Array, span: int) -> tuple[Array, int]:
    """Return the moments unchanged, and 1 device: the `Average` on a single device.

    Raises:
        ValueError: a group is larger than the batch.
    """
    if span > 1:
        raise ValueError(
            f"a group of rows would lie on {span} devices, and there is one; choose a bn_group "
            "that divides the batch"
        )
    return moments, 1


class BatchNorm(nn.Module):
    """Batch normalisation over groups of rows, with statistics in float32.

    The running variance is the unbiased one, as in torch; flax's own BatchNorm keeps the biased
    one.

    Attributes:
        group: rows per group, counted in the global batch; 0: the whole batch.
        average: averages the moments of a group over the devices that share it:
            `parallel.average`, or `alone` on one device.
        momentum: weight of the old running statistics (torch's momentum 0.1 is 0.9 here).
        epsilon: added to the variance.
        bias: False freezes the bias at 0, as in a BNNeck (Luo et al., "Bag of Tricks", CVPRW 2019).
        scale: False freezes the scale at 1.
        frozen: True normalises by the running statistics in training too, without updating them;
            scale and bias are still trained.
        gaps: True leaves the empty places of a batch out of the statistics (`rows.present`).
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
        """Normalise x.

        Args:
            x: [b ... c].
            train: whether to normalise by batch statistics and to update the running ones; a
                traced bool[] decides it at run time.
            counted: bool[b], the rows that the statistics are taken over; None: all, or those
                present if `gaps`.

        Returns:
            [b ... c] in the type of x.
        """
        width = x.shape[-1]
        scale = (
            self.param("scale", nn.initializers.ones, (width,), jnp.float32)
            if self.scale
            else jnp.ones(width)
        )
        bias = (
            self.param("bias", nn.initializers.zeros, (width,), jnp.float32)
            if self.bias
            else jnp.zeros(width)
        )
        mean = self.variable("batch_stats", "mean", jnp.zeros, (width,), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (width,), jnp.float32)
        if train is False or self.frozen:
            return _affine(x, mean.value, var.value, scale, bias, self.epsilon)
        if self.gaps and counted is None:
            counted = rows.present()
        moments, samples = group_moments(x, self.group, self.average, counted)
        batch_mean, batch_var = moments[:, 0], jnp.maximum(moments[:, 1] - moments[:, 0] ** 2, 0.0)
        unbiased = jax.lax.stop_gradient(batch_var) * (samples / jnp.maximum(samples - 1, 1))
        rate = (1 - self.momentum) * ((samples > 0).any() & train)
        if train is not True:
            old_mean, old_var = mean.value[None], var.value[None]
        mean.value = (1 - rate) * mean.value + rate * _mean_of(
            jax.lax.stop_gradient(batch_mean), samples
        )
        var.value = (1 - rate) * var.value + rate * _mean_of(unbiased, samples)
        if train is not True:
            batch_mean = jnp.where(train, batch_mean, old_mean)
            batch_var = jnp.where(train, batch_var, old_var)
        factor = scale[None] * jax.lax.rsqrt(batch_var + self.epsilon)
        shift = bias[None] - batch_mean * factor
        grouped = x.reshape(moments.shape[0], -1, width).astype(jnp.float32)
        out = grouped * spread(factor, grouped.shape[1]) + spread(shift, grouped.shape[1])
        return out.reshape(x.shape).astype(x.dtype)


class DomainNorm(nn.Module):
    """Batch normalisation with weights and statistics for each of two domains (DSBN, as in SpCL).

    In training each row is normalised by the rows of its own domain, which `rows.known` gives. At
    test all rows are normalised by the statistics of "target", domain 1. Both domains start from
    the same weights. `collapsed` turns the variables into those of a BatchNorm. A domain without a
    row in a batch keeps its statistics.

    Departs from the published code:
        there the first half of a batch is the source, the second the target; here tags tell.

    Attributes:
        norm: makes the normalisation of one domain.
        bias, epsilon: of both, as in BatchNorm.
    """

    norm: Callable[..., nn.Module] = BatchNorm
    bias: bool = True
    epsilon: float = EPSILON

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Normalise x [b ... c].

        Raises:
            ValueError: in training, without the tags of the batch.
        """
        make = partial(self.norm, bias=self.bias, epsilon=self.epsilon)
        source, target = make(name="source"), make(name="target")
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
    """Mark weights of layers with batch statistics: bools in the tree of variables["params"]."""

    def marked(params: Any, stats: Any) -> Any:
        if not isinstance(params, Mapping):
            return False
        if stats and not any(isinstance(leaf, Mapping) for leaf in stats.values()):
            return dict.fromkeys(params, True)
        return {name: marked(part, stats.get(name, {})) for name, part in params.items()}

    return marked(variables["params"], variables.get("batch_stats", {}))


def collapsed(variables: Variables, domain: str = "target") -> Variables:
    """Convert the variables of an encoder with DomainNorm to those with BatchNorm.

    Args:
        variables: collections of nested dictionaries.
        domain: whose weights and statistics to keep, "source" or "target".
    """

    def strip(tree: Any) -> Any:
        if not isinstance(tree, Mapping):
            return tree
        if set(tree) == {"source", "target"}:
            return strip(tree[domain])
        return {name: strip(part) for name, part in tree.items()}

    return strip(variables)


def expanded(variables: Variables, like: Variables) -> Variables:
    """Convert the variables of an encoder with BatchNorm to those with DomainNorm.

    Args:
        variables: collections of nested dictionaries.
        like: variables of the encoder with DomainNorm.

    Returns:
        The variables in the tree of `like`: both domains have the same.
    """
    if not isinstance(like, Mapping) or not isinstance(variables, Mapping):
        return variables
    if set(like) == {"source", "target"} and set(variables) != set(like):
        return dict.fromkeys(like, variables)
    return {
        name: expanded(part, like[name]) if name in like else part
        for name, part in variables.items()
    }


class InstanceNorm(nn.Module):
    """Instance normalisation with scale and bias: by each image's statistics, at test as well."""

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
    """IBN-a: instance normalisation of the first half of the channels, batch of the second.

    Pan et al., "Two at Once", ECCV 2018.

    Attributes:
        norm: makes the batch normalisation.
    """

    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Normalise x [b h w c]; of an odd c the batch normalisation takes the larger part."""
        half = x.shape[-1] // 2
        by_instance = InstanceNorm(name="IN")(x[..., :half])
        by_batch = self.norm(name="BN")(x[..., half:], train)
        return jnp.concatenate([by_instance, by_batch], axis=-1)


def group_moments(
    x: Array, group: int, average: Average, counted: Array | None = None
) -> tuple[Array, Array]:
    """Compute first and second moments over groups of rows.

    Args:
        x: [b ... c], the rows of this device.
        group: rows per group, counted in the global batch; 0: the whole batch.
        average: averages the moments of a group over the devices that share it.
        counted: bool[b], the rows to take the moments over; None: all.

    Returns:
        The moments f32[groups 2 c], 0 for a group without counted rows, and the number of
        samples f32[groups 1].

    Raises:
        ValueError: the rows of a device cannot be split into such groups.
    """
    batch = x.shape[0]
    within = batch if group == 0 else min(group, batch)  # rows of a group on this device
    if batch % within or group % within:
        raise ValueError(
            f"{batch} rows on a device cannot be split into groups of {group}; choose bn_group to "
            "divide the batch of a device, a multiple of it, or 0 (the whole batch)"
        )
    grouped = x.reshape(batch // within, -1, x.shape[-1]).astype(jnp.float32)
    span = 0 if group == 0 else group // within
    if counted is None:
        pair = jnp.stack([total(grouped), total(jnp.square(grouped))], 1) / grouped.shape[1]
        moments, devices = average(pair, span)
        return moments, jnp.full((len(moments), 1), grouped.shape[1] * devices, jnp.float32)
    weight = counted.astype(jnp.float32).reshape(batch // within, within)
    weight = jnp.repeat(weight, grouped.shape[1] // within, 1)
    first = jnp.einsum("gn,gnc->gc", weight, grouped)
    second = jnp.einsum("gn,gnc->gc", weight, jnp.square(grouped))
    count = jnp.broadcast_to(weight.sum(1)[:, None], first.shape)
    sums, devices = average(jnp.stack([first, second, count], axis=1), span)
    return sums[:, :2] / jnp.maximum(sums[:, 2:], 1.0 / devices), sums[:, 2, :1] * devices


def _mean_of(values: Array, samples: Array) -> Array:
    """Mean of values [groups c] over the groups with samples [groups 1] > 0: [c], 0 if none."""
    valid = (samples > 0).astype(jnp.float32)
    return (values * valid).sum(0) / jnp.maximum(valid.sum(), 1.0)


def _affine(x: Array, mean: Array, var: Array, scale: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean) / sqrt(var + epsilon) * scale + bias, a multiply-add per element, in x's type."""
    given = (jax.lax.rsqrt(var + epsilon), scale, mean, bias)
    inverse, scale, mean, bias = (jnp.expand_dims(of, range(x.ndim - of.ndim)) for of in given)
    factor = scale * inverse
    shift = bias - mean * factor
    return (x.astype(jnp.float32) * factor + shift).astype(x.dtype)
