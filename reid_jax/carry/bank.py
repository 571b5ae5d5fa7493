"""How a bank of features moves: SpCL's hybrid memory."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.distance import normalise
from reid_jax.types import Array


def move_bank(
    bank: Float[Array, "n d"], embedding: Float[Array, "b d"], row: Int[Array, "b"], *, momentum: float = 0.2
) -> Float[Array, "n d"]:
    """Each row that the batch names moves towards its embedding, one after the other in the batch's order.

    v <- momentum v + (1 - momentum) f,  then v <- v / |v|

    Args:
        bank: [n d], rows of length one.
        embedding: f, [b d], rows of length one.
        row: i32[b], which row each embedding moves; below 0: none. A row named twice is moved twice.
        momentum: of the old row, in [0, 1].

    Returns:
        f32[n d]. No gradient goes through it.

    Raises:
        ValueError: shapes that do not belong together, or a momentum outside [0, 1].

    Reference:
        Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, equations 4 and 5, and its code,
        whose 0.2 multiplies the old row.

    Departs from the paper:
        where the code moves the bank during the backward pass, so that with two losses the second gradient sees the bank
        already moved, here both losses see it as it was before the step.
    """
    if bank.ndim != 2 or embedding.ndim != 2 or bank.shape[1] != embedding.shape[1] or row.shape != embedding.shape[:1]:
        raise ValueError(
            f"move_bank expects bank [n d], embedding [b d] and row [b], got {list(bank.shape)}, "
            f"{list(embedding.shape)} and {list(row.shape)}"
        )
    if not 0.0 <= momentum <= 1.0:
        raise ValueError(f"momentum is {momentum}, expected a number in [0, 1]; the paper's is 0.2")
    row = jnp.asarray(row)
    bank, embedding = (jax.lax.stop_gradient(jnp.asarray(one, jnp.float32)) for one in (bank, embedding))

    def move(number: Array, bank: Array) -> Array:
        old = bank[row[number]]
        new = normalise(momentum * old + (1.0 - momentum) * embedding[number])
        return bank.at[row[number]].set(jnp.where(row[number] >= 0, new, old))

    return jax.lax.fori_loop(0, len(row), move, bank)
