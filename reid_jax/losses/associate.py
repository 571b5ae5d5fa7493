"""Cycle association: persons of one frame are matched to those of another frame and back.

The losses are small when every person is matched back to itself (Wang et al., "Generalizable
Re-Identification from Videos with Cycle Association"). They compare two sets of embeddings without
labels: the sets of two frames, or those of several frame pairs concatenated. The sets are padded to
a static shape. Padded rows enter no sum, maximum or count, nor the temperature.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from reid_jax.distance import similarity
from reid_jax.types import Array


def temperature(
    count: Float[Array, ""], *, epsilon: float = 0.1, delta: float = 0.5
) -> Float[Array, ""]:
    """Compute the factor of the cosines in a softmax over `count` entries.

    T(K) = (1 / e) log( (delta (K - 1) + 1) / (1 - delta) )

    With this factor the largest probability exceeds the others by the same amount for every K.

    Args:
        count: K, f32[].
        epsilon: e, assumed difference between the cosine of the correct entry and the other
            cosines, above 0.
        delta: required difference between the probability of the correct entry and each other
            probability, in (0, 1).

    Returns:
        f32[], 0 for K = 0.

    Raises:
        ValueError: epsilon or delta is outside its range.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association",
        section 3.4 and appendix A. The value of delta is the paper's. The paper does not state
        epsilon; its value is that of a public re-implementation (MvMHAT).

    Departs from the paper:
        nowhere.
    """
    if not epsilon > 0 or not 0 < delta < 1:
        raise ValueError(f"epsilon is above 0 and delta between 0 and 1, got {epsilon} and {delta}")
    return jnp.log((delta * (count - 1) + 1) / (1 - delta)) / epsilon


def cycle(
    first: Float[Array, "n d"],
    second: Float[Array, "m d"],
    *,
    first_valid: Bool[Array, "n"] | None = None,
    second_valid: Bool[Array, "m"] | None = None,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> tuple[Float[Array, "k k"], Bool[Array, "k"]]:
    """Compute the probabilities of a walk from the smaller set to the larger one and back.

    A = softmax_rows(T(n2) S),  A' = softmax_rows(T(n1) S^T),  C = A A'
    S [n1 n2] are the cosines between the smaller and the larger set, n1 <= n2; T is `temperature`.

    Args:
        first: [n d], embeddings of the first set, rows of any length.
        second: [m d], embeddings of the second set, rows of any length.
        first_valid: bool[n], which rows of `first` are persons; the others are padding. None: all.
        second_valid: bool[m], the same for `second`. n1 and n2 count the persons, and the walk
            starts from the set that has fewer.
        epsilon: see `temperature`.
        delta: see `temperature`.

    Returns:
        (C, valid), f32[k k] and bool[k], k = max(n, m). C[i, j] is the probability that the walk
        from person i ends at person j. `valid` states which rows of C are persons; it is all False
        if one of the sets is empty. Columns of padded rows are 0; rows of padded rows have no
        meaning.

    Raises:
        ValueError: the shapes do not fit together, or epsilon or delta is outside its range.

    Reference:
        Wang et al., equations 1 to 3 and section 3.3.

    Departs from the paper:
        nowhere. The sum in its equation 3 runs over the columns of the row; the index is
        misprinted there.
    """
    size = max(len(first), len(second))
    first, first_valid = _padded("first", first, first_valid, size)
    second, second_valid = _padded("second", second, second_valid, size)
    if first.shape != second.shape:
        raise ValueError(
            f"cycle expects sets of one width, got {first.shape[1]} and {second.shape[1]}"
        )
    swap = first_valid.sum() > second_valid.sum()
    start, goal = jnp.where(swap, second, first), jnp.where(swap, first, second)
    valid = jnp.where(swap, second_valid, first_valid)
    goal_valid = jnp.where(swap, first_valid, second_valid)
    cosine = similarity(start, goal)
    forth = _softmax(cosine, goal_valid, epsilon, delta)
    back = _softmax(cosine.T, valid, epsilon, delta)
    return jnp.matmul(forth, back, precision=jax.lax.Precision.HIGHEST), valid


def symmetric(
    first: Float[Array, "n d"],
    second: Float[Array, "m d"],
    *,
    first_valid: Bool[Array, "n"] | None = None,
    second_valid: Bool[Array, "m"] | None = None,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> Float[Array, ""]:
    """Compute the symmetric cycle loss: the mean absolute difference of C from the identity.

    L = (1 / n^2) sum_ij |C_ij - I_ij|,  C as in `cycle`

    Args:
        first: see `cycle`.
        second: see `cycle`.
        first_valid: see `cycle`.
        second_valid: see `cycle`.
        epsilon: see `temperature`.
        delta: see `temperature`.

    Returns:
        f32[] in [0, 2 / n]; 0 if one of the sets is empty, or has one person.

    Raises:
        ValueError: as `cycle`.

    Reference:
        Wang et al., equation 4.

    Departs from the paper:
        the paper's loss is for sets of equal size; here n is the size of the smaller set.
    """
    walk, valid = cycle(
        first,
        second,
        first_valid=first_valid,
        second_valid=second_valid,
        epsilon=epsilon,
        delta=delta,
    )
    both = valid[:, None] & valid[None, :]
    apart = jnp.abs(walk - jnp.eye(len(valid)))
    return jnp.where(both, apart, 0.0).sum() / jnp.maximum(valid.sum(), 1) ** 2


def relaxed(
    first: Float[Array, "n d"],
    second: Float[Array, "m d"],
    *,
    first_valid: Bool[Array, "n"] | None = None,
    second_valid: Bool[Array, "m"] | None = None,
    margin: float = 0.5,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> Float[Array, ""]:
    """Compute the relaxed cycle loss: each diagonal entry of C exceeds its row and column.

    L = (1 / n1) sum_i [max_{j != i} C_ij - C_ii + m]_+
      + (1 / n1) sum_i [max_{k != i} C_ki - C_ii + m]_+,  C as in `cycle`

    The margin bounds what is demanded of C_ii. A person who is absent from the other frame cannot
    be matched, and is not forced to C_ii = 1.

    Args:
        first: see `cycle`.
        second: see `cycle`.
        first_valid: see `cycle`.
        second_valid: see `cycle`.
        margin: m, in (0, 1).
        epsilon: see `temperature`.
        delta: see `temperature`.

    Returns:
        f32[] in [0, 2 + 2 m]; 0 if one of the sets is empty, or has one person: its walk always
        ends at itself.

    Raises:
        ValueError: as `cycle`, or margin is outside its range.

    Reference:
        Wang et al., equation 5.

    Departs from the paper:
        nowhere. (The code of MvMHAT starts from the larger set and halves the sum.)
    """
    if not 0 < margin < 1:
        raise ValueError(
            f"margin is {margin}, expected a number between 0 and 1; the paper's is 0.5"
        )
    walk, valid = cycle(
        first,
        second,
        first_valid=first_valid,
        second_valid=second_valid,
        epsilon=epsilon,
        delta=delta,
    )
    diagonal = jnp.diagonal(walk)
    # Entries are never below 0, so 0 masks an entry in the maximum. If there is only one person,
    # the maximum is 0.
    other = jnp.where(valid[:, None] & valid[None, :] & ~jnp.eye(len(valid), dtype=bool), walk, 0.0)
    hinge = jax.nn.relu(other.max(1) - diagonal + margin)
    hinge += jax.nn.relu(other.max(0) - diagonal + margin)
    return jnp.where(valid, hinge, 0.0).sum() / jnp.maximum(valid.sum(), 1)


def _padded(name: str, rows: Array, mask: Array | None, size: int) -> tuple[jax.Array, jax.Array]:
    """Pad rows and mask to `size` rows; the mask is False there."""
    valid = jnp.ones(len(rows), bool) if mask is None else jnp.asarray(mask)
    if rows.ndim != 2 or valid.shape != rows.shape[:1]:
        raise ValueError(
            f"cycle expects {name} [n d] and its mask [n], got {list(rows.shape)} and "
            f"{list(valid.shape)}"
        )
    extra = (0, size - len(rows))
    return jnp.pad(jnp.asarray(rows), (extra, (0, 0))), jnp.pad(valid, extra)


def _softmax(cosine: jax.Array, valid: jax.Array, epsilon: float, delta: float) -> jax.Array:
    """Softmax over the valid columns of each row; finite but meaningless if none is valid."""
    factor = temperature(valid.sum().astype(jnp.float32), epsilon=epsilon, delta=delta)
    lowest = jnp.finfo(jnp.float32).min
    return jax.nn.softmax(jnp.where(valid[None, :], factor * cosine, lowest), axis=1)
