"""Triplets mined in the batch: anchors with their hardest positives, or with all of them, and hardest negatives."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from reid_jax.distance import euclidean
from reid_jax.types import Array


class Hardest(NamedTuple):
    """Of each anchor: positive, negative i32[b] are rows of the batch; valid bool[b], whether it has both."""

    positive: Int[Array, " b"]
    negative: Int[Array, " b"]
    valid: Bool[Array, " b"]


def hardest(distance: Float[Array, "b b"], label: Int[Array, " b"]) -> Hardest:
    """Find the farthest row with the anchor's label, and the nearest row with another.

    positive_i = argmax_{j != i, y_j = y_i} d_ij,  negative_i = argmin_{y_j != y_i} d_ij; the first of equals.

    Args:
        distance: [b b], any unit.
        label: i32[b]; rows below 0 are no anchor, no positive and no negative.

    Returns:
        Hardest; where `valid` is False a row number means nothing.

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


def batch_hard(embedding: Float[Array, "b d"], label: Int[Array, " b"], *, margin: float | None) -> Float[Array, ""]:
    """Batch-hard triplet loss, the mean over the anchors that have a positive and a negative.

    margin a number: L = mean_i max(d_ap - d_an + margin, 0)
    margin None:     L = mean_i log(1 + exp(d_ap - d_an))

    Args:
        embedding: [b d], any unit; usually before the neck and not normalised. Distances are Euclidean.
        label: i32[b]; rows below 0 take no part.
        margin: in the embedding's unit (0.3 is usual), or None for the soft margin.

    Returns:
        f32[], in the embedding's unit; 0 if no anchor has both a positive other than itself and a negative. The
        gradient goes through the hardest pairs alone.

    Raises:
        ValueError: shapes that do not belong together, or a negative margin.

    Reference:
        Hermans, Beyer and Leibe, "In Defense of the Triplet Loss", arXiv 1703.07737, equation 5, and the soft margin
        of its section 2.

    Departs from the paper:
        the mean over anchors instead of the sum, as in the authors' code; anchors without a pair are left out.
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"batch_hard expects embedding [b d] and label [b], got {list(embedding.shape)} and "
            f"{list(label.shape)}; give one label per embedding"
        )
    if margin is not None and margin < 0.0:
        raise ValueError(f"margin is {margin}, expected 0 or more, or None for the soft margin")
    distance = euclidean(embedding, embedding)
    # The choice has no gradient, and taking the pair by its row gives it to one pair even where several are equal.
    found = hardest(jax.lax.stop_gradient(distance), label)
    positive = jnp.take_along_axis(distance, found.positive[:, None], axis=1)[:, 0]
    negative = jnp.take_along_axis(distance, found.negative[:, None], axis=1)[:, 0]
    gap = positive - negative
    each = jax.nn.softplus(gap) if margin is None else jax.nn.relu(gap + margin)
    return jnp.sum(jnp.where(found.valid, each, 0.0)) / jnp.maximum(jnp.sum(found.valid), 1)


def semi_hard(embedding: Float[Array, "b d"], label: Int[Array, " b"], *, margin: float = 0.5) -> Float[Array, ""]:
    """Every pair of one person against the hardest negative of its earlier row.

    L = mean over i < j, y_i = y_j, of max(d_ij - min_{y_n != y_i} d_in + margin, 0)

    Args:
        embedding: [b d], any unit, not normalised. Distances are Euclidean.
        label: i32[b]; rows below 0 take no part.
        margin: in the embedding's unit.

    Returns:
        f32[], in the embedding's unit; 0 if there is no pair of one person whose earlier row has a negative. The gradient
        goes through the pair and the one hardest negative.

    Raises:
        ValueError: shapes that do not belong together, or a negative margin.

    Reference:
        Song et al., "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", 2020, its code's loss on
        pseudo labels.

    Departs from the paper:
        a person's rows need not stand together in the batch, nor be equally many.
    """
    if embedding.ndim != 2 or label.shape != embedding.shape[:1] or margin < 0.0:
        raise ValueError(
            f"semi_hard expects embedding [b d], label [b] and a margin from 0, got {list(embedding.shape)}, "
            f"{list(label.shape)} and {margin}"
        )
    distance = euclidean(embedding, embedding)
    known = (label >= 0)[:, None] & (label >= 0)[None, :]
    same = label[:, None] == label[None, :]
    nearest = hardest(jax.lax.stop_gradient(distance), label).negative
    negative = jnp.take_along_axis(distance, nearest[:, None], axis=1)
    counted = known & same & (known & ~same).any(1, keepdims=True) & jnp.triu(jnp.ones(same.shape, bool), 1)
    each = jax.nn.relu(distance - negative + margin)
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)


def softened(embedding: Float[Array, "b d"], teacher: Float[Array, "b d"], label: Int[Array, " b"]) -> Float[Array, ""]:
    """Batch-hard triplet loss with the teacher's belief in each triplet as its target.

    (l_ap, l_an) = log softmax(d_ap, d_an) of the student, q = softmax(d_ap, d_an) of the teacher at the same rows
    L = mean_i -(q_ap l_ap + q_an l_an)

    Args:
        embedding: the student's, [b d], any unit; distances are Euclidean.
        teacher: [b d], no gradient goes to it. The hardest rows are found in the student's distances.
        label: i32[b]; rows below 0 take no part.

    Returns:
        f32[], nats; 0 if no anchor has both a positive other than itself and a negative.

    Raises:
        ValueError: shapes that do not belong together.

    Reference:
        Ge et al., "Mutual Mean-Teaching", ICLR 2020, equations 7 and 8 (the soft softmax-triplet loss).

    Departs from the paper:
        the anchor is not its own positive.
    """
    if embedding.ndim != 2 or teacher.shape[:1] != label.shape or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"softened expects embedding and teacher [b d] and label [b], got {list(embedding.shape)}, "
            f"{list(teacher.shape)} and {list(label.shape)}"
        )
    distance, believed = euclidean(embedding, embedding), euclidean(teacher, teacher)
    found = hardest(jax.lax.stop_gradient(distance), label)

    def pair(of: Array) -> Array:
        rows = [jnp.take_along_axis(of, which[:, None], axis=1) for which in (found.positive, found.negative)]
        return jnp.concatenate(rows, axis=1)

    target = jax.lax.stop_gradient(jax.nn.softmax(pair(believed), axis=1))
    each = -(target * jax.nn.log_softmax(pair(distance), axis=1)).sum(1)
    return jnp.sum(jnp.where(found.valid, each, 0.0)) / jnp.maximum(jnp.sum(found.valid), 1)
