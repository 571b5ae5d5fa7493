"""Frame pairs simulated from a labelled multi-camera set, for the setting in which videos are not to be had.

All pictures of a person by a camera are taken for one track; the two sets of a group of rows hold a picture each of as many
persons, of one track (as from one video) or of two (as from two cameras), and some of the second set are replaced by
strangers, so that a share tau of the first finds itself again.
"""

import numpy as np

from reid_jax.data.sample import in_turns
from reid_jax.types import Records


def simulated_pairs(
    records: Records,
    *,
    step: int,
    rng: np.random.Generator,
    groups: int = 2,
    persons: int = 32,
    iterations: int = 0,
    intra: float = 0.9,
    inter: float = 0.6,
    intra_spread: float = 0.0,
    inter_spread: float = 0.0,
) -> tuple[np.ndarray, dict[str, float]]:
    """Batches of groups in turns of one track and of two tracks of a person, (i32[t groups * 2 * persons], figures).

    Args:
        step: not looked at. groups: even.
        persons: in each set.
        iterations: batches, 0: as many as hold as many pictures as there are, rounded down, one at least.
        intra, inter: tau of the two kinds, in [0, 1]; 1 is symmetric. A set of n keeps round(tau n).
        intra_spread, inter_spread: if above 0, tau is drawn anew for each group of rows from a normal distribution with
            this standard deviation, truncated to (0, 1).

    Raises:
        ValueError: an odd number of groups, a tau out of its range, or too few persons for one of the kinds.

    Reference: Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", sections 5.2 and 5.4.3. It
        writes N(tau, 0.01), here taken for the variance: a spread of 0.1. How the kinds share a batch is not told there;
        here each has half of it and a loss of its own.
    """
    if groups < 2 or groups % 2:
        raise ValueError(f"half of the groups are of one track and half of two: --config.groups is even, not {groups}")
    rows = np.flatnonzero((records.person >= 1) & (records.camera >= 0))
    rows = rows[np.lexsort((records.camera[rows], records.person[rows]))]
    person, camera = records.person[rows], records.camera[rows]
    track = np.flatnonzero(np.diff(person, prepend=-1) | np.diff(camera, prepend=-1))
    length = np.diff(track, append=len(rows))
    iterations = iterations or max(1, len(rows) // (groups * 2 * persons))
    number = iterations * groups // 2
    sets = []
    for name, tau, spread in (("intra", intra, intra_spread), ("inter", inter, inter_spread)):
        if not 0 <= tau <= 1 or spread < 0:
            raise ValueError(f"{name} is a share of the persons, in [0, 1], not {tau}, and its spread not {spread}")
        able = np.flatnonzero(length > 1) if name == "intra" else np.arange(len(track))
        whose, start, tracks = np.unique(person[track[able]], return_index=True, return_counts=True)
        if name == "inter":
            whose, start, tracks = whose[tracks > 1], start[tracks > 1], tracks[tracks > 1]
        if len(whose) < persons:
            needs = "two pictures by one camera" if name == "intra" else "two cameras"
            raise ValueError(
                f"a set of {persons} persons and {len(whose)} with {needs}; choose --config.crops of at most {len(whose)}"
            )
        drawn = in_turns(len(whose), persons, number, rng)
        one, other = _two(tracks[drawn], rng)
        first, second = able[start[drawn] + one], able[start[drawn] + (one if name == "intra" else other)]
        mine, theirs = _two(length[first], rng)
        theirs = theirs if name == "intra" else (rng.random(second.shape) * length[second]).astype(np.int64)
        found = np.stack([rows[track[first] + mine], rows[track[second] + theirs]], axis=1)
        sets.append(_with_strangers(found, whose[drawn], rows, person, _shares(tau, spread, number, rng), rng))
    out = np.stack(sets, axis=1).reshape(iterations, groups * 2 * persons).astype(np.int32)
    return out, {"persons": float(len(np.unique(person)))}


def _two(number: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two different numbers below each of these; 0 and 1 where there is but one."""
    one = (rng.random(number.shape) * number).astype(np.int64)
    other = (rng.random(number.shape) * (number - 1)).astype(np.int64)
    return one, other + (other >= one)


def _shares(tau: float, spread: float, number: int, rng: np.random.Generator) -> np.ndarray:
    shares = np.full(number, tau, float)
    if spread:
        again = np.arange(number)
        while len(again):
            shares[again] = rng.normal(tau, spread, len(again))
            again = again[(shares[again] <= 0) | (shares[again] >= 1)]
    return shares


def _with_strangers(
    found: np.ndarray,
    whose: np.ndarray,
    rows: np.ndarray,
    person: np.ndarray,
    shares: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rows [g 2 n] of persons [g n], with some of the second set replaced by rows of persons that the group has not."""
    for group, (here, share) in enumerate(zip(whose, shares, strict=True)):
        lost = len(here) - round(share * len(here))
        if lost:
            strangers = rows[~np.isin(person, here)]
            if not len(strangers):
                raise ValueError(
                    f"a set holds all {len(here)} persons, and nobody is left to be a stranger in it; choose a smaller "
                    "--config.crops, or --config.intra=1 and --config.inter=1"
                )
            found[group, 1, rng.permutation(len(here))[:lost]] = rng.choice(strangers, lost)
    return found
