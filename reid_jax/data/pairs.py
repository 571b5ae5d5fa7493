"""Sampler of frame pairs for cycle association: two sets of person pictures, without identities.

A batch is one or several groups of rows, each of two sets of `crops` places, -1 where empty. An
epoch is a matrix i32[t groups * 2 * crops], drawn without a Python list of all pictures.

A video is a group of Records (`Records.group`) with one camera, a scene one with several. A clip
is a shot (`Records.shot`) of a video or scene, or a part of a shot.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from reid_jax.data.sample import in_turns
from reid_jax.types import Records


class Count(NamedTuple):
    """How many videos, scenes and clips there are to draw from.

    Attributes:
        videos: with a frame pair.
        scenes: with a frame pair.
        idle: videos and scenes without one.
        video_clips: clips of videos, with a frame pair.
        scene_clips: clips of scenes, with a frame pair.
    """

    videos: int
    scenes: int
    idle: int
    video_clips: int
    scene_clips: int


class _Frames(NamedTuple):
    """The frames that have pictures, sorted by group, shot, camera and frame number."""

    group: np.ndarray  # i32[f], the video or scene
    clip: np.ndarray  # i64[f]
    camera: np.ndarray  # i32[f]
    frame: np.ndarray  # i32[f], the number in the video
    first: np.ndarray  # i64[f]; the pictures of a frame are rows[first : first + size]
    size: np.ndarray  # i64[f]


class _Choices(NamedTuple):
    """The possible frame pairs of all videos, or of all scenes, sorted by clip and time."""

    low: np.ndarray  # i64[p]; place p makes a pair with any other place of low[p] : high[p]
    high: np.ndarray  # i64[p]
    usable: np.ndarray  # i64[u], the places that have a partner
    start: np.ndarray  # i64[c]; the places of clip c are usable[start : start + size]
    size: np.ndarray  # i64[c]
    order: np.ndarray  # i64[p], the frame at each place, an index into `_Frames`
    video: np.ndarray  # i32[c], the video or scene of each clip


def count(records: Records, *, interval: int = 30, clip: int = 0) -> Count:
    """Count the videos, scenes and clips that `frame_pairs` draws from with the same options.

    Raises:
        ValueError: no picture has a known video and frame, or no two frames make a pair.
    """
    return _index(records, interval, clip)[-1]


def steps(
    counts: Count, *, scenes: bool = True, groups: int = 1, pairs: int = 16, times: int = 16
) -> int:
    """Compute how many batches draw each clip `times` times, rounded down, at least 1.

    Without `scenes` only the clips of videos are drawn. For the options see `frame_pairs`.
    """
    videos = counts.videos + scenes * counts.scenes
    clips = counts.video_clips + scenes * counts.scene_clips
    return max(1, times * clips // (min(pairs, videos) * groups))


def frame_pairs(
    records: Records,
    *,
    step: int,
    rng: Generator,
    groups: int = 1,
    pairs: int = 16,
    crops: int = 40,
    interval: int = 30,
    times: int = 16,
    early: int = 0,
    clip: int = 0,
    scene_share: float = 0.0,
) -> tuple[np.ndarray, dict[str, float]]:
    """Draw the frame pairs of an epoch.

    A clip of a video gives pairs of two of its frames, up to `interval` apart. A clip of a scene
    gives pairs of the same frame by two of its cameras. A clip without a pair is ignored.

    A group of rows takes one pair each of `pairs` clips of different videos or scenes (of fewer
    where there are fewer): a second pair of a video would show the same persons as negatives.
    Where a video has too many of all clips for this, some of its clips are left out.

    The two sets of a group take the pictures of the first and of the second frames. Pairs are
    added while both sets have room. Of the first pair that does not fit, random pictures are left
    out, and the pairs after it are dropped. So most persons lose both of their pictures or none.

    Args:
        records: the data set.
        step: steps trained before this epoch.
        rng: the generator of all random numbers.
        groups: groups of rows in a batch.
        pairs: frame pairs in a group.
        crops: places in each of the two sets of a group.
        interval: largest distance of two frames of a video, in the unit of `Records.frame`.
        times: how often each clip is drawn in an epoch.
        early: the number of first epochs that draw videos only, no scenes.
        clip: the longest span of a clip in frames; longer shots are cut. 0: shots stay whole.
        scene_share: share of the scenes in the pairs of an epoch that has videos and scenes, in
            [0, 1]; a group has no more such pairs than there are scenes. 0: their share of clips.

    Returns:
        i32[t groups * 2 * crops], the rows of each batch, -1 for an empty place; figures to log.

    Raises:
        ValueError: as `count`; an option is out of range; `early` without videos of one camera.

    Reference:
        Wang et al., "Generalizable Re-Identification from Videos with Cycle Association", sections
        4 and 5.1.1. It states neither the interval nor what is left out of a full set. An epoch
        draws each video 16 times, and the last five epochs draw scenes too. Literally, 25 scenes
        beside 74,000 clips give 0.03 % of the pairs (2,000 of 5.9 million in five epochs), too few
        to matter. But in figure 8 scenes, 20 to 50 % of all pictures there, help more than as many
        pictures of videos. So they must have been drawn more often; how often is not stated.
    """
    if not 0 <= scene_share <= 1 or clip < 0:
        raise ValueError(f"scene_share={scene_share} is not in [0, 1], or clip={clip} is negative")
    rows, frames, videos, scenes, counts = _index(records, interval, clip)
    length = {"groups": groups, "pairs": pairs, "times": times}
    if early and not counts.videos:
        raise ValueError("there is no video of one camera to begin with; choose `early=0`")
    late = not early or step >= early * steps(counts, scenes=False, **length)
    kinds = [videos, scenes] if late else [videos]
    video = np.concatenate([kind.video for kind in kinds])
    total = counts.videos + late * counts.scenes
    shape = groups * steps(counts, scenes=late, **length), min(pairs, total)
    if scene_share and late and counts.videos and counts.scenes:
        number = min(round(scene_share * shape[0] * shape[1]), shape[0] * counts.scenes)
        parts = [(videos.video, shape[0] * shape[1] - number), (scenes.video, number)]
        drawn = _dealt(parts, shape, rng)
    elif len(video) > total:
        drawn = _dealt([(video, shape[0] * shape[1])], shape, rng)
    else:
        drawn = in_turns(total, shape[1], shape[0], rng)
    one, other, first = np.full(drawn.shape, -1), np.full(drawn.shape, -1), 0
    for kind in kinds:
        mine = (drawn >= first) & (drawn < first + len(kind.start))
        one[mine], other[mine] = _draw(kind, drawn[mine] - first, rng)
        first += len(kind.start)
    out, kept = _fill(rows, frames, one, other, crops, rng)
    figures = {
        "videos": float(total),
        "clips": float(len(video)),
        "idle_videos": float(counts.idle),
        "scene_share": (drawn >= counts.video_clips).sum() / (drawn >= 0).sum(),
        "pairs": kept,
        "crops": (out >= 0).sum() / len(out) / 2,
    }
    return out.reshape(-1, groups * 2 * crops), figures


def _index(
    records: Records, interval: int, length: int
) -> tuple[np.ndarray, _Frames, _Choices, _Choices, Count]:
    """Sort the pictures by frame: (rows, frames, pairs of videos, pairs of scenes, counts)."""
    known = np.flatnonzero((records.group >= 0) & (records.frame >= 0))
    if not len(known):
        raise ValueError(
            "no picture has a known video and frame; a CSV has the columns group and frame for them"
        )
    keys = records.group, records.shot, records.camera, records.frame
    columns = [column[known] for column in keys]
    order = np.lexsort(columns[::-1])
    rows, columns = known[order].astype(np.int32), [column[order] for column in columns]
    first = _starts(*columns)
    group, shot, camera, frame = (column[first] for column in columns)
    clip, size = _clips(group, shot, frame, length), np.diff(first, append=len(rows))
    frames = _Frames(group, clip, camera, frame, first, size)
    start = _starts(group)
    several = np.minimum.reduceat(camera, start) < np.maximum.reduceat(camera, start)
    several = np.repeat(several, np.diff(start, append=len(group)))
    videos = _choices(frames, np.flatnonzero(~several), interval)
    place = np.flatnonzero(several)
    scenes = _choices(frames, place[np.lexsort((frame[place], clip[place]))], 0)
    usable = len(np.unique(videos.video)), len(np.unique(scenes.video))
    if not sum(usable):
        raise ValueError(
            f"none of {len(start)} videos has two frames at most {interval} apart; "
            "choose a larger `interval`, or take more of the frames"
        )
    clips = len(videos.video), len(scenes.video)
    return rows, frames, videos, scenes, Count(*usable, len(start) - sum(usable), *clips)


def _clips(group: np.ndarray, shot: np.ndarray, frame: np.ndarray, length: int) -> np.ndarray:
    """Number the clips, i64[f]: shots, or their parts of `length` frames from the first one on."""
    whole = np.cumsum(_changes(group, shot)) - 1
    if not length:
        return whole
    part = (frame - np.minimum.reduceat(frame, _starts(whole))[whole]) // length
    return whole * (part.max() + 1) + part


def _choices(frames: _Frames, order: np.ndarray, reach: int) -> _Choices:
    """Pair each frame of `order`, sorted by clip and time, with those up to `reach` from it."""
    clip, frame = np.cumsum(_changes(frames.clip[order])), frames.frame[order].astype(np.int64)
    at = clip * (frame.max(initial=0) + reach + 1) + frame
    low, high = np.searchsorted(at, at - reach), np.searchsorted(at, at + reach, "right")
    usable = np.flatnonzero(high - low > 1)
    _, start, size = np.unique(clip[usable], return_index=True, return_counts=True)
    return _Choices(low, high, usable, start, size, order, frames.group[order[usable[start]]])


def _dealt(
    kinds: list[tuple[np.ndarray, int]], shape: tuple[int, int], rng: Generator
) -> np.ndarray:
    """Deal clips to rows, i64[n p] with -1 for an empty place, no video twice in a row.

    kinds: the video of each clip of a kind, and how many of these clips to draw: all equally
    often, but no video more often than there are rows. The drawn clips, sorted by kind and video,
    are dealt in rounds, one to each row, in a new random order of the rows each round. A video
    that continues into the next round is dealt first to the rows that do not have it.
    """
    clips: list[np.ndarray] = []
    videos: list[np.ndarray] = []
    rows, first = shape[0], 0
    for video, number in kinds:
        whole = np.tile(np.arange(len(video)), number // len(video))
        more = rng.choice(len(video), number % len(video), replace=False)
        clip = rng.permutation(np.concatenate([whole, more]))
        names, inverse = np.unique(video, return_inverse=True)
        clip = clip[np.argsort(rng.permutation(len(names))[inverse][clip], kind="stable")]
        start = _starts(video[clip])
        nth = np.arange(len(clip)) - np.repeat(start, np.diff(start, append=len(clip)))
        clips.append(first + clip[nth < rows])
        videos.append(video[clip[nth < rows]])
        first += len(video)
    queue = np.full((2, shape[1] * rows), -1)
    queue[:, : sum(map(len, clips))] = np.concatenate(clips), np.concatenate(videos)
    out, has = np.empty(shape, np.int64), np.zeros(rows, bool)
    for place, (clip, video) in enumerate(queue.reshape(2, shape[1], rows).swapaxes(0, 1)):
        turn = rng.permutation(rows)
        turn = turn[np.argsort(has[turn], kind="stable")]
        out[turn, place] = clip
        has[turn] = video == video[-1]
    return rng.permuted(out, axis=1)


def _draw(kind: _Choices, clip: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a frame of each clip, and a second one that makes a pair with it."""
    one = kind.usable[kind.start[clip] + _any_of(kind.size[clip], rng)]
    other = kind.low[one] + _any_of(kind.high[one] - kind.low[one] - 1, rng)
    return kind.order[one], kind.order[other + (other >= one)]


def _fill(
    rows: np.ndarray, frames: _Frames, one: np.ndarray, two: np.ndarray, crops: int, rng: Generator
) -> tuple[np.ndarray, float]:
    """Put frame pairs (one, two), i64[n p], into sets: (i32[n 2 crops], mean pairs that fit)."""
    sides = [(frame, np.where(frame >= 0, frames.size[frame], 0)) for frame in (one, two)]
    ahead = [np.cumsum(size, axis=1) - size for _, size in sides]
    pair = np.flatnonzero((one >= 0) & (ahead[0] < crops) & (ahead[1] < crops))
    out = np.full((len(one), 2, crops), -1, np.int32)
    for side, (frame, size) in enumerate(sides):
        size = size.reshape(-1)[pair]
        pair_of = np.repeat(pair, size)
        nth = np.arange(len(pair_of)) - np.repeat(np.cumsum(size) - size, size)
        shuffled = np.lexsort((rng.random(len(pair_of)), pair_of))
        row = rows[frames.first[frame.reshape(-1)[pair_of]] + nth][shuffled]
        place = ahead[side].reshape(-1)[pair_of] + nth
        kept = place < crops
        out[pair_of[kept] // one.shape[1], side, place[kept]] = row[kept]
    return out, len(pair) / len(one)


def _any_of(number: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw an integer below each `number`."""
    return (rng.random(number.shape) * number).astype(np.int64)


def _changes(*columns: np.ndarray) -> np.ndarray:
    """Mark with 1 the rows that differ from the row before, and the first one; i64[n]."""
    change = np.ones(len(columns[0]), np.int64)
    if len(change):
        change[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return change


def _starts(*columns: np.ndarray) -> np.ndarray:
    return np.flatnonzero(_changes(*columns))
