"""The k-reciprocal Jaccard distance between images, sparse from end to end: nothing here is as large as images squared.

A row's neighbourhood is the set of rows that are among its nearest and that it is among the nearest of, enlarged by the
neighbourhoods of its members where they agree; two rows are as near as their weighted neighbourhoods overlap. Of the
published codes three compute it, and no two alike, so all three are here (`VARIANTS`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import sparse

from reid_jax.cluster import neighbours, overlap
from reid_jax.cluster.neighbours import Swept


class Variant(NamedTuple):
    """How one of the published codes reads the formula.

    itself: k1 counts the row itself among its neighbours, instead of k1 others beside it.
    relative: squared distances are divided by the row's largest before they become weights exp(-D).
    """

    itself: bool
    relative: bool


VARIANTS = {
    "F": Variant(itself=True, relative=False),  # SpCL's code (and DomainMix, ICE, OpenUnReID): neighbours by faiss
    "M": Variant(itself=False, relative=True),  # MMT's
    "Z": Variant(itself=False, relative=True),  # Zhong et al.'s re-ranking, and Theory's and SSG's clustering
}


def distance(
    features: Float[np.ndarray, "n d"],
    *,
    k1: int = 30,
    k2: int = 6,
    variant: str = "F",
    reach: float = 1.0,
    near: Swept | None = None,
) -> sparse.csr_array:
    """The k-reciprocal Jaccard distance d_J of all pairs of rows that share a neighbour; of all other pairs it is 1.

    With N(i, k) the k nearest of row i and itself (variant F counts it among the k), ties to the lower number:
    R(i, k)  = {j in N(i, k) : i in N(j, k)};
    E(i)     = R(i, k1) and each R(q, h), q in R(i, k1), with |R(q, h) n R(i, k1)| > 2/3 |R(q, h)|, where N(q, h) is the
               first round(k1 / 2) + 1 rows, q itself among them (a half rounded to even);
    V[i, j]  = exp(-D_ij) / sum_E(i) exp(-D) for j in E(i), else 0; D = |x_i - x_j|^2, in Z and M / max_j |x_i - x_j|^2;
    V[i]     = mean of V over the first k2 of i's neighbours, itself among them (query expansion; none at k2 = 1);
    s_ij     = sum_g min(V[i, g], V[j, g]), and d_J = 1 - s / (2 - s), not below 0.

    Paper: Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017, equations 1 to 10.

    Departs from the paper: as the codes do, |x - y|^2 is Euclidean (for rows of length one, 2 - 2 cos), and the test for
    the enlargement is against R(i, k1) as it was at first. MMT's code writes D so that it is a distance only for rows of
    length one; here it is one for all. Theory's code works in float16, here all is float32, sums run over ascending g.

    Memory beside the features and the search: some 8 bytes for each entry below `reach`, twice for V.

    Args:
        features: f32[n d]; rows of length one for variant F as published.
        k1: neighbours, >= 1; 30 with F, 20 with Z and M as published. Cut to what n rows have.
        k2: rows that the expansion averages, >= 1.
        variant: F, M or Z.
        reach: leave out the entries above it (at 1, the default, only the ones): as DBSCAN looks at no distance above
            its eps, its greatest eps is enough for it and saves memory and time.
        near: a search that is there already, as `neighbours.sweep(features, width(n, ...), farthest=...)` gives it.

    Returns:
        f32 CSR [n n] of the entries below 1 and not above `reach`, columns sorted, the diagonal (0 up to rounding) among
        them. It is symmetric to the last bit. Exact zeros are stored; [0 0] where n is 0.

    Raises:
        ValueError: no matrix, NaN or infinity (the rows are named), k1 or k2 below 1, an unknown variant, or a `near`
            of other rows or too few neighbours.
    """
    rows = neighbours.check("features", features)
    n, wanted = len(rows), width(len(rows), k1=k1, k2=k2, variant=variant)
    itself, relative = VARIANTS[variant]
    if not n:
        return sparse.csr_array((0, 0), dtype=np.float32)
    near = neighbours.sweep(rows, wanted, farthest=relative) if near is None else near
    if len(near.index) != n or near.index.shape[1] < wanted or (relative and near.farthest is None):
        raise ValueError(
            f"near holds {near.index.shape[1]} neighbours of {len(near.index)} rows, expected {wanted} of {n}"
            + (f" and the farthest, which variant {variant} divides by" if relative else "")
        )
    scale = np.square(near.farthest, dtype=np.float32) if relative else np.ones(n, np.float32)
    scale[scale == 0] = 1  # all rows are alike
    half = int(np.around(k1 / 2)) + 1
    members = overlap.encode(rows, near, scale, min(k1 + (not itself), n), min(half, n))
    if k2 > 1:
        members = overlap.expand(members, near.index[:, :k2])
    return overlap.distances(members, reach)


def width(n: int, *, k1: int = 30, k2: int = 6, variant: str = "F") -> int:
    """How many neighbours of each row, itself counted, `distance` needs to have searched.

    Raises:
        ValueError: k1 or k2 below 1, or an unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"the variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    if k1 < 1 or k2 < 1:
        raise ValueError(f"k1 is {k1} and k2 is {k2}; both count neighbours, from 1")
    return min(max(k1 + (not VARIANTS[variant].itself), int(np.around(k1 / 2)) + 1, k2), n)


def source_term(features: Float[np.ndarray, "n d"], source: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n"]:
    """How far each row is from the labelled source: s_i = 1 - exp(-min_q |x_i - q|^2), divided by the largest s.

    Paper: Song et al., Unsupervised Domain Adaptive Re-Identification: Theory and Practice, 2020 (d_W in section 4); the
    division by the largest is their code's.

    Args:
        features: f32[n d], of the target.
        source: f32[m d], of the source, as the same model embeds it.

    Returns:
        f32[n] in [0, 1]; zeros where every row is a source row.

    Raises:
        ValueError: as `neighbours.search`.
    """
    _, nearest = neighbours.search(features, 1, among=source)
    term = -np.expm1(-np.square(nearest[:, 0]))
    most = term.max(initial=0)
    return term / most if most > 0 else term


def add_source(distances: sparse.csr_array, term: Float[np.ndarray, "n"], weight: float = 0.1) -> sparse.csr_array:
    """d_W(i, j) = (1 - weight) d_J(i, j) + weight (s_i + s_j) for the entries that are stored.

    The diagonal becomes 2 weight s_i, as in the authors' code: a row counts itself for DBSCAN only if that is within eps.
    Entries that are not stored would be at least 1 - weight: keep eps below that.

    Paper: Song et al. 2020, the weighted sum of the two distances; weight (their lambda) 0.1 as published.

    Args:
        distances: f32 CSR [n n] of `distance`.
        term: f32[n] of `source_term`.
        weight: lambda, in [0, 1].

    Returns:
        f32 CSR [n n] with the same entries.

    Raises:
        ValueError: sizes that differ, or a weight outside [0, 1].
    """
    if distances.shape != (len(term), len(term)) or not 0 <= weight <= 1:
        raise ValueError(f"a term of {len(term)} rows and weight {weight} for distances {list(distances.shape)}")
    term = np.asarray(term, np.float32)
    both = np.repeat(term, np.diff(distances.indptr)) + term[distances.indices]
    data = np.float32(1 - weight) * distances.data + np.float32(weight) * both
    return sparse.csr_array((data, distances.indices, distances.indptr), shape=distances.shape)
