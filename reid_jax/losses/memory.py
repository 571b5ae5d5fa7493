"""Contrast against a bank of features whose rows are grouped by label: SpCL's unified contrastive loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

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
    """The embedding near the prototype of its label, far from all others; a prototype is the mean of a label's rows.

    c_k = mean over the rows r of label k of <f, v_r> / t,  p_k = exp(c_k) / (sum_k' exp(c_k') + e)
    L = mean_i -log(p_{y_i} + e)

    Args:
        embedding: f, [b d], rows of length one.
        label: i32[b]; a row below 0 has no weight, nor has one whose label no row of the bank has.
        bank: v, [n d], rows of length one; no gradient goes to it. bank_label: i32[n], in [0, n), below 0: in no label.
        temperature: t, above 0.
        epsilon: e, twice; it caps the loss at -log e = 13.8 and takes the gradient from what is hopelessly wrong.

    Returns:
        f32[], nats; 0 if no row counts.

    Raises:
        ValueError: shapes that do not belong together, or a temperature that is not above 0.

    Reference:
        Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, equation 2; epsilon is its code's.

    Departs from the paper:
        logits are averaged over a label's rows, not rows before they are normalised again: so does its code.
    """
    if embedding.ndim != 2 or bank.ndim != 2 or embedding.shape[1] != bank.shape[1]:
        raise ValueError(
            f"memory expects embedding [b d] and bank [n d], got {list(embedding.shape)} and {list(bank.shape)}"
        )
    if label.shape != embedding.shape[:1] or bank_label.shape != bank.shape[:1]:
        raise ValueError(f"memory expects a label for each row, got {list(label.shape)} and {list(bank_label.shape)}")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0; the paper's is 0.05")
    rows = len(bank)
    fixed = jax.lax.stop_gradient(jnp.asarray(bank, jnp.float32))
    logits = jnp.matmul(fixed, embedding.astype(jnp.float32).T, precision=jax.lax.Precision.HIGHEST) / temperature
    segment = jnp.where(bank_label >= 0, bank_label, rows)  # what is in no label goes to one of its own, dropped below
    count = jax.ops.segment_sum(jnp.ones(rows), segment, rows + 1)[:rows, None]
    prototype = jax.ops.segment_sum(logits, segment, rows + 1)[:rows] / jnp.maximum(count, 1)
    prototype = jnp.where(count > 0, prototype, -jnp.inf)  # [labels b]
    top = jax.lax.stop_gradient(prototype.max(0))
    share = jnp.exp(prototype - top[None])
    share = share / (share.sum(0) + epsilon * jnp.exp(-top))[None]
    mine = jnp.take_along_axis(share, jnp.maximum(label, 0)[None], axis=0)[0]
    counted = (label >= 0) & (count[jnp.maximum(label, 0), 0] > 0)
    return jnp.where(counted, -jnp.log(mine + epsilon), 0.0).sum() / jnp.maximum(counted.sum(), 1)
