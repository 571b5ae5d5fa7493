"""The synthetic street: people and cameras drawn from a seed, for every test and for every first try.

Nothing is stored and nothing is remembered: a picture is a function of its name, so any of them can be had on its own,
in any order and in any process. A person is a vector of proportions, hair, clothes, patterns and bags; a camera is a
vector of background, view, light and sensor; a domain (`DOMAINS`) is a distribution over both.
"""

from collections.abc import Sequence

import numpy as np

from reid_jax.data import records
from reid_jax.data.street.chance import generator
from reid_jax.data.street.domain import DOMAINS, find
from reid_jax.data.street.films import Films, film_pair
from reid_jax.data.street.pictures import Crops, VideoCrops
from reid_jax.data.street.video import TRUTH, Video
from reid_jax.types import Records

__all__ = ["DOMAINS", "TRUTH", "Crops", "Films", "Video", "VideoCrops", "camera_pair", "labelled", "query_gallery",
           "video_crops", "videos"]  # fmt: skip

APART = 100_000  # the persons of another seed, and of the test half, have other numbers

_SEEN = 0.7  # the share of the cameras that see a person
_SPLITS = ("train", "query", "gallery")


def _check(domain: str, seed: int, size: tuple[int, int], **counts: int) -> None:
    find(domain)
    if not 0 <= seed < 10_000:  # ids are i32, see APART
        raise ValueError(f"seed={seed}; give a whole number from 0 to 9999")
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size} is not (height, width) of at least 16 pixels each")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count}, but at least 1 is needed")


def _rows(place: tuple[str, int, str], persons: int, cameras: int, per_camera: int) -> np.ndarray:
    """Give (person, camera, shot) of every picture, i32[n 3]; a person is missing from some of the cameras."""
    order = generator("seen", *place).random((persons, cameras))
    rank = order.argsort(1).argsort(1)
    seen = (order < _SEEN) | (rank < min(2, cameras))
    person, camera = np.nonzero(seen)
    rows = np.stack([np.repeat(person + 1, per_camera), np.repeat(camera, per_camera)], 1)
    shot = np.tile(np.arange(per_camera), len(person))
    return np.concatenate([rows, shot[:, None]], 1).astype(np.int32)


def _numbers(place: tuple[str, int, str], person: np.ndarray) -> np.ndarray:
    return person + APART * (2 * place[1] + (place[2] == "test"))


def labelled(
    *,
    domain: str = "plaza",
    persons: int = 200,
    cameras: int = 6,
    per_camera: int = 4,
    seed: int = 0,
    split: str = "train",
    size: tuple[int, int] = (128, 64),
) -> Records:
    """Make a multi-camera set with known identities.

    Looks depend on (domain, seed, split, person): "train" has other people than "query" and "gallery", another seed
    others again. Ids are 1..persons, plus APART * (2 * seed, and 1 for the test half), so that sets can be joined.
    Cameras depend on the domain alone: training and test of a domain share them, two domains do not.

    Args:
        domain: a name in `DOMAINS`.
        persons: how many identities.
        cameras: how many cameras; a person is seen by about 7 in 10 of them, by two at least if there are two.
        per_camera: pictures of a person by each camera that sees it.
        seed: of people and passages, at least 0.
        split: "train", "query" or "gallery", the split of every row.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by person, camera and shot; domain 0, group -1; images are made when they are asked for.

    Raises:
        ValueError: an unknown domain or split, a seed out of range, a count below 1, or a size below 16 pixels.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras, per_camera=per_camera)
    if split not in _SPLITS:
        raise ValueError(f"split={split!r} is none of {', '.join(_SPLITS)}")
    place = domain, seed, "train" if split == "train" else "test"
    columns = _rows(place, persons, cameras, per_camera)
    image = Crops(place, columns, np.zeros(len(columns), bool), tuple(size))
    return records.make(image, _numbers(place, columns[:, 0]), columns[:, 1].copy(), split=split)


def query_gallery(
    *,
    domain: str = "plaza",
    persons: int = 100,
    cameras: int = 6,
    per_camera: int = 4,
    seed: int = 0,
    distractors: int = 100,
    size: tuple[int, int] = (128, 64),
) -> Records:
    """Make a test set as Market-1501's is built: one query for each person and camera, the rest is gallery.

    Args:
        domain: a name in `DOMAINS`.
        persons: how many identities, none of them in `labelled(split="train")`.
        cameras: how many cameras, the same as those of `labelled`.
        per_camera: pictures of a person by each camera that sees it, at least 2.
        seed: of people and passages, at least 0.
        distractors: gallery pictures of person 0, half of them passers-by, half mistakes of a detector.
        size: (height, width) of a picture in pixels.

    Returns:
        Records with split "query" (shot 0) and "gallery", distractors last; domain 0, group -1.

    Raises:
        ValueError: as `labelled`, or per_camera below 2, or distractors below 0.
    """
    _check(domain, seed, size, persons=persons, cameras=cameras)
    if per_camera < 2:
        raise ValueError(f"per_camera={per_camera}, but a query and a gallery picture are needed; give at least 2")
    if distractors < 0:
        raise ValueError(f"distractors={distractors} is negative; give 0 for none")
    place = domain, seed, "test"
    columns = _rows(place, persons, cameras, per_camera)
    number = np.arange(distractors)
    more = np.stack([number, number % cameras, np.zeros_like(number)], 1)
    stray = np.arange(len(columns) + distractors) >= len(columns)
    columns = np.concatenate([columns, more]).astype(np.int32)
    person = np.where(stray, 0, _numbers(place, columns[:, 0]))
    split = np.where((columns[:, 2] == 0) & ~stray, "query", "gallery")
    return records.make(Crops(place, columns, stray, tuple(size)), person, columns[:, 1].copy(), split=split)


def videos(
    *,
    domain: str = "plaza",
    videos: int = 8,
    frames: int = 60,
    people: int = 6,
    seed: int = 0,
    rate: float = 10.0,
    size: tuple[int, int] = (360, 480),
) -> Films:
    """Make single-camera videos of walking people who enter, leave, overlap and hide each other.

    Args:
        domain: a name in `DOMAINS`.
        videos: how many, each by a camera and with people of its own.
        frames: of each video.
        people: who pass in each video; those of video i have the ids i * people + 1 to (i + 1) * people.
        seed: of people, cameras and paths, at least 0.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        A lazy, picklable sequence of `Video`, whose frames are rendered one by one and whose `truth` says who is where.

    Raises:
        ValueError: an unknown domain, a seed out of range, a count or rate that is not positive, a size below 16 pixels.
    """
    _check(domain, seed, size, videos=videos, frames=frames, people=people)
    if not rate > 0:
        raise ValueError(f"rate={rate} frames a second; give a positive number")
    return Films((domain, seed), videos, frames, people, float(rate), tuple(size))


def camera_pair(
    *,
    domain: str = "plaza",
    frames: int = 60,
    people: int = 6,
    seed: int = 0,
    pair: int = 0,
    rate: float = 10.0,
    size: tuple[int, int] = (360, 480),
) -> tuple[Video, Video]:
    """Make two synchronised videos of the same people by cameras that look at one place from two sides.

    Frame i of both is the same moment, and the same id is the same person; someone may be in one view only.

    Args:
        domain: a name in `DOMAINS`.
        frames: of each video.
        people: who pass; ids are pair * people + 1 to (pair + 1) * people.
        seed: of people, cameras and paths, at least 0.
        pair: the number of the pair; another one has other people, cameras and paths.
        rate: frames a second.
        size: (height, width) of a frame in pixels.

    Returns:
        The two videos, with cameras 2 * pair and 2 * pair + 1, and `pair` as the group of both.

    Raises:
        ValueError: as `videos`, or a negative pair.
    """
    _check(domain, seed, size, frames=frames, people=people)
    if pair < 0 or not rate > 0:
        raise ValueError(f"pair={pair} and rate={rate}: pair counts from 0, rate is positive")
    return film_pair((domain, seed, "pair", pair), people, frames, float(rate), tuple(size))


def video_crops(
    films: Sequence[Video], *, stride: int = 1, visible: float = 0.3, size: tuple[int, int] = (128, 64)
) -> Records:
    """Cut the people out of videos, by the true boxes.

    Args:
        films: what `videos` or `camera_pair` gave.
        stride: take each `stride`-th frame.
        visible: take boxes of which at least this share of the figure is seen.
        size: (height, width) of a picture in pixels.

    Returns:
        Records sorted by video, frame and person: person the truth, camera, group and frame the video's, one shot (0) each,
        domain 1, split "train".

    Raises:
        ValueError: stride below 1, or no box is visible enough.
    """
    if stride < 1:
        raise ValueError(f"stride={stride}, but at least 1 is needed")
    kept = []
    for which, video in enumerate(films):
        truth = video.truth_every(stride)
        truth = truth[truth["visible"] >= visible]
        kept.append((np.full(len(truth), which, np.int32), truth))
    which, truth = np.concatenate([w for w, _ in kept]), np.concatenate([t for _, t in kept])
    if not len(truth):
        raise ValueError(f"no box of {len(films)} videos has visible >= {visible}; give more frames or a lower share")
    corners = np.stack([truth["x"], truth["y"], truth["x"] + truth["w"], truth["y"] + truth["h"]], 1)
    camera, group = np.array([(video.camera, video.group) for video in films])[which].T
    image = VideoCrops(films, which, truth["frame"].copy(), corners, size)
    return records.make(
        image, truth["person"].copy(), camera, domain=1, group=group, frame=truth["frame"].copy(), shot=0
    )
