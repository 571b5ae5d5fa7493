"""First-in-first-out queue of embeddings and their videos."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.types import Array


class Queue(NamedTuple):
    """A ring buffer of q embeddings.

    Attributes:
        embedding: f32[q d].
        video: i32[q], video of each embedding; -1: the place is empty.
        next: i32[], the place of the next embedding.
    """

    embedding: Array
    video: Array
    next: Array


def empty(length: int, width: int) -> Queue:
    """Create an empty queue.

    Args:
        length: q, number of places.
        width: d, width of an embedding.

    Returns:
        Queue.

    Reference:
        Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020.

    Departs from the paper:
        the paper fills the places with zeros of label 0; here they are marked as empty.
    """
    return Queue(
        jnp.zeros((length, width), jnp.float32), jnp.full(length, -1, jnp.int32), jnp.int32(0)
    )


def push(queue: Queue, embedding: Float[Array, "b d"], video: Int[Array, "b"]) -> Queue:
    """Overwrite the oldest places of a queue with the rows of a batch, in order.

    Args:
        queue: a queue with at least one place.
        embedding: [b d], rows of length one.
        video: i32[b]. A row with a video below 0 is not added. If a batch has more rows than the
            queue has places, the last rows are kept.

    Returns:
        The new queue, without gradient.

    Raises:
        ValueError: the shapes do not fit together.

    Reference:
        Wang et al., "Cross-Batch Memory for Embedding Learning", CVPR 2020, algorithm 1; with
        videos: Wang et al., "Generalizable Re-Identification from Videos with Cycle Association",
        section 3.5.

    Departs from the paper:
        rows are added after the loss is computed; the code of the first paper adds them before.
    """
    length, width = queue.embedding.shape
    if embedding.ndim != 2 or embedding.shape[1] != width or video.shape != embedding.shape[:1]:
        raise ValueError(
            f"push expects embedding [b {width}] and video [b], got {list(embedding.shape)} and "
            f"{list(video.shape)}"
        )
    video = jnp.asarray(video, jnp.int32)
    valid = video >= 0
    count = valid.sum(dtype=jnp.int32)
    index = jnp.cumsum(valid, dtype=jnp.int32) - 1  # of each valid row among the valid rows
    kept = valid & (index >= count - length)
    place = jnp.where(kept, (queue.next + index) % length, length)  # place `length` is dropped
    return Queue(
        queue.embedding.at[place].set(
            jax.lax.stop_gradient(jnp.asarray(embedding, jnp.float32)), mode="drop"
        ),
        queue.video.at[place].set(video, mode="drop"),
        (queue.next + count) % length,
    )
