"""The distances of one person's pairs kept apart from those of other pairs, as two distributions: GDS and GDS-H."""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from reid_jax.distance import cosine, euclidean
from reid_jax.types import Array


def pairs(
    embedding: Float[Array, "b d"], label: Int[Array, "b"], scope: Int[Array, "b"], *, metric: str = "cosine"
) -> tuple[Float[Array, "b b"], Bool[Array, "b b"], Bool[Array, "b b"]]:
    """The distances of a batch, and which of them are pairs of the same person and of two; each pair once.

    cosine:    d(u, v) = 1/2 - u.v / (2 |u| |v|)
    euclidean: d(u, v) = |u - v|

    Args:
        embedding: [b d], any unit. A row of zeros, which has no direction, is in no pair.
        label: i32[b]; rows below 0 are in no pair.
        scope: i32[b], rows of two scopes are no pair: labels of two data sets say nothing about each other.
        metric: cosine or euclidean.

    Returns:
        d f32[b b], for the cosine in [0, 1] up to rounding; same bool[b b]; other bool[b b].

    Raises:
        ValueError: shapes that do not belong together, or another metric.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020. The distance is that of SNR (Jin et al., CVPR
        2020), of the same authors; the supplement's first moments, 1/2 and 1/6, suit a distance in [0, 1].

    Departs from the paper:
        nowhere that it tells.
    """
    if embedding.ndim != 2 or not label.shape == scope.shape == embedding.shape[:1]:
        raise ValueError(
            f"pairs expects embedding [b d], label and scope [b], got {list(embedding.shape)}, {list(label.shape)} and "
            f"{list(scope.shape)}"
        )
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"the metric is {metric!r}, expected cosine or euclidean")
    there = (label >= 0) & (embedding != 0).any(1)
    once = jnp.triu(jnp.ones((len(label), len(label)), bool), 1)
    comparable = once & there[:, None] & there[None, :] & (scope[:, None] == scope[None, :])
    same = label[:, None] == label[None, :]
    distance = 0.5 * cosine(embedding, embedding) if metric == "cosine" else euclidean(embedding, embedding)
    return distance, comparable & same, comparable & ~same


def separation(mean: Float[Array, "2"], variance: Float[Array, "2"], *, lambda_sigma: float = 1.0) -> Float[Array, ""]:
    """The mean distances apart and both distributions narrow.

    L = log(1 + exp(mean_same - mean_other)) + lambda_sigma (variance_same + variance_other)

    Args:
        mean, variance: f32[2], of the distances of pairs of the same person (0) and of others (1).
        lambda_sigma: weight of the variances.

    Returns:
        f32[].

    Raises:
        ValueError: not two means and two variances.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020; lambda_sigma is its supplement's, the form from
        memory.

    Departs from the paper:
        nowhere that is known.
    """
    _check(mean, variance)
    return jax.nn.softplus(mean[0] - mean[1]) + lambda_sigma * variance.sum()


def tails(
    mean: Float[Array, "2"], variance: Float[Array, "2"], *, kappa: float = 3.0, epsilon: float = 1e-12
) -> Float[Array, ""]:
    """The far tail of the same person's distances below the near tail of the others': the hard pairs, as distributions.

    L = log(1 + exp((mean_same + kappa s_same) - (mean_other - kappa s_other))),  s = sqrt(variance + epsilon)

    Args:
        mean, variance: f32[2], of the distances of pairs of the same person (0) and of others (1).
        kappa: standard deviations from the mean to the tail.
        epsilon: it keeps the gradient of the root finite.

    Returns:
        f32[].

    Raises:
        ValueError: not two means and two variances.

    Reference:
        Jin et al., "Global Distance-distributions Separation", ECCV 2020; the tails at 3 standard deviations are its
        supplement's (figure 2), the form from memory.

    Departs from the paper:
        nowhere that is known.
    """
    _check(mean, variance)
    far = kappa * jnp.sqrt(variance + epsilon).sum()
    return jax.nn.softplus(mean[0] - mean[1] + far)


def overlap(mean: Float[Array, "2"], variance: Float[Array, "2"]) -> Float[Array, ""]:
    """How far two normal distributions cover each other: the Bhattacharyya coefficient, a figure to log.

    sqrt(2 s_0 s_1 / (v_0 + v_1)) exp(-(m_0 - m_1)^2 / (4 (v_0 + v_1)))

    Args:
        mean, variance: f32[2].

    Returns:
        f32[] from 0, apart, to 1, the same.

    Raises:
        ValueError: not two means and two variances.

    Reference:
        Bhattacharyya, "On a measure of divergence between two multinomial populations", 1946.

    Departs from the paper:
        GDS has no such figure.
    """
    _check(mean, variance)
    variance = variance + 1e-12
    both = variance.sum()
    return jnp.sqrt(2 * jnp.sqrt(variance.prod()) / both) * jnp.exp(-jnp.square(mean[0] - mean[1]) / (4 * both))


def _check(mean: Array, variance: Array) -> None:
    if mean.shape != (2,) or variance.shape != (2,):
        raise ValueError(f"expected two means and two variances, got {list(mean.shape)} and {list(variance.shape)}")
