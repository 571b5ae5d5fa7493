"""Triplet losses with mining in the batch: hardest negatives, with hardest or all positives."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from reid_jax.distance import euclidean
from reid_jax.types import Array


class Hardest(NamedTuple):
    """The hardest positive and negative of each anchor.

    Attributes:
        positive: i32[b], row of the hardest positive.
        negative: i32[b], row of the hardest negative.
        valid: bool[b], whether the anchor has both.
    """

    positive: Int[Array, " b"]
    negative: Int[Array, " b"]
    valid: Bool[Array, " b"]


def hardest(distance: Float[Array, "b b"], label: Int[Array, " b"]) -> Hardest:
    """Find the farthest row of the same label and the nearest row of another label.

    positive_i = argmax_{j != i, y_j = y_i} d_ij,  negative_i = argmin_{y_j != y_i} d_ij

    Among equal distances the first row is taken.

    Args:
        distance: d, [b b], any unit.
        label: y, i32[b]. A row with a label below 0 is neither anchor, positive nor negative.

    Returns:
        Hardest. Where `valid` is False, the row numbers are meaningless.

    Raises:
        ValueError: distance is not square, or label is not one per row.

    Reference:
        Hermans, Beyer and Leibe, "In Defense of the Triplet Loss", arXiv 1703.07737, equation 5.

    Departs from the paper:
        the anchor is not its own positive.
    """
    if distance.ndim != 2 or distance.shape != (*label.shape, *label.shape):
        raise ValueError(
            f"hardest expects distance [b b] and label [b], got {list(distance.shape)} and "
            f"{list(label.shape)}; give the distances of the batch to itself"
        )
    known = (label >= 0)[:, None] & (label >= 0)[None, :]
    same = label[:, None] == label[None, :]
    positive = known & same & ~jnp.eye(label.shape[0], dtype=bool)
    negative = known & ~same
    return Hardest(
        positive=jnp.argmax(jnp.where(positive, distance, -jnp.inf), axis=1),
        negative=jnp.argmin(jnp.where(negative, distance, jnp.inf), axis=1),
        valid=positive.any(axis=1) & negative.any(axis=1),
    )


def batch_hard(
    embedding: Float[Array, "b d"], label: Int[Array, " b"], *, margin: float | None
) -> Float[Array, ""]:
    """Compute the batch-hard triplet loss, a mean over anchors with a positive and a negative.

    margin a number: L = mean_i max(d_ap - d_an + margin, 0)
    margin None:     L = mean_i log(1 + exp(d_ap - d_an))

    Args:
        embedding: [b d], any unit; usually before the neck and not normalised. Distances are
            Euclidean.
        label: i32[b]. A row with a label below 0 is ignored.
        margin: in the embedding's unit (0.3 is usual), or None for the soft margin.

    Returns:
        f32[], in the embedding's unit; 0 if no anchor has both a positive other than itself and a
        negative. Only the hardest pairs receive a gradient.

    Raises:
        ValueError: the shapes do not fit together, or the margin is negative.

    Reference:
        Hermans, Beyer and Leibe, "In Defense of the Triplet Loss", arXiv 1703.07737, equation 5,
        and the soft margin of its section 2.

    Departs from the paper:
        takes the mean over anchors instead of the sum, as the authors' code does. Anchors without a
        positive or a negative are excluded.
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"batch_hard expects embedding [b d] and label [b], got {list(embedding.shape)} and "
            f"{list(label.shape)}; give one label per embedding"
        )
    if margin is not None and margin < 0.0:
        raise ValueError(f"margin is {margin}, expected 0 or more, or None for the soft margin")
    distance = euclidean(embedding, embedding)
    # The selection has no gradient. Indexing by row gives the gradient to a single pair, even if
    # several distances are equal.
    triplet = hardest(jax.lax.stop_gradient(distance), label)
    positive = jnp.take_along_axis(distance, triplet.positive[:, None], axis=1)[:, 0]
    negative = jnp.take_along_axis(distance, triplet.negative[:, None], axis=1)[:, 0]
    gap = positive - negative
    each = jax.nn.softplus(gap) if margin is None else jax.nn.relu(gap + margin)
    return jnp.sum(jnp.where(triplet.valid, each, 0.0)) / jnp.maximum(jnp.sum(triplet.valid), 1)


def semi_hard(
    embedding: Float[Array, "b d"], label: Int[Array, " b"], *, margin: float = 0.5
) -> Float[Array, ""]:
    """Compute the triplet loss of every positive pair with the hardest negative of its first row.

    L = mean over i < j, y_i = y_j, of max(d_ij - min_{y_n != y_i} d_in + margin, 0)

    Args:
        embedding: [b d], any unit, not normalised. Distances are Euclidean.
        label: y, i32[b]. A row with a label below 0 is ignored.
        margin: in the embedding's unit.

    Returns:
        f32[], in the embedding's unit; 0 if there is no positive pair whose first row has a
        negative. Only the pairs and their hardest negatives receive a gradient.

    Raises:
        ValueError: the shapes do not fit together, or the margin is negative.

    Reference:
        Song et al., "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", 2020,
        the loss of its code on pseudo labels.

    Departs from the paper:
        the rows of a person need not be adjacent in the batch, and their number may differ between
        persons.
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1] or margin < 0.0:
        raise ValueError(
            "semi_hard expects embedding [b d], label [b] and a margin from 0, got "
            f"{list(embedding.shape)}, {list(label.shape)} and {margin}"
        )
    distance = euclidean(embedding, embedding)
    known = (label >= 0)[:, None] & (label >= 0)[None, :]
    same = label[:, None] == label[None, :]
    nearest = hardest(jax.lax.stop_gradient(distance), label).negative
    negative = jnp.take_along_axis(distance, nearest[:, None], axis=1)
    counted = (
        known
        & same
        & (known & ~same).any(1, keepdims=True)
        & jnp.triu(jnp.ones(same.shape, bool), 1)
    )
    each = jax.nn.relu(distance - negative + margin)
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)


def softened(
    embedding: Float[Array, "b d"], teacher: Float[Array, "b d"], label: Int[Array, " b"]
) -> Float[Array, ""]:
    """Compute the batch-hard triplet loss with soft targets from the distances of a teacher.

    (l_ap, l_an) = log softmax(d_ap, d_an) of the student
    (q_ap, q_an) = softmax(d_ap, d_an) of the teacher, for the same rows
    L = mean_i -(q_ap l_ap + q_an l_an)

    Args:
        embedding: [b d], of the student, any unit. Distances are Euclidean. They also select the
            hardest rows.
        teacher: [b d], of the teacher. It receives no gradient.
        label: i32[b]. A row with a label below 0 is ignored.

    Returns:
        f32[], nats; 0 if no anchor has both a positive other than itself and a negative.

    Raises:
        ValueError: the shapes do not fit together.

    Reference:
        Ge et al., "Mutual Mean-Teaching", ICLR 2020, equations 7 and 8 (the soft softmax-triplet
        loss).

    Departs from the paper:
        the anchor is not its own positive.
    """
    if (
        embedding.ndim != 2
        or teacher.shape[:1] != label.shape
        or label.shape != embedding.shape[:1]
    ):
        raise ValueError(
            "softened expects embedding and teacher [b d] and label [b], got "
            f"{list(embedding.shape)}, {list(teacher.shape)} and {list(label.shape)}"
        )
    distance, teacher_distance = euclidean(embedding, embedding), euclidean(teacher, teacher)
    triplet = hardest(jax.lax.stop_gradient(distance), label)

    def pair(distance: Array) -> Array:
        """Select the distances to the hardest positive and negative, [b 2]."""
        columns = [
            jnp.take_along_axis(distance, row[:, None], axis=1)
            for row in (triplet.positive, triplet.negative)
        ]
        return jnp.concatenate(columns, axis=1)

    target = jax.lax.stop_gradient(jax.nn.softmax(pair(teacher_distance), axis=1))
    each = -(target * jax.nn.log_softmax(pair(distance), axis=1)).sum(1)
    return jnp.sum(jnp.where(triplet.valid, each, 0.0)) / jnp.maximum(jnp.sum(triplet.valid), 1)
