"""Is a person found again after a gap? Tracks beside the truth, by the length of the gap."""

from typing import NamedTuple

from reid_jax.tracking import score
from reid_jax.tracking.mot import Rows

EDGES = (1, 2, 4, 8, 16, 32, 64, 128)  # frames; a bin ends where the next begins


class Gap(NamedTuple):
    """A gap in which a person had no track: hidden, out of the picture, or overlooked.

    Attributes:
        person: who.
        frame: the first frame with a track again.
        frames: of the video that are between, at least 1.
        before: the track before.
        after: the track after.
        owner: the person that `after` was of most often before `frame`; 0: it was nobody's.
    """

    person: int
    frame: int
    frames: int
    before: int
    after: int
    owner: int


class Bin(NamedTuple):
    """Gaps of `least` to `most` frames: how many, and what came after.

    Attributes:
        least: frames.
        most: frames, -1: any more.
        gaps: how many.
        found: the person got a number back that was the own one before.
        new: a number that nobody had.
        joined: another person's number: a false join.
    """

    least: int
    most: int
    gaps: int
    found: int
    new: int
    joined: int


def gaps(truth: Rows, tracks: Rows, every: int = 1) -> list[Gap]:
    """The gaps of all persons.

    Args:
        truth: the persons.
        tracks: what a tracker made of them.
        every: the frames' numbers go up by this.

    Returns:
        Gaps, by frame.
    """
    owners: dict[int, dict[int, int]] = {}
    last: dict[int, tuple[int, int]] = {}
    found = []
    for frame, person, track in score.pairs(truth, tracks).tolist():
        if person in last:
            then, before = last[person]
            between = (frame - then) // every - 1
            if between > 0:
                owned = owners.get(track, {})
                owner = max(owned, key=lambda one: owned[one]) if owned else 0
                found.append(Gap(person, frame, between, before, track, owner))
        last[person] = frame, track
        owned = owners.setdefault(track, {})
        owned[person] = owned.get(person, 0) + 1
    return found


def bins(found: list[Gap], edges: tuple[int, ...] = EDGES) -> list[Bin]:
    """The gaps by length; bins without any are left out."""
    result = []
    for place, least in enumerate(edges):
        most = edges[place + 1] - 1 if place + 1 < len(edges) else -1
        own = [one for one in found if one.frames >= least and (most < 0 or one.frames <= most)]
        back = sum(one.owner == one.person or one.after == one.before for one in own)
        new = sum(one.owner == 0 for one in own)
        if own:
            result.append(Bin(least, most, len(own), back, new, len(own) - back - new))
    return result
