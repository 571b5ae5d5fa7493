"""Domain confusion losses: minimal where a discriminator finds all domains equally probable."""

import jax.numpy as jnp
from jaxtyping import Float

from reid_jax.types import Array

LEAST = 1e-12  # smaller probabilities are clamped to this


def balance(probability: Float[Array, "b n"]) -> Float[Array, ""]:
    """Compute the domain balance loss: the negative entropy of the probabilities plus a constant.

    L = mean_i sum_j (p_ij log p_ij + 0.5)

    The minimum is n / 2 - log n, where all domains have the same probability.

    Args:
        probability: p, [b n], probability of each of n domains; each row sums to one.

    Returns:
        f32[], nats.

    Raises:
        ValueError: probability is not a matrix.

    Reference:
        Wang et al., "DomainMix: Learning Generalizable Person Re-Identification Without Human
        Annotations", 2020, domain balance loss.

    Departs from the paper:
        p log p is 0 at p = 0, with a finite gradient; it is undefined there in the paper, and NaN
        in its code.
    """
    p = _probability("balance", probability)
    return (p * jnp.log(p) + 0.5).sum(1).mean()


def symmetric_kl(probability: Float[Array, "b n"]) -> Float[Array, ""]:
    """Compute the symmetric Kullback-Leibler divergence from the uniform distribution over domains.

    L = mean_i [ KL(p_i || h) + KL(h || p_i) ],  h = (1/n, ..., 1/n)

    Args:
        probability: p, [b n], probability of each of n domains; each row sums to one.

    Returns:
        f32[], nats.

    Raises:
        ValueError: probability is not a matrix.

    Reference:
        Wang et al., "DomainMix: Learning Generalizable Person Re-Identification Without Human
        Annotations", 2020, its other domain loss.

    Departs from the paper:
        probabilities below 1e-12 are clamped to 1e-12, which bounds the loss.
    """
    p = _probability("symmetric_kl", probability)
    even = 1.0 / p.shape[1]
    return ((p - even) * (jnp.log(p) - jnp.log(even))).sum(1).mean()


def _probability(name: str, probability: Array) -> Array:
    if probability.ndim != 2:
        raise ValueError(f"{name} expects probabilities [b n], got {list(probability.shape)}")
    return jnp.maximum(jnp.asarray(probability, jnp.float32), LEAST)
