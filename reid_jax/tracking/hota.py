r"""HOTA: how well boxes are found and how well they are joined, in one number.

Luiten et al., arXiv 2009.07736. At each threshold alpha of the IoU, boxes are paired so that the
number of pairs, then how well their tracks fit as wholes, then the IoU is greatest, and

    DetA = TP / (TP + FN + FP)
    AssA = mean over the TP of TPA / (TPA + FNA + FPA)       HOTA = sqrt(DetA AssA)

where TPA of a pair are the pairs with its person and its track. The three are averaged over alpha =
0.05, 0.10, ..., 0.95. As in the authors' program, boxes are paired once for all alphas.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

ALPHAS = np.arange(1, 20) * 0.05
_TINY = np.finfo(float).eps


class Counts(NamedTuple):
    """What HOTA is made of, at each of the 19 alphas, f64[19]; those of videos are added.

    Attributes:
        tp: pairs.
        fn: boxes of persons that are in no pair.
        fp: boxes of tracks that are in no pair.
        joined: the sum over the pairs of TPA / (TPA + FNA + FPA).
    """

    tp: np.ndarray
    fn: np.ndarray
    fp: np.ndarray
    joined: np.ndarray


class Frame(NamedTuple):
    """A frame: i64[n] persons from 0, i64[m] tracks from 0, f64[n m] the IoU of their boxes."""

    person: np.ndarray
    track: np.ndarray
    overlap: np.ndarray


def count(frames: Sequence[Frame], persons: int, tracks: int) -> Counts:
    """Count over the frames of a video."""
    fit, seen, told = np.zeros((persons, tracks)), np.zeros((persons, 1)), np.zeros((1, tracks))
    for person, track, overlap in frames:
        whole = overlap.sum(0)[None] + overlap.sum(1)[:, None] - overlap
        share = np.where(whole > _TINY, overlap / np.maximum(whole, _TINY), 0)
        fit[np.ix_(person, track)] += share
        seen[person, 0] += 1
        told[0, track] += 1
    fit /= np.maximum(seen + told - fit, _TINY)
    pairs = np.zeros((len(ALPHAS), persons, tracks))
    for person, track, overlap in frames:
        row, column = linear_sum_assignment(-fit[np.ix_(person, track)] * overlap)
        near = overlap[row, column] >= ALPHAS[:, None] - _TINY
        pairs[:, person[row], track[column]] += near
    joined = (pairs * pairs / np.maximum(seen + told - pairs, 1)).sum((1, 2))
    tp = pairs.sum((1, 2))
    return Counts(tp, seen.sum() - tp, told.sum() - tp, joined)


def scores(counts: Counts) -> tuple[float, float, float]:
    """(HOTA, DetA, AssA) in [0, 1]."""
    det = counts.tp / np.maximum(counts.tp + counts.fn + counts.fp, 1)
    ass = counts.joined / np.maximum(counts.tp, 1)
    return float(np.sqrt(det * ass).mean()), float(det.mean()), float(ass.mean())
