"""Update of the feature bank of SpCL (its hybrid memory)."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.distance import normalise
from reid_jax.types import Array


def move_bank(
    bank: Float[Array, "n d"],
    embedding: Float[Array, "b d"],
    row: Int[Array, "b"],
    *,
    momentum: float = 0.2,
) -> Float[Array, "n d"]:
    """Move bank rows towards the embeddings of a batch, one row after the other in batch order.

    v <- momentum v + (1 - momentum) f,  then v <- v / |v|

    Args:
        bank: v, [n d], rows of length one.
        embedding: f, [b d], rows of length one.
        row: i32[b], the bank row that each embedding moves; below 0: none. A row that occurs twice
            is moved twice.
        momentum: weight of the old row, in [0, 1].

    Returns:
        f32[n d], without gradient.

    Raises:
        ValueError: the shapes do not fit together, or momentum is outside [0, 1].

    Reference:
        Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, equations 4
        and 5, and its code, whose 0.2 is the weight of the old row.

    Departs from the paper:
        the code moves the bank during the backward pass, so that with two losses the second
        gradient uses a bank that has already moved. Here both losses use the bank from before the
        step.
    """
    if (
        bank.ndim != 2
        or embedding.ndim != 2
        or bank.shape[1] != embedding.shape[1]
        or row.shape != embedding.shape[:1]
    ):
        raise ValueError(
            f"move_bank expects bank [n d], embedding [b d] and row [b], got {list(bank.shape)}, "
            f"{list(embedding.shape)} and {list(row.shape)}"
        )
    if not 0.0 <= momentum <= 1.0:
        raise ValueError(f"momentum is {momentum}, expected a number in [0, 1]; the paper's is 0.2")
    row = jnp.asarray(row)
    bank = jax.lax.stop_gradient(jnp.asarray(bank, jnp.float32))
    embedding = jax.lax.stop_gradient(jnp.asarray(embedding, jnp.float32))

    def move(index: jax.Array, bank: jax.Array) -> jax.Array:
        old = bank[row[index]]
        new = normalise(momentum * old + (1.0 - momentum) * embedding[index])
        return bank.at[row[index]].set(jnp.where(row[index] >= 0, new, old))

    return jax.lax.fori_loop(0, len(row), move, bank)
