"""Cycle association: from the persons of one frame to those of another and back, each should come home to itself.

Two sets of embeddings, of two frames or of several pairs of frames merged, and no label. Sets are padded to a static shape;
what is padded is in no sum, in no maximum and in no count, and neither is a temperature's size.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from reid_jax.distance import similarity
from reid_jax.types import Array


def temperature(count: Float[Array, ""], *, epsilon: float = 0.1, delta: float = 0.5) -> Float[Array, ""]:
    """What a softmax over `count` cosines is to be multiplied with, so that its greatest stands out as much at any size.

    T(K) = (1 / e) log( (delta (K - 1) + 1) / (1 - delta) )

    Args:
        count: K, f32[].
        epsilon: e, how much greater than the others the right cosine is thought to be, above 0.
        delta: by how much the right one's softmax shall then exceed another's, in (0, 1).

    Returns:
        f32[], 0 for none.

    Raises:
        ValueError: an epsilon or a delta out of its range.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", section 3.4 and appendix A;
        delta is theirs, epsilon is that of a public re-implementation (MvMHAT), since the paper does not tell it.

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
    first_there: Bool[Array, "n"] | None = None,
    second_there: Bool[Array, "m"] | None = None,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> tuple[Float[Array, "k k"], Bool[Array, "k"]]:
    """Where a walk from the smaller set to the larger one and back ends.

    A = softmax_rows(T(n2) S),  A' = softmax_rows(T(n1) S^T),  S the cosines [n1 n2], n1 <= n2;  C = A A'

    Args:
        first, second: embeddings, any unit.
        first_there, second_there: which rows are persons; None: all. n1 and n2 count those, and the set with fewer is
            where the walk starts.
        epsilon, delta: see `temperature`.

    Returns:
        (C, which of its rows are persons: none if one of the sets is empty), k = max(n, m). Columns of what is padded are
        0, rows mean nothing.

    Raises:
        ValueError: shapes that do not belong together; as `temperature`.

    Reference:
        Wang et al., equations 1 to 3 and section 3.3.

    Departs from the paper:
        nowhere; in its equation 3 the sum runs over the row's columns, where the index is misprinted.
    """
    first, first_there = _padded("first", first, first_there, max(len(first), len(second)))
    second, second_there = _padded("second", second, second_there, len(first))
    if first.shape != second.shape:
        raise ValueError(f"cycle expects sets of one width, got {first.shape[1]} and {second.shape[1]}")
    swap = first_there.sum() > second_there.sum()
    start, goal = jnp.where(swap, second, first), jnp.where(swap, first, second)
    there, goal_there = jnp.where(swap, second_there, first_there), jnp.where(swap, first_there, second_there)
    cosine = similarity(start, goal)
    forth = _softmax(cosine, goal_there, epsilon, delta)
    back = _softmax(cosine.T, there, epsilon, delta)
    return jnp.matmul(forth, back, precision=jax.lax.Precision.HIGHEST), there


def symmetric(
    first: Float[Array, "n d"],
    second: Float[Array, "m d"],
    *,
    first_there: Bool[Array, "n"] | None = None,
    second_there: Bool[Array, "m"] | None = None,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> Float[Array, ""]:
    """Everybody comes home.

    L = (1 / n^2) sum_ij |C_ij - I_ij|

    Args:
        first, second, first_there, second_there, epsilon, delta: see `cycle`.

    Returns:
        f32[] in [0, 2 / n]; 0 if one of the sets is empty, or holds one person.

    Raises:
        ValueError: as `cycle`.

    Reference:
        Wang et al., equation 4.

    Departs from the paper:
        it is meant for sets of one size; here n is the smaller one's.
    """
    options = {"first_there": first_there, "second_there": second_there, "epsilon": epsilon, "delta": delta}
    walk, there = cycle(first, second, **options)
    both = there[:, None] & there[None, :]
    apart = jnp.abs(walk - jnp.eye(len(there)))
    return jnp.where(both, apart, 0.0).sum() / jnp.maximum(there.sum(), 1) ** 2


def relaxed(
    first: Float[Array, "n d"],
    second: Float[Array, "m d"],
    *,
    first_there: Bool[Array, "n"] | None = None,
    second_there: Bool[Array, "m"] | None = None,
    margin: float = 0.5,
    epsilon: float = 0.1,
    delta: float = 0.5,
) -> Float[Array, ""]:
    """Everybody comes home rather than elsewhere: those who left the scene cannot, and are not pressed to.

    L = (1 / n1) sum_i [max_{j != i} C_ij - C_ii + m]_+  +  (1 / n1) sum_i [max_{k != i} C_ki - C_ii + m]_+

    Args:
        first, second, first_there, second_there, epsilon, delta: see `cycle`.
        margin: m, in (0, 1).

    Returns:
        f32[] in [0, 2 + 2 m]; 0 if one of the sets is empty. One person alone comes home to itself: 0 as well.

    Raises:
        ValueError: as `cycle`, or a margin out of its range.

    Reference:
        Wang et al., equation 5.

    Departs from the paper:
        nowhere. (MvMHAT's code starts from the larger set and halves the sum.)
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin is {margin}, expected a number between 0 and 1; the paper's is 0.5")
    options = {"first_there": first_there, "second_there": second_there, "epsilon": epsilon, "delta": delta}
    walk, there = cycle(first, second, **options)
    home = jnp.diagonal(walk)
    # no entry is below 0, so 0 stands for what is not compared with; a person alone is left with it
    other = jnp.where(there[:, None] & there[None, :] & ~jnp.eye(len(there), dtype=bool), walk, 0.0)
    hinge = jax.nn.relu(other.max(1) - home + margin) + jax.nn.relu(other.max(0) - home + margin)
    return jnp.where(there, hinge, 0.0).sum() / jnp.maximum(there.sum(), 1)


def _padded(name: str, rows: Array, there: Array | None, size: int) -> tuple[jax.Array, jax.Array]:
    there = jnp.ones(len(rows), bool) if there is None else jnp.asarray(there)
    if rows.ndim != 2 or there.shape != rows.shape[:1]:
        raise ValueError(f"cycle expects {name} [n d] and its mask [n], got {list(rows.shape)} and {list(there.shape)}")
    return jnp.pad(jnp.asarray(rows), ((0, size - len(rows)), (0, 0))), jnp.pad(there, (0, size - len(rows)))


def _softmax(cosine: jax.Array, there: jax.Array, epsilon: float, delta: float) -> jax.Array:
    """Over the columns that are there; where none is, finite and of no meaning."""
    sharp = temperature(there.sum().astype(jnp.float32), epsilon=epsilon, delta=delta)
    return jax.nn.softmax(jnp.where(there[None, :], sharp * cosine, jnp.finfo(jnp.float32).min), axis=1)
