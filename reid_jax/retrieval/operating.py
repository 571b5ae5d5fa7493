"""Which cosine means "the same person": error rates by threshold, and the threshold for a rate.

A pair of a query and a gallery picture is accepted where its cosine is at least the threshold. The
false match rate (FMR) is the share of accepted pairs of different persons, the false non-match rate
(FNMR) that of refused pairs of one person. Pairs are counted in bins of the cosine, BINS of equal
width from -1 to 1, so a threshold is exact to 2 / BINS.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from reid_jax.clustering import products
from reid_jax.clustering.workers import kernel, map_rows
from reid_jax.retrieval.counting import SPACES, stream
from reid_jax.retrieval.ranking import of_all
from reid_jax.retrieval.sides import Sides, check
from reid_jax.retrieval.tally import BINS, EDGES, SPREAD, Tally, above, bins, first

ROWS = 1024  # queries of a block, whose counts are held by bin


class Curves(NamedTuple):
    """What `curves` counts of the pairs of query and gallery.

    Attributes:
        same: pairs of one person, by other cameras unless `same_camera`.
        other: pairs of different persons.
        own: f32[n], the best cosine of each query with its person; NaN: none.
        stranger: f32[n], the best with any other; NaN for queries that do not count.
    """

    same: Tally
    other: Tally
    own: np.ndarray
    stranger: np.ndarray

    @property
    def fmr(self) -> np.ndarray:
        """f64[BINS + 1], the false match rate at each of EDGES."""
        return self.other.reached()

    @property
    def fnmr(self) -> np.ndarray:
        """f64[BINS + 1], the false non-match rate at each of EDGES."""
        return 1 - self.same.reached()

    @property
    def eer(self) -> float:
        """The equal error rate: the mean of both where they are nearest to each other."""
        least = np.abs(self.fmr - self.fnmr).argmin()
        return float((self.fmr[least] + self.fnmr[least]) / 2)

    def tpr(self, fpr: float) -> tuple[float, float, float]:
        """The true match rate, 1 - FNMR, at a false match rate, and the bounds of its interval."""
        at = np.searchsorted(EDGES, self.other.threshold(fpr)[0])
        drawn = [
            above(same)[np.searchsorted(EDGES, first(above(other), fpr))]
            for same, other in zip(self.same.drawn, self.other.drawn, strict=True)
            if same.any() and other.any()
        ]
        low, high = np.percentile(drawn, SPREAD)
        return float(self.same.reached()[at]), float(low), float(high)

    def identified(self, fpir: float) -> float:
        """Detection and identification rate at rank 1, at a false positive identification rate.

        Each query with a match in the gallery is tried twice: with its person there, where it is
        identified if the nearest picture is its person's and reaches the threshold; and without,
        where it is a false positive if any picture does. Other queries are tried without only.
        """
        stranger = np.sort(self.stranger[~np.isnan(self.stranger)])[::-1]
        bar = np.append(stranger, -np.inf)[int(fpir * len(stranger))]
        mated = ~np.isnan(self.own)
        return float(np.mean((self.own > np.fmax(self.stranger, bar))[mated]))


def curves(
    query: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    query_person: Int[np.ndarray, " n"],
    gallery_person: Int[np.ndarray, " m"],
    query_camera: Int[np.ndarray, " n"],
    gallery_camera: Int[np.ndarray, " m"],
    same_camera: bool = False,
) -> Curves:
    """Count the pairs of query and gallery by cosine; junk of the ranking is in no pair.

    The time is that of the products, and the memory that of blocks of them. The bootstrap draws
    the query's persons. With several processes, all must call this together.

    Args:
        query: f32[n d].
        gallery: f32[m d], of the same encoder.
        query_person: i32[n]; below 1: the query does not count.
        gallery_person: i32[m]; 0: a distractor, another person than any; -1: does not count.
        query_camera: i32[n], -1: unknown.
        gallery_camera: i32[m], -1: unknown.
        same_camera: count pairs of a person by one camera too.

    Returns:
        Curves.

    Raises:
        ValueError: as `ranking.rank`, or there is no pair of one person or none of two.

    Reference:
        ISO/IEC 19795-1 (false match and non-match rates); Grother and Ngan, Face Recognition Vendor
        Test, NIST IR 8009 (open-set identification).

    Departs from the paper:
        a query is its own trial without its person (`Curves.identified`), since test sets of
        retrieval have few queries of strangers.
    """
    columns = (query_person, gallery_person, query_camera, gallery_camera)
    sides = check(query, gallery, columns, "cosine", same_camera)
    known = sides.query_person
    persons = np.unique(known[known >= 1])
    best = np.full((2, len(query)), -np.inf, np.float32)
    same, other = Tally(len(persons)), Tally(len(persons))
    for rows, own, strangers in _counted(sides, best):
        who = np.searchsorted(persons, known[rows])
        same.add(who, own)
        other.add(who, strangers)
    same.gather()
    other.gather()
    if not same.pairs or not other.pairs:
        what = "different persons" if same.pairs else "one person by two cameras"
        raise ValueError(f"query and gallery have no pair of {what}; a threshold needs both")
    total = of_all(np.where(np.isinf(best), 0, best).astype(np.float64))
    reached = of_all((~np.isinf(best)).astype(np.float64)) > 0
    own, stranger = np.where(reached, total, np.nan).astype(np.float32)
    return Curves(same, other, own, stranger)


def _counted(sides: Sides, best: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield blocks of queries and their counts i64[k bins] of both kinds of pairs; fill `best`."""
    rows = np.flatnonzero(sides.query_person >= 1)
    rows = rows[np.argsort(sides.query_person[rows], kind="stable")]
    rows = np.array_split(rows, jax.process_count())[jax.process_index()]
    pieces = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
    size = products.even(max(1, len(sides.entering)), products.TILE)
    order = [range(0, len(sides.entering), size)] * len(pieces)
    for piece, tiles in stream(sides, SPACES["cosine"], pieces, order, size):
        row, column, junk = sides.pairs(piece)
        row, column = row[~junk], column[~junk]
        counts = np.zeros((2, len(piece), BINS), np.int32)
        spans = np.stack(sides.spans(piece), 1)
        stranger = np.full(len(piece), -np.inf, np.float32)
        for begin, tile in tiles:
            width = min(tile.shape[1], len(sides.entering) - begin)
            map_rows(_tally, len(piece), tile, begin, width, spans, counts[1], stranger)
            here = np.flatnonzero((column >= begin) & (column < begin + width))
            cosine = 1 - tile[row[here], column[here] - begin]
            np.add.at(counts[0], (row[here], bins(cosine)), 1)
            np.maximum.at(best[0], piece[row[here]], cosine)
        best[1, piece] = stranger
        yield piece, counts[0], counts[1]


@kernel
def _tally(start, stop, tile, first, width, spans, counts, best):
    """Count the pairs of different persons of a tile of cosine distances, and find the best."""
    for r in range(start, stop):
        begin, end = spans[r]
        for c in range(width):
            if begin <= first + c < end:
                continue
            cosine = np.float32(1) - tile[r, c]
            best[r] = max(best[r], cosine)
            at = int((cosine + np.float32(1)) * np.float32(BINS / 2))
            counts[r, min(max(at, 0), BINS - 1)] += 1
