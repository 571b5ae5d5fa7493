"""How a queue of embeddings moves: first in, first out, with the video of each."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.types import Array


class Queue(NamedTuple):
    """embedding: f32[q d]; video: i32[q], -1 marks an empty place; next: i32[], where the next one goes."""

    embedding: Array
    video: Array
    next: Array


def empty(length: int, width: int) -> Queue:
    """A queue of nothing.

    Args: length, q; width, d.
    Reference: Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020. Departs from the paper: its places are
    filled with zeros of label 0, here an empty place says so.
    """
    return Queue(jnp.zeros((length, width), jnp.float32), jnp.full(length, -1, jnp.int32), jnp.int32(0))


def push(queue: Queue, embedding: Float[Array, "b d"], video: Int[Array, "b"]) -> Queue:
    """The rows of a batch take the places of the oldest, in order; at the queue's end they go on at its beginning.

    Args:
        queue: of a length from 1 on.
        embedding: [b d], rows of length one.
        video: i32[b]; a row below 0 stays out. Of more rows than the queue is long, the last stay.

    Returns:
        Queue. No gradient goes through it.

    Raises:
        ValueError: shapes that do not belong together.

    Reference:
        Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020, algorithm 1; with videos: Wang et al.,
        "Generalizable Re-Identification from Videos with Cycle Association", section 3.5.

    Departs from the paper:
        it is pushed after the loss has been taken, where the first's code pushes before.
    """
    length, width = queue.embedding.shape
    if embedding.ndim != 2 or embedding.shape[1] != width or video.shape != embedding.shape[:1]:
        raise ValueError(
            f"push expects embedding [b {width}] and video [b], got {list(embedding.shape)} and {list(video.shape)}"
        )
    video = jnp.asarray(video, jnp.int32)
    there = video >= 0
    count = there.sum(dtype=jnp.int32)
    turn = jnp.cumsum(there, dtype=jnp.int32) - 1
    place = jnp.where(there & (turn >= count - length), (queue.next + turn) % length, length)  # beyond: dropped
    return Queue(
        queue.embedding.at[place].set(jax.lax.stop_gradient(jnp.asarray(embedding, jnp.float32)), mode="drop"),
        queue.video.at[place].set(video, mode="drop"),
        (queue.next + count) % length,
    )
