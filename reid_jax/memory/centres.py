"""Update of the class centres of the centre loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.types import Array


def move_centres(
    centres: Float[Array, "c d"],
    embedding: Float[Array, "b d"],
    label: Int[Array, " b"],
    *,
    rate: float = 0.5,
) -> Float[Array, "c d"]:
    """Move each centre towards the batch's embeddings of its class.

    delta_c = sum_{b: y_b = c} (c_c - x_b) / (1 + n_c),  n_c = rows of class c in the batch
    c_c <- c_c - rate delta_c

    Args:
        centres: [c d], any unit.
        embedding: x, [b d], in the unit of the centres.
        label: y, i32[b]. Rows with a label outside [0, c) are ignored.
        rate: alpha of the paper, in [0, 1].

    Returns:
        f32[c d], the new centres, without gradient. A centre without a row in the batch is
        unchanged.

    Raises:
        ValueError: the shapes do not fit together, or rate is outside [0, 1].

    Reference:
        Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV
        2016, equation 4.

    Departs from the paper:
        nowhere. (The code of "Bag of Tricks", CVPRW 2019, divides by the batch size instead of 1 +
        n_c.)
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"move_centres expects embedding [b d] and label [b], got {list(embedding.shape)} and "
            f"{list(label.shape)}; give one label per embedding"
        )
    if centres.ndim != 2 or centres.shape[1] != embedding.shape[1]:
        raise ValueError(
            f"move_centres expects centres [c {embedding.shape[1]}], got {list(centres.shape)}; "
            "give one centre per class, as wide as an embedding"
        )
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate is {rate}, expected a number in [0, 1]; the paper's is 0.5")
    classes = centres.shape[0]
    centres = jnp.asarray(centres, jnp.float32)
    embedding = jnp.asarray(embedding, jnp.float32)
    # Rows without a label go to an extra segment, which is dropped.
    segment = jnp.where((label >= 0) & (label < classes), label, classes)
    total = jax.ops.segment_sum(embedding, segment, num_segments=classes + 1)[:classes]
    count = jax.ops.segment_sum(jnp.ones(embedding.shape[:1], jnp.float32), segment, classes + 1)[
        :classes, None
    ]
    return jax.lax.stop_gradient(centres - rate * (count * centres - total) / (1.0 + count))
