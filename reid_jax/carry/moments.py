"""How the running moments of the distances move: of pairs of one person and of pairs of two."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from reid_jax.types import Array


class Moments(NamedTuple):
    """mean, variance: f32[2], of the distances of pairs of the same person (0) and of others (1)."""

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
    """The running moments after a batch; the gradient goes through the batch's part of them alone.

    m = mean of d over the pairs,              mean <- momentum mean + (1 - momentum) m
    v = mean of (d - mean)^2 over the pairs,   variance <- momentum variance + (1 - momentum) v
    for the pairs of the same person and for the others, by themselves.

    Args:
        moments: of all batches before; no gradient goes to them.
        distance: d, [b b], any unit.
        same, other: bool[b b], which of them are pairs of the same person, and of two. Where there is no such pair, its
            moments stay as they are.
        momentum: beta, of the old moments, in [0, 1].
        around: which running mean the variance is taken around, the "new" one or the "old".
        straight: the value is as above, but the gradient is that of m and v themselves, not 1 - momentum of it.

    Returns:
        Moments.

    Raises:
        ValueError: shapes that do not belong together, a momentum outside [0, 1], or another word for `around`.

    Reference:
        Jin et al., "Global Distance-distributions Separation for Unsupervised Person Re-identification", ECCV 2020,
        equation 1; its supplement derives that the variance is around the running mean, not around the batch's. Which
        running mean, and beta, it does not tell: both are options, at values that are guesses.

    Departs from the paper:
        nowhere that it tells; `straight` is not in it.
    """
    if distance.ndim != 2 or not distance.shape == same.shape == other.shape:
        raise ValueError(
            f"move_moments expects distance, same and other [b b], got {list(distance.shape)}, {list(same.shape)} and "
            f"{list(other.shape)}"
        )
    if not 0.0 <= momentum <= 1.0 or around not in ("new", "old"):
        raise ValueError(f"momentum is {momentum} and around {around!r}, expected one in [0, 1], and new or old")
    old = Moments(*(jax.lax.stop_gradient(jnp.asarray(one, jnp.float32)) for one in moments))
    pairs = jnp.stack([same, other])
    count = pairs.sum((1, 2))
    there, count = count > 0, jnp.maximum(count, 1)

    def moved(before: Array, batch: Array) -> Array:
        after = momentum * before + (1.0 - momentum) * batch
        if straight:
            after = jax.lax.stop_gradient(after) + batch - jax.lax.stop_gradient(batch)
        return jnp.where(there, after, before)

    mean = moved(old.mean, jnp.where(pairs, distance[None], 0.0).sum((1, 2)) / count)
    centre = (mean if around == "new" else old.mean)[:, None, None]
    square = jnp.square(distance[None] - centre)
    return Moments(mean, moved(old.variance, jnp.where(pairs, square, 0.0).sum((1, 2)) / count))
