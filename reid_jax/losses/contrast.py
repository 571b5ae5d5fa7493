"""Contrastive losses: an embedding against the images of its batch, and against epoch centroids.

All losses are softmax losses over cosines; `centroid` can use inner products instead. Targets,
originals and centroids come from a momentum encoder and receive no gradient.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax import dealt
from reid_jax.distance import product, similarity
from reid_jax.losses.classify import cross_entropies
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
    """Compute the contrastive loss against the batch, with all images of a label as positives.

    L = mean_i -(1 / |P(i)|) sum_{j in P(i)}
        log( exp(<f_i, m_j> / t) / sum_{k in S(i)} exp(<f_i, m_k> / t) )
    S(i) = rows of i's scope that have a label, P(i) = those of i's label, < , > the cosine

    Args:
        embedding: f, [b d], rows of any length.
        target: m, [b d], the same images embedded by the momentum encoder.
        label: i32[b]. A row with a label below 0 is ignored.
        scope: i32[b]. A row is compared only with rows of the same scope. None: with all rows.
        own: whether P(i) and S(i) contain row i itself, as embedded by the momentum encoder. If
            False, a row that has no other row of its label is excluded from the mean.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a positive.

    Raises:
        ValueError: the shapes do not fit together, or the temperature is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, instance loss. The temperature of 0.1 is from memory; it
        is also that of ICE (Chen et al., ICCV 2021).

    Departs from the paper:
        the paper divides by the number of images per label in a batch, here by |P(i)|, which is
        equal in its batches. The part of the paper that was available does not define S(i), nor
        whether P(i) contains i: `scope` and `own` cover the variants.
    """
    logits = _cosine("instance", embedding, target, label, temperature)
    comparable, same = _pairs(label, scope)
    if not own:
        comparable = comparable & ~jnp.eye(len(label), dtype=bool)
    positive = comparable & same
    log_prob = logits - _log_sum(logits, comparable)[:, None]
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
    """Compute the contrastive loss of an augmented image; its original is the positive.

    L = mean_i -log( e_i / (e_i + sum_{j in N(i)} exp(<f_i, a_j> / t)) ),  e_i = exp(<f_i, o_i> / t)
    N(i) = rows of i's scope that have another label, < , > the cosine

    Args:
        embedding: f, [b d], of augmented images, rows of any length.
        original: o, [b d], the same images without augmentation, embedded by the momentum encoder.
        label: i32[b]. A row with a label below 0 is ignored.
        against: a, [b d], the embeddings used as negatives. None: the originals.
        scope: i32[b]. A row is compared only with rows of the same scope. None: with all rows.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a label, or no row has a negative.

    Raises:
        ValueError: the shapes do not fit together, or the temperature is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, augmentation loss. Formula and temperature are from
        memory.

    Departs from the paper:
        unknown. It is not known whether the negatives are originals or augmented images: `against`
        covers both.
    """
    logits = _cosine(
        "augmentation", embedding, original if against is None else against, label, temperature
    )
    mine = jnp.diagonal(_cosine("augmentation", embedding, original, label, temperature))
    comparable, same = _pairs(label, scope)
    negative = _log_sum(logits, comparable & ~same)
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
    """Compute the contrastive loss against the centroids of all labels.

    L = mean_i -log( exp(<f_i, p_{y_i}> / t) / sum_{y < active} exp(<f_i, p_y> / t) )
    < , > is the cosine, or with unit=False the inner product.

    Args:
        embedding: f, [b d], rows of any length.
        label: y, i32[b], in [0, active). A row with a label below 0 is ignored.
        centroids: p, [c d], rows of any length.
        active: number of centroids in use. None: all.
        unit: whether the rows are normalised to length one. With cosines and a temperature of 0.5
            the loss stays far above 0: for 10,101 labels, a row parallel to its own centroid and
            orthogonal to all others has a loss of 7.22, compared with 9.22 nats at the start.
        temperature: t, above 0.

    Returns:
        f32[], nats; 0 if no row has a label.

    Raises:
        ValueError: the shapes do not fit together, or the temperature is not above 0.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, centroids loss. The formula and the temperature of 0.5
        are from memory. unit=False is the form in the code of ICE (Chen et al., ICCV 2021), which
        also has a temperature of 0.5: there the embedding behind the neck is not normalised, and is
        multiplied by means of unit-length embeddings, which are not normalised again.

    Departs from the paper:
        unknown. It is not known whether the paper normalises: `unit` covers both.
    """
    if centroids.ndim != 2 or embedding.ndim != 2 or embedding.shape[1] != centroids.shape[1]:
        raise ValueError(
            "centroid expects embedding [b d] and centroids [c d], got "
            f"{list(embedding.shape)} and {list(centroids.shape)}"
        )
    compare = similarity if unit else product

    def against_centroids(embedding: Array, label: Array) -> Array:
        near = compare(embedding, jax.lax.stop_gradient(centroids))
        return cross_entropies(near, label, smoothing=0.0, temperature=temperature, active=active)

    return _mean(dealt.each(against_centroids, embedding, label), label >= 0)


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
    """Compute the contrastive loss against camera centroids: means of one label in one camera.

    L = mean_i -(1 / |P(i)|) sum_{c in P(i)}
        log( exp(<f_i, p_c> / t) / (D_c + sum_{n in N(i)} exp(<f_i, p_n> / t)) )
    P(i) = camera centroids of i's label, without that of i's own camera
    N(i) = the `negatives` camera centroids of other labels with the greatest cosine to f_i
    D_c = sum_{k in P(i)} exp(<f_i, p_k> / t), or with together=False only exp(<f_i, p_c> / t)

    Args:
        embedding: f, [b d], rows of any length.
        label: i32[b]. A row with a label below 0 is not an anchor.
        camera: i32[b].
        means: p, [p d], the camera centroids, rows of any length.
        mean_label: i32[p], label of each camera centroid. Below 0: the place is empty.
        mean_camera: i32[p], camera of each camera centroid.
        negatives: maximum of |N(i)|, at least 1.
        own_camera: whether P(i) includes the centroid of i's own camera (ICE and CAP include it).
        together: see D_c.
        by_camera: if True, the loss is averaged over the anchors of each camera and then summed
            over the cameras of the batch. This is larger than the mean over all anchors by a
            factor: the number of cameras, if all have equally many anchors.
        temperature: t, above 0.

    Returns:
        f32[], nats, the mean over the anchors that have a positive; 0 if there is none.

    Raises:
        ValueError: the shapes do not fit together, the temperature is not above 0, or `negatives`
            is below 1.

    Reference:
        Mamedov et al., "ReMix", WACV 2025, camera centroids loss, from memory. The denominator and
        the 50 negatives are those of the codes of ICE (Chen et al., ICCV 2021) and CAP (Wang et
        al., AAAI 2021).

    Departs from the paper:
        unknown. `own_camera`, `together`, `by_camera` and `negatives` cover the possible readings.
        The code of ICE includes the own camera, has one denominator for all positives, and sums
        over cameras.
    """
    if means.ndim != 2 or not mean_label.shape == mean_camera.shape == means.shape[:1]:
        raise ValueError(
            "camera_centroid expects means [p d], mean_label and mean_camera [p], got "
            f"{list(means.shape)}, {list(mean_label.shape)} and {list(mean_camera.shape)}"
        )
    if negatives < 1:
        raise ValueError(f"negatives is {negatives}, expected 1 or more")
    if (
        embedding.ndim != 2
        or not label.shape == camera.shape == embedding.shape[:1]
        or not temperature > 0
    ):
        raise ValueError(
            "camera_centroid expects embedding [b d], label and camera [b] and a temperature above "
            f"0, got {list(embedding.shape)}, {list(label.shape)}, {list(camera.shape)} and "
            f"{temperature}"
        )

    def against_means(embedding: Array, label: Array, camera: Array) -> tuple[Array, Array]:
        logits = similarity(embedding, jax.lax.stop_gradient(means)) / temperature
        comparable = (mean_label >= 0)[None, :] & (label >= 0)[:, None]
        same_label = label[:, None] == mean_label[None, :]
        positive, negative = comparable & same_label, comparable & ~same_label
        if not own_camera:
            positive = positive & (camera[:, None] != mean_camera[None, :])
        lowest = jnp.finfo(jnp.float32).min
        hardest, column = jax.lax.top_k(
            jnp.where(negative, logits, lowest), min(negatives, logits.shape[1])
        )
        other = _log_sum(hardest, jnp.take_along_axis(negative, column, 1))[:, None]
        same = _log_sum(logits, positive)[:, None] if together else logits
        log_prob = logits - jnp.logaddexp(same, other)
        count = positive.sum(1)
        return -jnp.where(positive, log_prob, 0.0).sum(1) / jnp.maximum(count, 1), count

    each, count = dealt.each(against_means, embedding, label, camera)
    if not by_camera:
        return _mean(each, count > 0)
    same_camera = camera[:, None] == camera[None, :]
    anchors = (same_camera & (count > 0)[None, :]).sum(1)  # number in the row's own camera
    return jnp.where(count > 0, each / jnp.maximum(anchors, 1), 0.0).sum()


def _cosine(
    name: str, embedding: Array, target: Array, label: Array, temperature: float
) -> jax.Array:
    if embedding.ndim != 2 or target.shape != embedding.shape or label.shape != embedding.shape[:1]:
        raise ValueError(
            f"{name} expects two embeddings [b d] of one shape and label [b], got "
            f"{list(embedding.shape)}, {list(target.shape)} and {list(label.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0")
    return similarity(embedding, jax.lax.stop_gradient(target)) / temperature


def _pairs(label: Array, scope: Array | None) -> tuple[jax.Array, jax.Array]:
    """Compute two masks, bool[b b]: labelled pairs of the same scope; pairs of the same label."""
    comparable = (label >= 0)[:, None] & (label >= 0)[None, :]
    if scope is not None:
        comparable = comparable & (scope[:, None] == scope[None, :])
    return comparable, label[:, None] == label[None, :]


def _log_sum(logits: Array, chosen: Array) -> jax.Array:
    """Compute log-sum-exp over the chosen columns, [b]; the lowest float32 if none is chosen."""
    lowest = jnp.finfo(jnp.float32).min
    # A row without a chosen column gets logits of 0, so that its gradient is not NaN.
    safe = jnp.where(chosen.any(1, keepdims=True), jnp.where(chosen, logits, -jnp.inf), 0.0)
    return jnp.where(chosen.any(1), jax.nn.logsumexp(safe, axis=1), lowest)


def _mean(each: Array, counted: Array) -> jax.Array:
    return jnp.where(counted, each, 0.0).sum() / jnp.maximum(counted.sum(), 1)
