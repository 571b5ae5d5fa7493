"""Classification among the classes that are alive: smoothed cross-entropy, and soft targets."""

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
    """Cross-entropy with smoothed labels among the active classes, the mean over the rows that have a label.

    p = softmax(logits / temperature over the first K classes)
    L = mean_b -[(1 - e) log p_y + (e / K) sum_{k < K} log p_k],  e = smoothing, K = active

    Args:
        logits: [b c], in nats times `temperature`. What stands in columns K and above is ignored, NaN included.
        label: i32[b], in [0, K); a row below 0 has no weight. A label in [K, c) makes the loss larger than 1e30, one
            of c or more makes it NaN: neither passes unseen.
        smoothing: e, in [0, 1). The true class gets 1 - e + e / K.
        temperature: divides the logits; 1 is the paper's, 2 is what the released code of DomainMix does.
        active: K, how many classes are alive, may change from step to step without a new trace; None is all c.

    Returns:
        f32[], nats; 0 if no row has a label.

    Raises:
        ValueError: shapes that do not belong together, or a hyper-parameter outside its range.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7 (its
        q'(k) = (1 - e) delta_{k,y} + e u(k), with u uniform).

    Departs from the paper:
        classes that are not alive are masked out, and rows without a label are left out of the mean.
    """
    if logits.ndim != 2 or label.shape != logits.shape[:1]:
        raise ValueError(
            f"cross_entropy expects logits [b c] and label [b], got {list(logits.shape)} and "
            f"{list(label.shape)}; give one label per row of logits"
        )
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing is {smoothing}, expected a number in [0, 1); 0.1 is usual")
    if not temperature > 0.0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0; 1 leaves the logits as they are")
    log_prob, alive = _log_softmax(jnp.asarray(logits, jnp.float32) / temperature, active)
    true = jnp.take_along_axis(log_prob, jnp.maximum(label, 0)[:, None], axis=1)[:, 0]
    even = jnp.sum(jnp.where(alive, log_prob, 0.0), axis=1) / jnp.maximum(jnp.sum(alive), 1)
    labelled = label >= 0
    each = jnp.where(labelled, -(1.0 - smoothing) * true - smoothing * even, 0.0)
    return jnp.sum(each) / jnp.maximum(jnp.sum(labelled), 1)


def soft_cross_entropy(
    logits: Float[Array, "b c"],
    target_logits: Float[Array, "b c"],
    *,
    active: Int[Array, ""] | int | None = None,
) -> Float[Array, ""]:
    """Cross-entropy against the classes that a teacher believes in.

    L = mean_b -sum_{k < K} softmax(target_logits)_k log softmax(logits)_k,  K = active

    Args:
        logits: [b c], nats, the student's. What stands in columns K and above is ignored.
        target_logits: [b c], nats, the teacher's; no gradient goes through them.
        active: K, how many classes are alive, may change from step to step without a new trace; None is all c.

    Returns:
        f32[], nats.

    Raises:
        ValueError: the two are not matrices of one shape, or active is outside [1, c].

    Reference:
        Ge et al., "Mutual Mean-Teaching", ICLR 2020, section 3.2 (the soft classification loss).

    Departs from the paper:
        classes that are not alive are masked out.
    """
    if logits.ndim != 2 or logits.shape != target_logits.shape:
        raise ValueError(
            f"soft_cross_entropy expects logits and target_logits [b c], got {list(logits.shape)} and "
            f"{list(target_logits.shape)}; give both the same rows and classes"
        )
    log_prob, alive = _log_softmax(jnp.asarray(logits, jnp.float32), active)
    target, _ = _log_softmax(jax.lax.stop_gradient(jnp.asarray(target_logits, jnp.float32)), active)
    return -jnp.mean(jnp.sum(jnp.where(alive, jnp.exp(target) * log_prob, 0.0), axis=1))


def circle(
    cosine: Float[Array, "b c"], label: Int[Array, " b"], *, scale: float = 64.0, margin: float = 0.35
) -> Float[Array, "b c"]:
    """Cosines to classes -> logits that weigh each by how far it is from where it should be; cross-entropy follows.

    z_y = scale max(1 + m - s_y, 0) (s_y - 1 + m) for the true class, z_k = scale max(s_k + m, 0) (s_k - m) for others;
    no gradient goes through the weights max(...).

    Args:
        cosine: s, [b c], in [-1, 1].
        label: i32[b], in [0, c); a row below 0 has no true class.
        scale: 64 as in LUPerson's MGN.
        margin: m, 0.35 there.

    Returns:
        f32[b c] logits for `cross_entropy`.

    Raises:
        ValueError: shapes that do not belong together, or a scale that is not above 0.

    Reference:
        Sun et al., "Circle Loss", CVPR 2020, equation 6 in its classification form.

    Departs from the paper:
        the weights are those of LUPerson's code, whose true class is measured against 1 + margin as in the paper's text.
    """
    if cosine.ndim != 2 or label.shape != cosine.shape[:1] or not scale > 0:
        raise ValueError(
            f"circle expects cosine [b c], label [b] and a scale above 0, got {list(cosine.shape)}, {list(label.shape)} "
            f"and {scale}"
        )
    fixed = jax.lax.stop_gradient(cosine)
    true = jnp.maximum(1 + margin - fixed, 0) * (cosine - 1 + margin)
    other = jnp.maximum(fixed + margin, 0) * (cosine - margin)
    return scale * jnp.where(jnp.arange(cosine.shape[1])[None, :] == label[:, None], true, other)


def _log_softmax(logits: jax.Array, active: Array | int | None) -> tuple[jax.Array, jax.Array]:
    """Log-probabilities [b c] of the first `active` classes, and which these are, bool[1 c]."""
    classes = logits.shape[1]
    if isinstance(active, int) and not 1 <= active <= classes:
        raise ValueError(f"active is {active} of {classes} classes, expected a number in [1, {classes}]")
    alive = (jnp.arange(classes) < (classes if active is None else active))[None, :]
    # The lowest finite number instead of -inf: exp() of it is 0 just so, and no inf - inf can become a NaN.
    return jax.nn.log_softmax(jnp.where(alive, logits, jnp.finfo(jnp.float32).min), axis=1), alive
