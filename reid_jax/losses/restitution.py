"""What SNR's restored features must do better than the normalised ones, and its rests worse."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.distance import normalise
from reid_jax.types import Array


def dual_causality(parts: Float[Array, "b 3 c"], label: Int[Array, "b"]) -> Float[Array, ""]:
    """Softplus of how much farther the restored features are between rows of a person than before, and so on.

    With the mean distance p of pairs of one person and n of pairs of two, of the normalised features (p, n), the
    restored ones (p+, n+) and the rests (p-, n-):
    softplus(p+ - p) + softplus(n - n+) + softplus(p - p-) + softplus(n- - n), d(u, v) = 1/2 - cos(u, v) / 2.

    Args:
        parts: pooled normalised, restored and rest features of each row, as `models.snr.Restitution` lays aside.
        label: -1 sits out.

    Returns:
        The loss; 0 where no row has both kinds of pair.

    Reference:
        Jin et al., "Style Normalization and Restitution", CVPR 2020, its dual causality loss; from memory, as no public
        code of the re-ID form is known.

    Departs from the paper:
        it takes triplets; here each row's pairs are averaged before they are compared, and the loss is the mean over
        rows that have both kinds of pair.
    """
    unit = normalise(parts)
    away = 0.5 - 0.5 * jnp.einsum("ipc,jpc->pij", unit, unit)
    there = (label[:, None] >= 0) & (label[None, :] >= 0)
    same = there & (label[:, None] == label[None, :]) & ~jnp.eye(len(label), dtype=bool)
    other = there & (label[:, None] != label[None, :])

    def mean(pairs: Array) -> Array:
        return (away * pairs[None]).sum(-1) / jnp.maximum(pairs.sum(-1), 1)[None]

    (p, restored_p, rest_p), (n, restored_n, rest_n) = mean(same), mean(other)
    terms = [restored_p - p, n - restored_n, p - rest_p, rest_n - n]
    counted = same.any(-1) & other.any(-1)
    total = sum(jax.nn.softplus(term) for term in terms)
    return jnp.where(counted, total, 0.0).sum() / jnp.maximum(counted.sum(), 1)
