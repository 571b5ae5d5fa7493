"""Cross-batch memory loss: a queue of earlier embeddings supplies negatives from other videos."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax import dealt
from reid_jax.distance import similarity
from reid_jax.types import Array


def negatives(
    embedding: Float[Array, "b d"],
    video: Int[Array, "b"],
    queue: Float[Array, "q d"],
    queue_video: Int[Array, "q"],
    *,
    hardest: int = 10,
) -> Float[Array, ""]:
    """Compute the loss against the hardest negatives of a queue: its nearest rows of other videos.

    L = 1 / (N k) sum_i sum_{j in H(i)} log(1 + exp(<x_i, z_j>))
    H(i) = the k elements of {j: v_j != v_i} with the greatest cosine, < , > the cosine

    Args:
        embedding: x, [b d], rows of any length.
        video: v, i32[b]. A row with a video below 0 is ignored; N counts the other rows.
        queue: z, [q d], rows of any length. They receive no gradient.
        queue_video: i32[q]. Below 0: the place is empty.
        hardest: k, at least 1; at most q are used. With k = q the loss is equation 6 of the paper.
            If fewer than k rows of other videos are present, all of them are used.

    Returns:
        f32[] in [0, 1.32]. It is log 2, not 0, for cosines of 0; it is 0 if the queue has no row of
        another video.

    Raises:
        ValueError: the shapes do not fit together, or hardest is below 1.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", equation
        6 and the text below it.

    Departs from the paper:
        the paper's equation divides by N and by the length of the queue, and the paper does not
        state the divisor for the hardest negatives. Here it is N k, also if fewer than k negatives
        are present.
    """
    if embedding.ndim != 2 or queue.ndim != 2 or embedding.shape[1] != queue.shape[1]:
        raise ValueError(
            f"negatives expects embedding [b d] and queue [q d], got {list(embedding.shape)} and "
            f"{list(queue.shape)}"
        )
    if video.shape != embedding.shape[:1] or queue_video.shape != queue.shape[:1]:
        raise ValueError(
            f"negatives expects a video for each row, got {list(video.shape)} and "
            f"{list(queue_video.shape)}"
        )
    if hardest < 1:
        raise ValueError(f"hardest is {hardest}, expected 1 or more; the paper's is 10")
    hardest = min(hardest, len(queue))
    video, queue_video = jnp.asarray(video), jnp.asarray(queue_video)

    def against_queue(embedding: Array, video: Array) -> Array:
        cosine = similarity(embedding, jax.lax.stop_gradient(queue))
        other = (
            (queue_video >= 0)[None, :]
            & (video >= 0)[:, None]
            & (video[:, None] != queue_video[None, :])
        )
        nearest = jax.lax.top_k(jnp.where(other, cosine, -jnp.inf), hardest)[0]
        present = nearest > -jnp.inf
        return jnp.where(present, jax.nn.softplus(jnp.where(present, nearest, 0.0)), 0.0).sum(1)

    each = dealt.each(against_queue, embedding, video)
    return each.sum() / (hardest * jnp.maximum((video >= 0).sum(), 1))
