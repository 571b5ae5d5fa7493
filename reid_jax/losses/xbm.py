"""Contrast against a queue of earlier embeddings of other videos: the cross-batch memory."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

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
    """Far from those of the queue's embeddings, of other videos, that are nearest.

    L = 1 / (N k) sum_i sum_{j in H(i)} log(1 + exp(<x_i, z_j>)),  H(i) = the k of {j: v_j != v_i} with the greatest cosine

    Args:
        embedding: x, [b d], any unit.
        video: v, i32[b]; N counts the rows from 0 on, a row below 0 is in no sum.
        queue: z, [q d], any unit; no gradient goes to it. queue_video: i32[q], below 0: an empty place.
        hardest: k; q or more is equation 6 as it stands. Fewer than k that are there are so many.

    Returns:
        f32[] in [0, 1.32]: with nothing near it is log 2, not 0; 0 while the queue has nothing of other videos.

    Raises:
        ValueError: shapes that do not belong together, or a k below 1.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", equation 6 and the text under it.

    Departs from the paper:
        its equation divides by N and by the length of the queue; what it divides by when the hardest are taken is not
        told, here by their number k, also while fewer are there.
    """
    if embedding.ndim != 2 or queue.ndim != 2 or embedding.shape[1] != queue.shape[1]:
        raise ValueError(
            f"negatives expects embedding [b d] and queue [q d], got {list(embedding.shape)} and {list(queue.shape)}"
        )
    if video.shape != embedding.shape[:1] or queue_video.shape != queue.shape[:1]:
        raise ValueError(
            f"negatives expects a video for each row, got {list(video.shape)} and {list(queue_video.shape)}"
        )
    if hardest < 1:
        raise ValueError(f"hardest is {hardest}, expected 1 or more; the paper's is 10")
    hardest = min(hardest, len(queue))
    video, queue_video = jnp.asarray(video), jnp.asarray(queue_video)
    cosine = similarity(embedding, jax.lax.stop_gradient(queue))
    other = (queue_video >= 0)[None, :] & (video >= 0)[:, None] & (video[:, None] != queue_video[None, :])
    nearest = jax.lax.top_k(jnp.where(other, cosine, -jnp.inf), hardest)[0]
    there = nearest > -jnp.inf
    each = jnp.where(there, jax.nn.softplus(jnp.where(there, nearest, 0.0)), 0.0).sum(1)
    return each.sum() / (hardest * jnp.maximum((video >= 0).sum(), 1))
