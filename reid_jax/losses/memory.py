"""Unified contrastive loss of SpCL, against a bank of features whose rows are grouped by label."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax import dealt
from reid_jax.types import Array

EPSILON = 1e-6


def memory(
    embedding: Float[Array, "b d"],
    label: Int[Array, "b"],
    bank: Float[Array, "n d"],
    bank_label: Int[Array, "n"],
    *,
    temperature: float = 0.05,
    epsilon: float = EPSILON,
) -> Float[Array, ""]:
    """Compute the contrastive loss against the prototypes of all labels: means of their bank rows.

    c_k = mean over the rows r of label k of <f, v_r> / t
    p_k = exp(c_k) / (sum_k' exp(c_k') + e)
    L = mean_i -log(p_{y_i} + e)

    Args:
        embedding: f, [b d], rows of length one.
        label: y, i32[b]. A row is ignored if its label is below 0, or if no bank row has its label.
        bank: v, [n d], rows of length one. They receive no gradient.
        bank_label: i32[n], in [0, n). A bank row with a label below 0 belongs to no label.
        temperature: t, above 0.
        epsilon: e, used in both places. It limits the loss to -log e = 13.8, and rows whose p is
            far below it have almost no gradient.

    Returns:
        f32[], nats; 0 if all rows are ignored.

    Raises:
        ValueError: the shapes do not fit together, or the temperature is not above 0.

    Reference:
        Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, equation 2.
        The value of epsilon is from its code.

    Departs from the paper:
        averages the logits of a label's rows, as its code does. It does not average the rows and
        normalise the mean again.
    """
    if embedding.ndim != 2 or bank.ndim != 2 or embedding.shape[1] != bank.shape[1]:
        raise ValueError(
            f"memory expects embedding [b d] and bank [n d], got {list(embedding.shape)} and "
            f"{list(bank.shape)}"
        )
    if label.shape != embedding.shape[:1] or bank_label.shape != bank.shape[:1]:
        raise ValueError(
            f"memory expects a label for each row, got {list(label.shape)} and "
            f"{list(bank_label.shape)}"
        )
    if not temperature > 0:
        raise ValueError(
            f"temperature is {temperature}, expected a number above 0; the paper's is 0.05"
        )
    rows = len(bank)
    fixed = jax.lax.stop_gradient(jnp.asarray(bank, jnp.float32))
    # Bank rows without a label go to an extra segment, which is dropped.
    segment = jnp.where(bank_label >= 0, bank_label, rows)
    count = jax.ops.segment_sum(jnp.ones(rows), segment, rows + 1)[:rows, None]

    def against_bank(embedding: Array, label: Array) -> Array:
        logits = (
            jnp.matmul(fixed, embedding.astype(jnp.float32).T, precision=jax.lax.Precision.HIGHEST)
            / temperature
        )
        prototype = jax.ops.segment_sum(logits, segment, rows + 1)[:rows] / jnp.maximum(count, 1)
        prototype = jnp.where(count > 0, prototype, -jnp.inf)  # f32[labels b]
        top = jax.lax.stop_gradient(prototype.max(0))
        probability = jnp.exp(prototype - top[None])
        probability = probability / (probability.sum(0) + epsilon * jnp.exp(-top))[None]
        own = jnp.take_along_axis(probability, jnp.maximum(label, 0)[None], axis=0)[0]
        return -jnp.log(own + epsilon)

    counted = (label >= 0) & (count[jnp.maximum(label, 0), 0] > 0)
    each = dealt.each(against_bank, embedding, label)
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)
