"""Losses of GDS and GDS-H: separate the distances of positive pairs from those of negative pairs.

The two sets of distances are described as distributions, by mean and variance. A positive pair is
two images of the same person, a negative pair two images of different persons.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from reid_jax.distance import cosine, euclidean
from reid_jax.types import Array


def pairs(
    embedding: Float[Array, "b d"],
    label: Int[Array, "b"],
    scope: Int[Array, "b"],
    *,
    metric: str = "cosine",
) -> tuple[Float[Array, "b b"], Bool[Array, "b b"], Bool[Array, "b b"]]:
    """Compute the distances within a batch, and which of them are positive and negative pairs.

    cosine:    d(u, v) = 1/2 - u.v / (2 |u| |v|)
    euclidean: d(u, v) = |u - v|

    Each pair counts once: the masks are True only above the diagonal.

    Args:
        embedding: [b d], any unit. A row of zeros has no direction and is in no pair.
        label: i32[b]. A row with a label below 0 is in no pair.
        scope: i32[b]. Rows of different scopes are no pair, e.g. those of two data sets, whose
            labels are unrelated.
        metric: "cosine" or "euclidean".

    Returns:
        (d, same, other): f32[b b], for the cosine in [0, 1] up to rounding; bool[b b], the positive
        pairs; bool[b b], the negative pairs.

    Raises:
        ValueError: the shapes do not fit together, or the metric is unknown.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020. The distance is that of
        SNR (Jin et al., CVPR 2020), by the same authors; the initial moments of the supplement, 1/2
        and 1/6, suit a distance in [0, 1].

    Departs from the paper:
        nowhere, as far as the paper is specific.
    """
    if embedding.ndim != 2 or not label.shape == scope.shape == embedding.shape[:1]:
        raise ValueError(
            f"pairs expects embedding [b d], label and scope [b], got {list(embedding.shape)}, "
            f"{list(label.shape)} and {list(scope.shape)}"
        )
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"the metric is {metric!r}, expected cosine or euclidean")
    valid = (label >= 0) & (embedding != 0).any(1)
    once = jnp.triu(jnp.ones((len(label), len(label)), bool), 1)
    comparable = once & valid[:, None] & valid[None, :] & (scope[:, None] == scope[None, :])
    same = label[:, None] == label[None, :]
    distance = (
        0.5 * cosine(embedding, embedding)
        if metric == "cosine"
        else euclidean(embedding, embedding)
    )
    return distance, comparable & same, comparable & ~same


def separation(
    mean: Float[Array, "2"], variance: Float[Array, "2"], *, lambda_sigma: float = 1.0
) -> Float[Array, ""]:
    """Compute the GDS loss: large mean difference, small variances.

    L = log(1 + exp(mean_same - mean_other)) + lambda_sigma (variance_same + variance_other)

    Args:
        mean: f32[2], mean distance of positive pairs (0) and of negative pairs (1).
        variance: f32[2], variance of the distances of positive pairs (0) and of negative pairs (1).
        lambda_sigma: weight of the variances.

    Returns:
        f32[].

    Raises:
        ValueError: mean or variance is not [2].

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020. lambda_sigma is from its
        supplement, the formula from memory.

    Departs from the paper:
        nowhere that is known.
    """
    _check(mean, variance)
    return jax.nn.softplus(mean[0] - mean[1]) + lambda_sigma * variance.sum()


def tails(
    mean: Float[Array, "2"],
    variance: Float[Array, "2"],
    *,
    kappa: float = 3.0,
    epsilon: float = 1e-12,
) -> Float[Array, ""]:
    """Compute the GDS-H loss: upper tail of positive distances minus lower tail of negative ones.

    L = log(1 + exp((mean_same + kappa s_same) - (mean_other - kappa s_other)))
    s = sqrt(variance + epsilon)

    The tails stand for the hard pairs.

    Args:
        mean: f32[2], mean distance of positive pairs (0) and of negative pairs (1).
        variance: f32[2], variance of the distances of positive pairs (0) and of negative pairs (1).
        kappa: standard deviations from the mean to the tail.
        epsilon: keeps the gradient of the root finite.

    Returns:
        f32[].

    Raises:
        ValueError: mean or variance is not [2].

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020. The tails at 3 standard
        deviations are from its supplement (figure 2), the formula is from memory.

    Departs from the paper:
        nowhere that is known.
    """
    _check(mean, variance)
    far = kappa * jnp.sqrt(variance + epsilon).sum()
    return jax.nn.softplus(mean[0] - mean[1] + far)


def overlap(mean: Float[Array, "2"], variance: Float[Array, "2"]) -> Float[Array, ""]:
    """Compute the overlap of two normal distributions (Bhattacharyya coefficient), a metric to log.

    sqrt(2 s_0 s_1 / (v_0 + v_1)) exp(-(m_0 - m_1)^2 / (4 (v_0 + v_1))),  s = sqrt(v)

    Args:
        mean: m, f32[2].
        variance: v, f32[2].

    Returns:
        f32[] in [0, 1]; 0: disjoint, 1: equal.

    Raises:
        ValueError: mean or variance is not [2].

    Reference:
        Bhattacharyya, "On a measure of divergence between two multinomial populations", 1946.

    Departs from the paper:
        GDS has no such metric.
    """
    _check(mean, variance)
    variance = variance + 1e-12
    both = variance.sum()
    return jnp.sqrt(2 * jnp.sqrt(variance.prod()) / both) * jnp.exp(
        -jnp.square(mean[0] - mean[1]) / (4 * both)
    )


def _check(mean: Array, variance: Array) -> None:
    if mean.shape != (2,) or variance.shape != (2,):
        raise ValueError(
            f"expected two means and two variances, got {list(mean.shape)} and "
            f"{list(variance.shape)}"
        )
