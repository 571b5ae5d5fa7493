"""What embeddings say of their encoder without a label: norms, spread, rank, dead dimensions."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DEAD = 1e-5  # of the largest deviation of a dimension; below, it carries nothing
ZERO = 1e-12  # length of a row


class Health(NamedTuple):
    """Of n embeddings of d dimensions.

    Attributes:
        rows: n.
        width: d.
        broken: i64[k], rows that hold NaN or infinity; they are left out of all below.
        zero: rows of length zero; they are left out of cosine and rank.
        norm: mean length of a row.
        norm_deviation: its standard deviation.
        cosine: mean cosine of two rows; NaN of fewer than two.
        rank: effective rank, in [1, min(n, d)]: how many directions the rows vary in; 0: in none.
        dead: i64[k], dimensions that are the same for every row.
    """

    rows: int
    width: int
    broken: np.ndarray
    zero: int
    norm: float
    norm_deviation: float
    cosine: float
    rank: float
    dead: np.ndarray


def health(embedding: Float[np.ndarray, "n d"]) -> Health:
    """Look at embeddings, rows of any length.

    cosine = (|sum_i u_i|^2 - n) / (n (n - 1)),  u_i = x_i / |x_i|, which is the mean of all pairs
    rank = exp(-sum_k p_k log p_k),  p_k = s_k / sum s,  s the singular values of the centred u

    Args:
        embedding: f32[n d].

    Raises:
        ValueError: it is no matrix.

    Reference:
        Roy and Vetterli, The Effective Rank, EUSIPCO 2007, equations 2 to 5.

    Departs from the paper:
        the rows are of length one and centred, since retrieval compares cosines.
    """
    if embedding.ndim != 2:
        raise ValueError(f"embeddings are a matrix [n d], not {list(embedding.shape)}")
    n, d = embedding.shape
    fine = np.isfinite(embedding).all(1)
    rows = embedding[fine].astype(np.float64)
    length = np.linalg.norm(rows, axis=1)
    unit = rows[length > ZERO] / length[length > ZERO, None]
    k = len(unit)
    total = unit.sum(0)
    cosine = (total @ total - k) / (k * (k - 1)) if k > 1 else np.nan
    spread = rows.std(0) if len(rows) else np.zeros(d)
    # a constant's deviation is rounding, as large as the constant's last digit
    least = max(DEAD * spread.max(initial=0), 1e-7 * np.abs(rows).max(initial=0))
    return Health(
        rows=n,
        width=d,
        broken=np.flatnonzero(~fine),
        zero=int((length <= ZERO).sum()),
        norm=float(length.mean()) if len(length) else np.nan,
        norm_deviation=float(length.std()) if len(length) else np.nan,
        cosine=float(cosine),
        rank=_rank(unit),
        dead=np.flatnonzero(spread <= least),
    )


def _rank(unit: np.ndarray) -> float:
    """The effective rank of rows around their mean."""
    if len(unit) < 2:
        return 0.0
    centred = unit - unit.mean(0)
    gram = centred @ centred.T if len(unit) < unit.shape[1] else centred.T @ centred
    squares = np.clip(np.linalg.eigvalsh(gram), 0, None)
    values = np.sqrt(squares[squares > 1e-12 * len(unit)])
    share = values / values.sum() if len(values) else values
    return float(np.exp(-(share * np.log(share)).sum())) if len(values) else 0.0
