"""Classification losses: smoothed and soft-target cross-entropy, and the logits of circle loss.

The number of classes can change between epochs: only the first `active` columns of the logits are
used, the other columns are masked out.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from reid_jax.types import Array


def cross_entropy(
    logits: Float[Array, "b c"],
    label: Int[Array, " b"],
    *,
    smoothing: float = 0.1,
    temperature: float = 1.0,
    active: Int[Array, ""] | int | None = None,
) -> Float[Array, ""]:
    """Compute cross-entropy with label smoothing, averaged over the rows with a label.

    p = softmax(logits / temperature over the first K classes)
    L = mean_b -[(1 - e) log p_y + (e / K) sum_{k < K} log p_k],  e = smoothing, K = active

    Args:
        logits: [b c], in nats times `temperature`. Columns K and above are ignored, NaN included.
        label: i32[b], in [0, K). A row with a label below 0 is ignored. A label in [K, c) makes the
            loss larger than 1e30, and a label of c or more makes it NaN, so that neither error goes
            unnoticed.
        smoothing: e, in [0, 1). The target of the true class is 1 - e + e / K.
        temperature: divisor of the logits, above 0. The paper uses 1; the released code of
            DomainMix uses 2.
        active: K, the number of classes in use. It may change from step to step without a new
            trace. None: all c.

    Returns:
        f32[], nats; 0 if no row has a label.

    Raises:
        ValueError: the shapes do not fit together, or a hyper-parameter is outside its range.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
        section 7 (its q'(k) = (1 - e) delta_{k,y} + e u(k), with u uniform).

    Departs from the paper:
        inactive classes are masked out, and rows without a label are excluded from the mean.
    """
    each = cross_entropies(
        logits, label, smoothing=smoothing, temperature=temperature, active=active
    )
    return jnp.sum(each) / jnp.maximum(jnp.sum(label >= 0), 1)


def cross_entropies(
    logits: Float[Array, "b c"],
    label: Int[Array, " b"],
    *,
    smoothing: float,
    temperature: float,
    active: Int[Array, ""] | int | None,
) -> Float[Array, " b"]:
    """Compute the loss of each row, whose mean is `cross_entropy`.

    Returns:
        f32[b], nats; 0 for a row without a label.

    Departs from the paper:
        as `cross_entropy`, which also explains the arguments.
    """
    if logits.ndim != 2 or label.shape != logits.shape[:1]:
        raise ValueError(
            f"cross_entropy expects logits [b c] and label [b], got {list(logits.shape)} and "
            f"{list(label.shape)}; give one label per row of logits"
        )
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing is {smoothing}, expected a number in [0, 1); 0.1 is usual")
    if not temperature > 0.0:
        raise ValueError(
            f"temperature is {temperature}, expected a number above 0; 1 keeps the logits unchanged"
        )
    log_prob, mask = _log_softmax(jnp.asarray(logits, jnp.float32) / temperature, active)
    true = jnp.take_along_axis(log_prob, jnp.maximum(label, 0)[:, None], axis=1)[:, 0]
    even = jnp.sum(jnp.where(mask, log_prob, 0.0), axis=1) / jnp.maximum(jnp.sum(mask), 1)
    return jnp.where(label >= 0, -(1.0 - smoothing) * true - smoothing * even, 0.0)


def soft_cross_entropy(
    logits: Float[Array, "b c"],
    target_logits: Float[Array, "b c"],
    *,
    active: Int[Array, ""] | int | None = None,
) -> Float[Array, ""]:
    """Compute cross-entropy against the class probabilities of a teacher.

    L = mean_b -sum_{k < K} softmax(target_logits)_k log softmax(logits)_k,  K = active

    Args:
        logits: [b c], nats, of the student. Columns K and above are ignored.
        target_logits: [b c], nats, of the teacher. They receive no gradient.
        active: K, the number of classes in use. It may change from step to step without a new
            trace. None: all c.

    Returns:
        f32[], nats.

    Raises:
        ValueError: the two are not matrices of the same shape, or active is outside [1, c].

    Reference:
        Ge et al., "Mutual Mean-Teaching", ICLR 2020, section 3.2 (the soft classification loss).

    Departs from the paper:
        inactive classes are masked out.
    """
    if logits.ndim != 2 or logits.shape != target_logits.shape:
        raise ValueError(
            "soft_cross_entropy expects logits and target_logits [b c], got "
            f"{list(logits.shape)} and {list(target_logits.shape)}; give both the "
            "same rows and classes"
        )
    log_prob, mask = _log_softmax(jnp.asarray(logits, jnp.float32), active)
    target, _ = _log_softmax(jax.lax.stop_gradient(jnp.asarray(target_logits, jnp.float32)), active)
    return -jnp.mean(jnp.sum(jnp.where(mask, jnp.exp(target) * log_prob, 0.0), axis=1))


def circle(
    cosine: Float[Array, "b c"],
    label: Int[Array, " b"],
    *,
    scale: float = 64.0,
    margin: float = 0.35,
) -> Float[Array, "b c"]:
    """Convert cosines to the logits of circle loss, for use in `cross_entropy`.

    true class:  z_y = scale max(1 + m - s_y, 0) (s_y - 1 + m)
    other class: z_k = scale max(s_k + m, 0) (s_k - m)

    The weights max(...) grow with the distance of a cosine from its optimum. No gradient goes
    through them.

    Args:
        cosine: s, [b c], in [-1, 1].
        label: i32[b], in [0, c). A row with a label below 0 has no true class.
        scale: above 0; 64 as in the MGN of LUPerson.
        margin: m; 0.35 as in the MGN of LUPerson.

    Returns:
        f32[b c], logits.

    Raises:
        ValueError: the shapes do not fit together, or the scale is not above 0.

    Reference:
        Sun et al., "Circle Loss", CVPR 2020, equation 6 in its classification form.

    Departs from the paper:
        the weights are those of LUPerson's code. The optimum of the true class is 1 + margin, as in
        the paper's text.
    """
    if cosine.ndim != 2 or label.shape != cosine.shape[:1] or not scale > 0:
        raise ValueError(
            "circle expects cosine [b c], label [b] and a scale above 0, got "
            f"{list(cosine.shape)}, {list(label.shape)} and {scale}"
        )
    fixed = jax.lax.stop_gradient(cosine)
    true = jnp.maximum(1 + margin - fixed, 0) * (cosine - 1 + margin)
    other = jnp.maximum(fixed + margin, 0) * (cosine - margin)
    return scale * jnp.where(jnp.arange(cosine.shape[1])[None, :] == label[:, None], true, other)


def _log_softmax(logits: jax.Array, active: Array | int | None) -> tuple[jax.Array, jax.Array]:
    """Compute log-probabilities [b c] over the first `active` classes, and their mask bool[1 c]."""
    classes = logits.shape[1]
    if isinstance(active, int) and not 1 <= active <= classes:
        raise ValueError(
            f"active is {active} of {classes} classes, expected a number in [1, {classes}]"
        )
    mask = (jnp.arange(classes) < (classes if active is None else active))[None, :]
    # The lowest finite number, not -inf: its exp() is 0 as well, and inf - inf cannot give NaN.
    return jax.nn.log_softmax(jnp.where(mask, logits, jnp.finfo(jnp.float32).min), axis=1), mask
