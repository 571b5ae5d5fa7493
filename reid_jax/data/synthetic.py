"""The synthetic street: people, cameras and videos with ground truth, drawn when they are asked for.

It is what everything runs on with nothing downloaded. Any picture can be drawn by itself, in any process, in any order:
it is a function of its names (domain, seed, person, camera, number).
"""

import numpy as np

from reid_jax.data import records
from reid_jax.data.street.chance import generator
from reid_jax.data.street.crop import render
from reid_jax.data.street.domain import DOMAINS, find
from reid_jax.data.street.video import Video, draw_pair, draw_video
from reid_jax.types import Records

SIZE = (128, 64)  # (height, width) of a crop
APART = 100_000  # persons of another seed have other numbers

__all__ = ["DOMAINS", "Crops", "VideoCrops", "camera_pair", "labelled", "query_gallery", "video_crops", "videos"]


class Crops:
    """Crops drawn on demand. who: i32[n 3], person, camera and take of each row."""

    def __init__(self, domain: str, seed: int, pool: str, who: np.ndarray, size: tuple[int, int]):
        self.domain, self.seed, self.pool, self.who, self.size = domain, seed, pool, who, size

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, row: int) -> np.ndarray:
        return render(self.domain, self.seed, self.pool, *self.who[row].tolist(), self.size)

    def take(self, rows: np.ndarray) -> "Crops":
        """The given rows, in order."""
        return Crops(self.domain, self.seed, self.pool, self.who[rows], self.size)


class VideoCrops:
    """Crops of people in videos. where: i32[n 2], the video and the row of its truth."""

    def __init__(self, films: list[Video], where: np.ndarray):
        self.films, self.where = films, where

    def __len__(self) -> int:
        return len(self.where)

    def __getitem__(self, row: int) -> np.ndarray:
        film, line = self.films[self.where[row, 0]], self.where[row, 1]
        box = film.truth[line]
        frame = film.frame(int(box["frame"]))
        return frame[box["y"] : box["y"] + box["h"], box["x"] : box["x"] + box["w"]]

    def take(self, rows: np.ndarray) -> "VideoCrops":
        """The given rows, in order."""
        return VideoCrops(self.films, self.where[rows])


def labelled(
    *, domain: str = "plaza", persons: int = 200, cameras: int = 6, per_camera: int = 4, seed: int = 0,
    split: str = "train", size: tuple[int, int] = SIZE,
) -> Records:  # fmt: skip
    """A multi-camera labelled set.

    Args:
        domain: a name in DOMAINS; one domain's cameras are the same in every set.
        persons: how many; another seed has other people, with other numbers. A person is seen by some of the cameras,
            by two at the least where there are two.
        per_camera: pictures of a person in a camera that sees it.
        size: (height, width) of a picture, made for 2:1.

    Returns:
        Records of about 0.8 * persons * cameras * per_camera rows, pictures drawn on demand.

    Raises:
        ValueError: a domain that is not known, or a count below 1.
    """
    find(domain)
    _check(persons=persons, cameras=cameras, per_camera=per_camera)
    who = []
    for person in range(1, persons + 1):
        for camera in _seen_by(domain, seed, person, cameras):
            who += [(person, camera, take) for take in range(per_camera)]
    who = np.array(who, np.int32)
    return records.make(Crops(domain, seed, "people", who, size), who[:, 0] + APART * seed, who[:, 1], split=split)


def query_gallery(
    *, domain: str = "plaza", persons: int = 100, cameras: int = 6, per_camera: int = 4, seed: int = 1,
    distractors: int = 0, size: tuple[int, int] = SIZE,
) -> Records:  # fmt: skip
    """A test set: the first picture of each person and camera is a query, the rest the gallery.

    Args: as `labelled`; distractors: pictures of other people that the gallery holds besides, as person 0.
    Raises: ValueError as `labelled`; per_camera of at least 2 or no gallery is left.
    """
    _check(per_camera=per_camera - 1)
    shown = labelled(
        domain=domain, persons=persons, cameras=cameras, per_camera=per_camera, seed=seed, split="gallery", size=size
    )
    shown = shown._replace(split=np.where(shown.image.who[:, 2] == 0, "query", "gallery").astype("<U7"))
    if not distractors:
        return shown
    who = np.stack([np.arange(1, distractors + 1), np.arange(distractors) % cameras, np.zeros(distractors, int)], 1)
    others = Crops(domain, seed, "distractors", who.astype(np.int32), size)
    return records.concat([shown, records.make(others, 0, who[:, 1], split="gallery")])


def videos(
    *, domain: str = "plaza", videos: int = 4, frames: int = 100, people: int = 8, seed: int = 0,
    size: tuple[int, int] = (360, 480),
) -> list[Video]:  # fmt: skip
    """Videos of single cameras: people walk, enter, leave, overlap and hide one another.

    Args: videos, how many; frames of each; people in each; size (height, width) of a frame.
    Returns: Videos, see street/video.py; frames are drawn on demand, `truth` holds boxes and identities.
    Raises: ValueError: a domain that is not known, or a count below 1.
    """
    find(domain)
    _check(videos=videos, frames=frames, people=people)
    return [draw_video(domain, seed, number, frames, people, size) for number in range(videos)]


def camera_pair(
    *, domain: str = "plaza", frames: int = 100, people: int = 8, seed: int = 0, size: tuple[int, int] = (360, 480)
) -> tuple[Video, Video]:
    """Two synchronised videos of one place from two sides: frame i of both shows the same moment and the same people.

    A person may be in one of the views only. Args and Raises: as `videos`.
    """
    find(domain)
    _check(frames=frames, people=people)
    return draw_pair(domain, seed, frames, people, size)


def video_crops(films: list[Video], *, visible: float = 0.3, stride: int = 1) -> Records:
    """The people of some videos as Records: group and camera are the video, the domain is 1, person is the truth.

    Args: visible, the share of a person that must be seen; stride, take every so many frames.
    """
    where, person = [], []
    for number, film in enumerate(films):
        lines = np.flatnonzero((film.truth["visible"] >= visible) & (film.truth["frame"] % stride == 0))
        where.append(np.stack([np.full(len(lines), number), lines], 1))
        person.append(film.truth["person"][lines])
    where = np.concatenate(where).astype(np.int32)
    return records.make(VideoCrops(films, where), np.concatenate(person), where[:, 0], domain=1, group=where[:, 0])


def _seen_by(domain: str, seed: int, person: int, cameras: int) -> list[int]:
    """The cameras that see a person: each with probability 0.8, two at the least where there are two."""
    rng = generator("seen", domain, seed, person)
    chance = rng.random(cameras)
    least = np.sort(chance)[min(2, cameras) - 1]
    return np.flatnonzero(chance <= max(0.8, least)).tolist()


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
