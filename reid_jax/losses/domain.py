"""Making domains indistinguishable: what the backbone is punished by when a discriminator can tell them."""

import jax.numpy as jnp
from jaxtyping import Float

from reid_jax.types import Array

LEAST = 1e-12  # a probability is never taken for less


def balance(probability: Float[Array, "b n"]) -> Float[Array, ""]:
    """Domain balance: least, n / 2 - log n, where all domains are as likely; the negative entropy and a constant.

    L = mean_i sum_j (p_ij log p_ij + 0.5)

    Args:
        probability: p, [b n], of each of n domains; a row sums to one.

    Returns:
        f32[], nats.

    Raises:
        ValueError: not a matrix.

    Reference:
        Wang et al., "DomainMix: Learning Generalizable Person Re-Identification Without Human Annotations", 2020,
        domain balance loss.

    Departs from the paper:
        p log p is 0 at p = 0, with a finite gradient; the paper's is not defined there, its code gives NaN.
    """
    p = _probability("balance", probability)
    return (p * jnp.log(p) + 0.5).sum(1).mean()


def symmetric_kl(probability: Float[Array, "b n"]) -> Float[Array, ""]:
    """The symmetrised Kullback-Leibler divergence from all domains being as likely.

    L = mean_i [ KL(p_i || h) + KL(h || p_i) ],  h = (1/n, ..., 1/n)

    Args:
        probability: p, [b n], of each of n domains; a row sums to one.

    Returns:
        f32[], nats.

    Raises:
        ValueError: not a matrix.

    Reference:
        Wang et al., "DomainMix: Learning Generalizable Person Re-Identification Without Human Annotations", 2020, its
        other domain loss.

    Departs from the paper:
        a probability below 1e-12 counts as 1e-12, which bounds the loss.
    """
    p = _probability("symmetric_kl", probability)
    even = 1.0 / p.shape[1]
    return ((p - even) * (jnp.log(p) - jnp.log(even))).sum(1).mean()


def _probability(name: str, probability: Array) -> Array:
    if probability.ndim != 2:
        raise ValueError(f"{name} expects probabilities [b n], got {list(probability.shape)}")
    return jnp.maximum(jnp.asarray(probability, jnp.float32), LEAST)
