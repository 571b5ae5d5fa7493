"""Frame pairs simulated from a labelled multi-camera data set, for want of videos.

All pictures of a person by one camera are taken as one track. A group of rows is two sets with one
picture each of the same persons: both pictures from one track (as from two frames of a video), or
from two tracks of the person (as from two cameras). Then some pictures of the second set are
replaced by those of other persons, so that a share tau of the first set has a match in the second.
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
    """Draw the batches of an epoch; groups of one track ("intra") and of two ("inter") alternate.

    Rows of an unknown person or camera and distractors are ignored.

    Args:
        records: the labelled data set.
        step: not used; the sampler has the form of `pairs.frame_pairs`.
        rng: the generator of all random numbers.
        groups: groups of rows in a batch, an even number.
        persons: persons in each of the two sets of a group.
        iterations: batches to draw. 0: the number of pictures that are not ignored, divided by
            the rows of a batch and rounded down, at least 1.
        intra: tau of the groups of one track, in [0, 1]; 1 is symmetric. Of a set of n persons
            round(tau * n) keep their match.
        inter: tau of the groups of two tracks.
        intra_spread: if above 0, `intra` is the mean of a normal distribution with this standard
            deviation, truncated to (0, 1), from which tau is drawn for each group.
        inter_spread: the same for `inter`.

    Returns:
        i32[t groups * 2 * persons], the rows of each batch, and figures to log.

    Raises:
        ValueError: `groups` is odd, a tau is out of range, or there are too few persons.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", sections
        5.2 and 5.4.3. N(tau, 0.01) there is read as a variance, a spread of 0.1. The paper does
        not say how the two kinds share a batch; here each has half of it and its own loss.
    """
    if groups < 2 or groups % 2:
        raise ValueError(
            f"half of the groups are of one track and half of two: `groups` is even, not {groups}"
        )
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
            raise ValueError(
                f"{name} is a share of the persons, in [0, 1], not {tau}, "
                f"and its spread not {spread}"
            )
        usable = np.flatnonzero(length > 1) if name == "intra" else np.arange(len(track))
        names, start, tracks = np.unique(
            person[track[usable]], return_index=True, return_counts=True
        )
        if name == "inter":
            names, start, tracks = names[tracks > 1], start[tracks > 1], tracks[tracks > 1]
        if len(names) < persons:
            needs = "two pictures by one camera" if name == "intra" else "two cameras"
            raise ValueError(
                f"a set of {persons} persons and {len(names)} with {needs}; "
                f"choose `persons` (the option `crops`) of at most {len(names)}"
            )
        drawn = in_turns(len(names), persons, number, rng)
        one, other = _two(tracks[drawn], rng)
        first = usable[start[drawn] + one]
        second = usable[start[drawn] + (one if name == "intra" else other)]
        mine, theirs = _two(length[first], rng)
        if name == "inter":
            theirs = (rng.random(second.shape) * length[second]).astype(np.int64)
        pair = np.stack([rows[track[first] + mine], rows[track[second] + theirs]], axis=1)
        shares = _shares(tau, spread, number, rng)
        sets.append(_with_strangers(pair, names[drawn], rows, person, shares, rng))
    out = np.stack(sets, axis=1).reshape(iterations, groups * 2 * persons).astype(np.int32)
    return out, {"persons": float(len(np.unique(person)))}


def _two(number: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two different integers below each `number`; where it is 1, they are 0 and 1."""
    one = (rng.random(number.shape) * number).astype(np.int64)
    other = (rng.random(number.shape) * (number - 1)).astype(np.int64)
    return one, other + (other >= one)


def _shares(tau: float, spread: float, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw tau for each of `number` groups, f64[number]."""
    shares = np.full(number, tau, float)
    if spread:
        again = np.arange(number)
        while len(again):
            shares[again] = rng.normal(tau, spread, len(again))
            again = again[(shares[again] <= 0) | (shares[again] >= 1)]
    return shares


def _with_strangers(
    pair: np.ndarray,
    names: np.ndarray,
    rows: np.ndarray,
    person: np.ndarray,
    shares: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Replace rows of the second sets by rows of persons outside the group, in place.

    pair: [g 2 n], the rows; names: [g n], their persons; rows, person: all rows and their persons;
    shares: [g], the share of each second set that is kept.
    """
    for group, (own, share) in enumerate(zip(names, shares, strict=True)):
        lost = len(own) - round(share * len(own))
        if lost:
            strangers = rows[~np.isin(person, own)]
            if not len(strangers):
                raise ValueError(
                    f"a set holds all {len(own)} persons, and nobody is left to be a stranger in "
                    "it; choose a smaller `persons` (the option `crops`), or `intra=1` and "
                    "`inter=1`"
                )
            pair[group, 1, rng.permutation(len(own))[:lost]] = rng.choice(strangers, lost)
    return pair
