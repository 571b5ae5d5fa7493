"""Dual causality loss of SNR: it compares how well three kinds of feature separate persons."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.distance import normalise
from reid_jax.types import Array


def dual_causality(parts: Float[Array, "b 3 c"], label: Int[Array, "b"]) -> Float[Array, ""]:
    """Compute the dual causality loss over normalised, restored and contaminated features.

    L = mean_i [ softplus(p+ - p) + softplus(n - n+) + softplus(p - p-) + softplus(n- - n) ]
    d(u, v) = 1/2 - cos(u, v) / 2

    For each row, p is the mean distance to its positives and n to its negatives: (p, n) of the
    normalised features, (p+, n+) of the restored ones, (p-, n-) of the contaminated ones, which are
    the normalised ones plus the removed part that is not identity. The loss is small if the
    restored features separate positives and negatives better than the normalised ones do, and the
    contaminated ones worse.

    Args:
        parts: [b 3 c], pooled normalised, restored and contaminated features of each row, of any
            length, as `models.snr.Restitution` returns them.
        label: i32[b]. A row with label -1 is ignored.

    Returns:
        f32[]; 0 if no row has both a positive and a negative.

    Reference:
        Jin et al., "Style Normalization and Restitution", CVPR 2020, its dual causality loss; from
        memory, since no public code of the re-ID form is known.

    Departs from the paper:
        the paper uses triplets. Here the pairs of each row are averaged before they are compared,
        and the loss is the mean over the rows that have both a positive and a negative.
    """
    unit = normalise(parts)
    away = 0.5 - 0.5 * jnp.einsum("ipc,jpc->pij", unit, unit)
    labelled = (label[:, None] >= 0) & (label[None, :] >= 0)
    same = labelled & (label[:, None] == label[None, :]) & ~jnp.eye(len(label), dtype=bool)
    other = labelled & (label[:, None] != label[None, :])

    def mean(pairs: Array) -> Array:
        return (away * pairs[None]).sum(-1) / jnp.maximum(pairs.sum(-1), 1)[None]

    (p, restored_p, contaminated_p), (n, restored_n, contaminated_n) = mean(same), mean(other)
    terms = [restored_p - p, n - restored_n, p - contaminated_p, contaminated_n - n]
    counted = same.any(-1) & other.any(-1)
    total = sum(jax.nn.softplus(term) for term in terms)
    return jnp.where(counted, total, 0.0).sum() / jnp.maximum(counted.sum(), 1)
