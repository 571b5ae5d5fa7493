"""Update of the running moments of the distances of positive and of negative pairs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from reid_jax.types import Array


class Moments(NamedTuple):
    """Moments of the distances of positive pairs (0) and of negative pairs (1).

    Attributes:
        mean: f32[2].
        variance: f32[2].
    """

    mean: Float[Array, "2"]
    variance: Float[Array, "2"]


def move_moments(
    moments: Moments,
    distance: Float[Array, "b b"],
    same: Bool[Array, "b b"],
    other: Bool[Array, "b b"],
    *,
    momentum: float = 0.9,
    around: str = "new",
    straight: bool = False,
) -> Moments:
    """Update the running moments by the distances of a batch.

    m = mean of d over the pairs,              mean <- momentum mean + (1 - momentum) m
    v = mean of (d - mean)^2 over the pairs,   variance <- momentum variance + (1 - momentum) v

    Positive and negative pairs are updated separately. Only the batch's m and v have a gradient.

    Args:
        moments: moments of all earlier batches. They receive no gradient.
        distance: d, [b b], any unit.
        same: bool[b b], which entries of `distance` are positive pairs.
        other: bool[b b], which entries are negative pairs. The moments of a kind of pair that the
            batch lacks are unchanged.
        momentum: beta, weight of the old moments, in [0, 1].
        around: running mean around which the variance is computed: "new" (after this update) or
            "old" (before it).
        straight: if True, the gradient is that of m and v instead of (1 - momentum) times it
            (straight-through). The values are the same.

    Returns:
        The new moments.

    Raises:
        ValueError: the shapes do not fit together, momentum is outside [0, 1], or `around` is
            unknown.

    Reference:
        Jin et al., "Global Distance-distributions Separation for Unsupervised Person
        Re-identification", ECCV 2020, equation 1. Its supplement derives that the variance is taken
        around the running mean, not around the batch's. It states neither which running mean nor
        beta: both are options, and their defaults are guesses.

    Departs from the paper:
        nowhere, as far as the paper is specific; `straight` is not in it.
    """
    if distance.ndim != 2 or not distance.shape == same.shape == other.shape:
        raise ValueError(
            "move_moments expects distance, same and other [b b], got "
            f"{list(distance.shape)}, {list(same.shape)} and {list(other.shape)}"
        )
    if not 0.0 <= momentum <= 1.0 or around not in ("new", "old"):
        raise ValueError(
            f"momentum is {momentum} and around {around!r}, expected a number in [0, 1], and "
            "new or old"
        )
    old_mean = jax.lax.stop_gradient(jnp.asarray(moments.mean, jnp.float32))
    old_variance = jax.lax.stop_gradient(jnp.asarray(moments.variance, jnp.float32))
    pairs = jnp.stack([same, other])
    count = pairs.sum((1, 2))
    present, count = count > 0, jnp.maximum(count, 1)

    def update(old: jax.Array, batch: jax.Array) -> jax.Array:
        new = momentum * old + (1.0 - momentum) * batch
        if straight:
            new = jax.lax.stop_gradient(new) + batch - jax.lax.stop_gradient(batch)
        return jnp.where(present, new, old)

    mean = update(old_mean, jnp.where(pairs, distance[None], 0.0).sum((1, 2)) / count)
    centre = (mean if around == "new" else old_mean)[:, None, None]
    square = jnp.square(distance[None] - centre)
    variance = update(old_variance, jnp.where(pairs, square, 0.0).sum((1, 2)) / count)
    return Moments(mean, variance)
