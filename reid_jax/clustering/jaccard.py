"""The k-reciprocal Jaccard distance between images, sparse throughout: nothing is [n n] dense.

A row's neighbourhood is the set of its k-reciprocal neighbours: the rows that are among its nearest
and that have it among theirs. It is enlarged by the neighbourhoods of its members where they agree
with it. The distance of two rows falls with the overlap of their weighted neighbourhoods. Three of
the published codes compute it, each in a different way; all three are available (`VARIANTS`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse

from reid_jax.clustering import neighbours, overlap
from reid_jax.clustering.neighbours import Swept


class Variant(NamedTuple):
    """How one of the published codes implements the formula.

    Attributes:
        itself: the row itself counts among its k1 neighbours; otherwise k1 others come beside it.
        relative: squared distances are divided by the row's largest one before they become the
            weights exp(-D).
    """

    itself: bool
    relative: bool


VARIANTS = {
    # F, neighbours by faiss: SpCL's code, and DomainMix, ICE, OpenUnReID
    "F": Variant(itself=True, relative=False),
    # M: MMT's code
    "M": Variant(itself=False, relative=True),
    # Z: Zhong et al.'s re-ranking, and the clustering of Theory and SSG
    "Z": Variant(itself=False, relative=True),
}


def distance(
    features: Float[np.ndarray, "n d"],
    *,
    k1: int = 30,
    k2: int = 6,
    variant: str = "F",
    reach: float = 1.0,
    near: Swept | None = None,
    lines: int | None = None,
) -> sparse.csr_array:
    """The k-reciprocal Jaccard distance d_J of all pairs whose neighbourhoods overlap.

    The distance of all other pairs is 1. With N(i, k) the k nearest of row i and itself (variant F
    counts it among the k), equal distances ordered by row number:

    R(i, k) = {j in N(i, k) : i in N(j, k)};
    E(i)    = R(i, k1) and each R(q, h), q in R(i, k1), with
              |R(q, h) n R(i, k1)| > 2/3 |R(q, h)|, where N(q, h) is the first round(k1 / 2) + 1
              rows, including q (halves are rounded to even);
    V[i, j] = exp(-D_ij) / sum_E(i) exp(-D) for j in E(i), else 0;
              D = |x_i - x_j|^2, in Z and M divided by max_j |x_i - x_j|^2;
    V[i]    = mean of V over the first k2 neighbours of i, including i (query expansion; none at
              k2 = 1);
    s_ij    = sum_g min(V[i, g], V[j, g]), and d_J = max(1 - s / (2 - s), 0).

    The memory, beside the features and the search, is about 8 bytes for each entry below `reach`,
    and twice that for V.

    Args:
        features: f32[n d]; rows of length one for variant F as published.
        k1: neighbours, >= 1; 30 with F, 20 with Z and M as published. At most what n rows have.
        k2: rows averaged by the query expansion, >= 1.
        variant: F, M or Z.
        reach: entries above it are left out; at 1, the default, only the ones. DBSCAN uses no
            distance above its eps, so its greatest eps suffices here and saves memory and time.
        near: the result of an earlier search, by
            `neighbours.sweep(features, width(n, ...), farthest=...)`.
        lines: compute the lines of the first rows only; None: of all.

    Returns:
        f32 CSR [n n] (or [lines n]) of the entries below 1 and not above `reach`, columns sorted,
        including the diagonal (0 up to rounding). It is exactly symmetric. Exact zeros are stored.
        [0 0] where n is 0.

    Raises:
        ValueError: features are not a matrix or contain NaN or infinity (the message names the
            rows), k1 or k2 is below 1, the variant is unknown, or `near` is of other rows or has
            too few neighbours.

    Reference:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017,
        equations 1 to 10.

    Departs from the paper:
        as the codes do, |x - y|^2 is Euclidean (for rows of length one, 2 - 2 cos), and the
        enlargement is tested against R(i, k1) before any enlargement. MMT's code computes D by a
        formula that holds only for rows of length one; here it holds for all. Theory's code uses
        float16; here all is float32, and sums run over ascending g.
    """
    rows = neighbours.check("features", features)
    n, wanted = len(rows), width(len(rows), k1=k1, k2=k2, variant=variant)
    itself, relative = VARIANTS[variant]
    if not n:
        return sparse.csr_array((0, 0), dtype=np.float32)
    near = neighbours.sweep(rows, wanted, farthest=relative) if near is None else near
    if (
        len(near.neighbours) != n
        or near.neighbours.shape[1] < wanted
        or (relative and near.farthest is None)
    ):
        raise ValueError(
            f"near holds {near.neighbours.shape[1]} neighbours of {len(near.neighbours)} rows, "
            f"expected {wanted} of {n}"
            + (f" and the farthest, which variant {variant} divides by" if relative else "")
        )
    scale = np.ones(n, np.float32)
    if relative and near.farthest is not None:
        scale = np.square(near.farthest, dtype=np.float32)
    scale[scale == 0] = 1  # all rows are equal
    half = int(np.around(k1 / 2)) + 1
    members = overlap.encode(rows, near, scale, min(k1 + (not itself), n), min(half, n))
    if k2 > 1:
        members = overlap.expand(members, near.neighbours[:, :k2])
    return overlap.distances(members, reach, n if lines is None else lines)


def width(n: int, *, k1: int = 30, k2: int = 6, variant: str = "F") -> int:
    """The number of neighbours of each row, itself included, that `distance` needs.

    Raises:
        ValueError: k1 or k2 is below 1, or the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"the variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    if k1 < 1 or k2 < 1:
        raise ValueError(f"k1 is {k1} and k2 is {k2}; both count neighbours, from 1")
    return min(max(k1 + (not VARIANTS[variant].itself), int(np.around(k1 / 2)) + 1, k2), n)


def source_term(
    features: Float[np.ndarray, "n d"], source: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "n"]:
    """How far each row is from the labelled source: s_i = 1 - exp(-min_q |x_i - q|^2), scaled.

    The values are divided by the largest s.

    Args:
        features: f32[n d], of the target.
        source: f32[m d], of the source, embedded by the same model.

    Returns:
        f32[n] in [0, 1]; zeros where every row is also a row of the source.

    Raises:
        ValueError: as `neighbours.search`.

    Reference:
        Song et al., Unsupervised Domain Adaptive Re-Identification: Theory and Practice, 2020, d_W
        in section 4; the division by the largest is from their code.
    """
    _, nearest = neighbours.search(features, 1, among=source)
    term = -np.expm1(-np.square(nearest[:, 0]))
    most = term.max(initial=0)
    return term / most if most > 0 else term


def add_source(
    distances: sparse.csr_array, term: Float[np.ndarray, "n"], weight: float = 0.1
) -> sparse.csr_array:
    """d_W(i, j) = (1 - weight) d_J(i, j) + weight (s_i + s_j) for the stored entries.

    The diagonal becomes 2 weight s_i, as in the authors' code: DBSCAN counts a row as its own
    neighbour only if that is within eps. Entries that are not stored would be at least 1 - weight,
    so eps must be below that.

    Args:
        distances: f32 CSR [n n] of `distance`.
        term: f32[n] of `source_term`.
        weight: lambda in the paper, in [0, 1].

    Returns:
        f32 CSR [n n] with the same entries.

    Raises:
        ValueError: distances and term differ in size, or the weight is outside [0, 1].

    Reference:
        Song et al. 2020, the weighted sum of the two distances; lambda 0.1 as published.
    """
    if distances.shape != (len(term), len(term)) or not 0 <= weight <= 1:
        raise ValueError(
            f"a term of {len(term)} rows and weight {weight} for distances {list(distances.shape)}"
        )
    term = np.asarray(term, np.float32)
    both = np.repeat(term, np.diff(distances.indptr)) + term[distances.indices]
    data = np.float32(1 - weight) * distances.data + np.float32(weight) * both
    return sparse.csr_array((data, distances.indices, distances.indptr), shape=distances.shape)
