"""The operating point of an encoder: a threshold of the cosine, what it costs, and probabilities.

It is kept beside the encoder as operating.json, with a hash of the encoder's weights: a threshold
of another encoder means nothing.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from reid_jax.files import jsons
from reid_jax.retrieval.frames import Frames
from reid_jax.retrieval.operating import Curves
from reid_jax.retrieval.tally import BINS, EDGES
from reid_jax.types import Variables
from reid_jax.whole import whole

FILE = "operating.json"
FPIR = (0.01, 0.1)  # at which open-set identification is given


class Point(NamedTuple):
    """Where two pictures are taken to show one person: at a cosine of at least `threshold`.

    Rates are in [0, 1]; those that only labels tell are NaN without them. Bounds are of 95%.

    Attributes:
        fmr: the false match rate that was asked for.
        threshold: the cosine that keeps it.
        low, high: bounds of the threshold.
        tpr: the share of pairs of one person that reach it.
        tpr_low, tpr_high: bounds of that.
        eer: the equal error rate, at another threshold.
        identified: detection and identification rate at rank 1 by the false positive identification
            rate, see `operating.Curves.identified`.
        same, other: how many pairs of one person and of different persons it was measured on.
        cosine, probability: knots of the isotonic probability that a pair is of one person, where
            half of all pairs are.
        logistic: slope and offset of the logistic one, in log odds.
    """

    fmr: float
    threshold: float
    low: float
    high: float
    other: int
    same: int = 0
    tpr: float = math.nan
    tpr_low: float = math.nan
    tpr_high: float = math.nan
    eer: float = math.nan
    identified: Mapping[str, float] = {}
    cosine: tuple[float, ...] = ()
    probability: tuple[float, ...] = ()
    logistic: tuple[float, ...] = ()

    def chance(self, cosine: ArrayLike, *, prior: float = 0.5, by: str = "isotonic") -> np.ndarray:
        """The probability that pairs of these cosines show one person.

        Args:
            cosine: of any shape.
            prior: the share of pairs of one person among the pairs that are looked at.
            by: "isotonic" (no assumption) or "logistic" (smooth, also where no pair was seen).

        Raises:
            ValueError: the point is of no labels, the prior is not between 0 and 1, or `by` is
                neither.
        """
        if not self.logistic:
            raise ValueError("a threshold from frames alone gives no probability; labels do")
        if not 0 < prior < 1 or by not in ("isotonic", "logistic"):
            raise ValueError(
                f"prior={prior}, by={by!r}; give a prior between 0 and 1, and isotonic or logistic"
            )
        given = np.asarray(cosine, np.float64)
        if by == "isotonic":
            share = np.interp(given, self.cosine, self.probability)
        else:
            share = 1 / (1 + np.exp(-(self.logistic[0] * given + self.logistic[1])))
        return share * prior / (share * prior + (1 - share) * (1 - prior))


def rates(curves: Curves, fmr: float) -> Point:
    """The operating point at a false match rate, without the probabilities of `labelled`.

    Raises:
        ValueError: as `Tally.threshold`.
    """
    return Point(
        fmr, *curves.other.threshold(fmr), curves.other.pairs, curves.same.pairs, *curves.tpr(fmr),
        curves.eer, {f"{rate:g}": curves.identified(rate) for rate in FPIR},
    )  # fmt: skip


def labelled(curves: Curves, fmr: float) -> Point:
    """The operating point at a false match rate, and probabilities.

    Raises:
        ValueError: as `Tally.threshold`.

    Reference:
        Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
        Estimates, KDD 2002 (isotonic); Platt 1999 (logistic). Both by scikit-learn.

    Departs from the paper:
        pairs of one person and of different persons weigh the same in sum, whatever their number.
    """
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    point = rates(curves, fmr)
    centre = (EDGES[:-1] + EDGES[1:]) / 2
    weight = np.concatenate([curves.same.counts, curves.other.counts])
    weight[:BINS] /= curves.same.pairs
    weight[BINS:] /= curves.other.pairs
    seen = np.flatnonzero(weight)
    cosine, same = np.tile(centre, 2)[seen], (seen < BINS).astype(int)
    level = IsotonicRegression(y_min=0, y_max=1).fit(cosine, same, weight[seen])
    smooth = LogisticRegression(C=1e6).fit(cosine[:, None], same, 1e4 * weight[seen])
    return point._replace(
        cosine=tuple(map(float, level.X_thresholds_)),
        probability=tuple(map(float, level.y_thresholds_)),
        logistic=(float(smooth.coef_[0, 0]), float(smooth.intercept_[0])),
    )


def unlabelled(counted: Frames, fmr: float) -> Point:
    """The estimate of an operating point at a false match rate from frames, without a label.

    Raises:
        ValueError: as `Tally.threshold`.
    """
    return Point(fmr, *counted.threshold(fmr), counted.together.pairs)


def fingerprint(variables: Variables) -> str:
    """A hash of an encoder's weights."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        digest.update(jax.tree_util.keystr(path).encode())
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()[:16]


def save(folder: str | Path, point: Point, of: Variables | str) -> Path:
    """Write the point of an encoder beside it, in place of an earlier one; returns the file.

    Args:
        folder: of a run, an export or a gallery.
        point: what is written.
        of: the encoder's variables, or their `fingerprint`.
    """
    path = Path(folder) / FILE
    figures = {name: None if value != value else value for name, value in point._asdict().items()}
    kept = {"encoder": _hash(of), **figures}
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(kept, indent=1) + "\n")
    return path


def load(folder: str | Path, of: Variables | str | None) -> Point | None:
    """Read the point of an encoder; None where none is kept.

    Args:
        folder: of a run, an export or a gallery.
        of: the encoder's variables, or their `fingerprint`; None: it is a program, whose weights
            cannot be compared.

    Raises:
        ValueError: the file is of another encoder, or is none.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    again = "measure again with `reid-jax evaluate --fmr=RATE`, or remove it"
    kept = jsons.read(path, "an operating point", again)
    try:
        encoder = kept.pop("encoder")
        known = {name: value for name, value in kept.items() if value is not None}
        for name in ("cosine", "probability", "logistic"):
            known[name] = tuple(known[name])
        point = Point(**known)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is no operating point; {again}") from None
    if of is not None and encoder != _hash(of):
        raise ValueError(f"{path} is of another encoder than the one beside it; {again}")
    return point


def _hash(of: Variables | str) -> str:
    return of if isinstance(of, str) else fingerprint(of)
