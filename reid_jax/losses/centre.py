"""Centre loss: the distance of each embedding to the centre of its class."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.types import Array


def centre(
    embedding: Float[Array, "b d"], label: Int[Array, " b"], centres: Float[Array, "c d"]
) -> Float[Array, ""]:
    """Compute half the squared distance to the class centre, averaged over the rows with a label.

    L = mean_b 0.5 |x_b - c_{y_b}|^2

    Args:
        embedding: x, [b d], any unit.
        label: y, i32[b], in [0, c). A row with a label below 0 is ignored. A label of c or more
            makes the loss NaN.
        centres: [c d], in the embedding's unit. They receive no gradient;
            `memory.centres.move_centres` updates them.

    Returns:
        f32[], in the square of the embedding's unit; 0 if no row has a label.

    Raises:
        ValueError: the shapes do not fit together.

    Reference:
        Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV
        2016, equation 2.

    Departs from the paper:
        takes the mean over the batch instead of the sum, so that the loss weight does not depend on
        the batch size. The code of "Bag of Tricks" (CVPRW 2019) takes the mean without the half:
        its weight of 5e-4 is 1e-3 here.
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"centre expects embedding [b d] and label [b], got {list(embedding.shape)} and "
            f"{list(label.shape)}; give one label per embedding"
        )
    if centres.ndim != 2 or centres.shape[1] != embedding.shape[1]:
        raise ValueError(
            f"centre expects centres [c {embedding.shape[1]}], got {list(centres.shape)}; give one "
            "centre per class, as wide as an embedding"
        )
    fixed = jax.lax.stop_gradient(jnp.asarray(centres, jnp.float32))
    # By default an index of c or more would silently read the last class; NaN stops the run.
    mine = fixed.at[jnp.maximum(label, 0)].get(mode="fill", fill_value=jnp.nan)
    each = 0.5 * jnp.sum((jnp.asarray(embedding, jnp.float32) - mine) ** 2, axis=1)
    labelled = label >= 0
    return jnp.sum(jnp.where(labelled, each, 0.0)) / jnp.maximum(jnp.sum(labelled), 1)
