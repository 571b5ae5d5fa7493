"""Contrast: an embedding against the other images of the batch, and against the centroids of the epoch.

All are cosine softmaxes. Targets, originals and centroids come from a momentum encoder; no gradient goes to them.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.distance import product, similarity
from reid_jax.losses.classify import cross_entropy
from reid_jax.types import Array


def instance(
    embedding: Float[Array, "b d"],
    target: Float[Array, "b d"],
    label: Int[Array, "b"],
    *,
    scope: Int[Array, "b"] | None = None,
    own: bool = True,
    temperature: float = 0.1,
) -> Float[Array, ""]:
    """All images of the label near, all others of the scope far.

    L = mean_i -(1 / |P(i)|) sum_{j in P(i)} log( exp(<f_i, m_j> / t) / sum_{k in S(i)} exp(<f_i, m_k> / t) )
    S(i) = rows of i's scope that have a label, P(i) = those of i's label, < , > cosine

    Args:
        embedding: f, [b d], any unit.
        target: m, [b d], of the momentum encoder.
        label: i32[b]; a row below 0 is in no sum.
        scope: i32[b], rows are compared with rows of the same number; None: with all.
        own: whether P(i) and S(i) hold i itself, in the momentum encoder's view. Without it a row that is alone with
            its label is left out of the mean.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a label.

    Raises:
        ValueError: shapes that do not belong together, or a temperature that is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, instance loss; temperature 0.1 from memory, and as in ICE (Chen et al., ICCV
        2021).

    Departs from the paper:
        the paper divides by the images of a label in a batch, here |P(i)|, which is the same in its batches. What S(i)
        holds, and whether P(i) holds i, is not in the part of it that was at hand: `scope` and `own`.
    """
    logits = _cosine("instance", embedding, target, label, temperature)
    there, same = _pairs(label, scope)
    if not own:
        there = there & ~jnp.eye(len(label), dtype=bool)
    positive = there & same
    log_prob = logits - _log_sum(logits, there)[:, None]
    count = positive.sum(1)
    each = -jnp.where(positive, log_prob, 0.0).sum(1) / jnp.maximum(count, 1)
    return _mean(each, count > 0)


def augmentation(
    embedding: Float[Array, "b d"],
    original: Float[Array, "b d"],
    label: Int[Array, "b"],
    *,
    against: Float[Array, "b d"] | None = None,
    scope: Int[Array, "b"] | None = None,
    temperature: float = 0.1,
) -> Float[Array, ""]:
    """The augmented image near its own original, far from other labels' images.

    L = mean_i -log( exp(<f_i, o_i> / t) / (exp(<f_i, o_i> / t) + sum_{j in S(i): y_j != y_i} exp(<f_i, a_j> / t)) )

    Args:
        embedding: f, [b d], of augmented images, any unit.
        original: o, [b d], of the same images not augmented, by the momentum encoder.
        label: i32[b]; a row below 0 is in no sum.
        against: a, [b d], what the negatives are taken from; None: the originals.
        scope: i32[b], rows are compared with rows of the same number; None: with all.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a label, or none a negative.

    Raises:
        ValueError: shapes that do not belong together, or a temperature that is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, augmentation loss; formula and temperature from memory.

    Departs from the paper:
        not known where: whether negatives are originals or augmented images is `against`.
    """
    logits = _cosine("augmentation", embedding, original if against is None else against, label, temperature)
    mine = jnp.diagonal(_cosine("augmentation", embedding, original, label, temperature))
    there, same = _pairs(label, scope)
    negative = _log_sum(logits, there & ~same)
    return _mean(jnp.logaddexp(mine, negative) - mine, label >= 0)


def centroid(
    embedding: Float[Array, "b d"],
    label: Int[Array, "b"],
    centroids: Float[Array, "c d"],
    *,
    active: Int[Array, ""] | int | None = None,
    unit: bool = True,
    temperature: float = 0.5,
) -> Float[Array, ""]:
    """The image near the centroid of its label, far from all other centroids.

    L = mean_i -log( exp(<f_i, p_{y_i}> / t) / sum_{y < active} exp(<f_i, p_y> / t) )
    < , > cosine; with unit=False the inner product of rows as they are

    Args:
        embedding: f, [b d], any unit.
        label: i32[b], in [0, active); a row below 0 has no weight.
        centroids: p, [c d], any unit.
        active: how many of the centroids are alive; None: all.
        unit: whether rows are brought to length one. At a temperature of 0.5 a cosine softmax cannot come near 0: with
            10,101 labels a row in the direction of its own centroid, at right angles to all others, has a loss of 7.22,
            of 9.22 nats at the start.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a label.

    Raises:
        ValueError: shapes that do not belong together, or a temperature that is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, centroids loss; formula and temperature 0.5 from memory. unit=False is how the
        code of ICE (Chen et al., ICCV 2021) has it, whose temperature is 0.5 too: the embedding behind the neck as it is,
        times means of embeddings of length one, which are not normalised again.

    Departs from the paper:
        not known where: `unit` is the reading.
    """
    if centroids.ndim != 2 or embedding.ndim != 2 or embedding.shape[1] != centroids.shape[1]:
        raise ValueError(
            f"centroid expects embedding [b d] and centroids [c d], got {list(embedding.shape)} and "
            f"{list(centroids.shape)}"
        )
    compare = similarity if unit else product
    near = compare(embedding, jax.lax.stop_gradient(centroids))
    return cross_entropy(near, label, smoothing=0.0, temperature=temperature, active=active)


def camera_centroid(
    embedding: Float[Array, "b d"],
    label: Int[Array, "b"],
    camera: Int[Array, "b"],
    means: Float[Array, "p d"],
    mean_label: Int[Array, "p"],
    mean_camera: Int[Array, "p"],
    *,
    negatives: int = 50,
    own_camera: bool = False,
    together: bool = True,
    by_camera: bool = False,
    temperature: float = 0.07,
) -> Float[Array, ""]:
    """The image near its label's centroids in other cameras, far from the most similar camera centroids of other labels.

    L = mean_i -(1 / |P(i)|) sum_{c in P(i)} log( exp(<f_i, p_c> / t) / (D_c + sum_{n in N(i)} exp(<f_i, p_n> / t)) )
    P(i) = camera centroids of i's label but that of i's own camera, N(i) = the `negatives` of other labels with the
    greatest cosine, D_c = sum over all of P(i), or with together=False that of c alone

    Args:
        embedding: f, [b d], any unit.
        label: i32[b]; a row below 0 is no anchor.
        camera: i32[b].
        means: p, [p d], any unit; mean_label, mean_camera: i32[p], whose they are; a label below 0 marks an empty place.
        negatives: |N(i)|, or all that there are, if fewer.
        own_camera: whether P(i) holds the centroid of i's own camera (ICE and CAP keep it).
        together: see D_c.
        by_camera: instead of the mean over all anchors, the sum over the cameras of the batch of the mean over a camera's
            anchors, which is greater by the number of cameras where each has as many anchors.
        temperature: t, above 0.

    Returns:
        f32[], nats, the mean over the anchors that have a positive; 0 if there is none.

    Raises:
        ValueError: shapes that do not belong together, a temperature that is not above 0, or no negative asked for.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, camera centroids loss, from memory; the denominator and the 50 negatives are
        those of the codes of ICE (Chen et al., ICCV 2021) and CAP (Wang et al., AAAI 2021).

    Departs from the paper:
        not known where: `own_camera`, `together`, `by_camera` and `negatives` are the readings. ICE's code keeps the own
        camera, has one denominator for all, and sums over cameras.
    """
    if means.ndim != 2 or not mean_label.shape == mean_camera.shape == means.shape[:1]:
        raise ValueError(
            f"camera_centroid expects means [p d], mean_label and mean_camera [p], got {list(means.shape)}, "
            f"{list(mean_label.shape)} and {list(mean_camera.shape)}"
        )
    if negatives < 1:
        raise ValueError(f"negatives is {negatives}, expected 1 or more")
    if embedding.ndim != 2 or not label.shape == camera.shape == embedding.shape[:1] or not temperature > 0:
        raise ValueError(
            f"camera_centroid expects embedding [b d], label and camera [b] and a temperature above 0, got "
            f"{list(embedding.shape)}, {list(label.shape)}, {list(camera.shape)} and {temperature}"
        )
    logits = similarity(embedding, jax.lax.stop_gradient(means)) / temperature
    alive = (mean_label >= 0)[None, :] & (label >= 0)[:, None]
    mine = label[:, None] == mean_label[None, :]
    positive = alive & mine
    if not own_camera:
        positive = positive & (camera[:, None] != mean_camera[None, :])
    lowest = jnp.finfo(jnp.float32).min
    hardest, where = jax.lax.top_k(jnp.where(alive & ~mine, logits, lowest), min(negatives, logits.shape[1]))
    other = _log_sum(hardest, jnp.take_along_axis(alive & ~mine, where, 1))[:, None]
    same = _log_sum(logits, positive)[:, None] if together else logits
    log_prob = logits - jnp.logaddexp(same, other)
    count = positive.sum(1)
    each = -jnp.where(positive, log_prob, 0.0).sum(1) / jnp.maximum(count, 1)
    if not by_camera:
        return _mean(each, count > 0)
    anchors = ((camera[:, None] == camera[None, :]) & (count > 0)[None, :]).sum(1)  # of the row's own camera
    return jnp.where(count > 0, each / jnp.maximum(anchors, 1), 0.0).sum()


def _cosine(name: str, embedding: Array, target: Array, label: Array, temperature: float) -> jax.Array:
    if embedding.ndim != 2 or target.shape != embedding.shape or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"{name} expects two embeddings [b d] of one shape and label [b], got {list(embedding.shape)}, "
            f"{list(target.shape)} and {list(label.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0")
    return similarity(embedding, jax.lax.stop_gradient(target)) / temperature


def _pairs(label: Array, scope: Array | None) -> tuple[jax.Array, jax.Array]:
    """bool[b b] twice: both have a label and one scope; they have the same label."""
    there = (label >= 0)[:, None] & (label >= 0)[None, :]
    if scope is not None:
        there = there & (scope[:, None] == scope[None, :])
    return there, label[:, None] == label[None, :]


def _log_sum(logits: Array, chosen: Array) -> jax.Array:
    """Log of the sum of exp over the chosen columns, [b]; the lowest number, not -inf, where there is none."""
    lowest = jnp.finfo(jnp.float32).min
    # a row without any is given one made-up column, so that no gradient there is NaN
    safe = jnp.where(chosen.any(1, keepdims=True), jnp.where(chosen, logits, -jnp.inf), 0.0)
    return jnp.where(chosen.any(1), jax.nn.logsumexp(safe, axis=1), lowest)


def _mean(each: Array, counted: Array) -> jax.Array:
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)
