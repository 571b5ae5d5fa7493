"""The videos of a data set: which camera films whom."""

import math
from collections.abc import Sequence

from reid_jax.data.street.camera import draw_camera
from reid_jax.data.street.chance import between, generator
from reid_jax.data.street.person import draw_person
from reid_jax.data.street.video import Video
from reid_jax.data.street.walk import CENTRE, Station, draw_walker


class Films(Sequence):
    """Single-camera videos, made when they are asked for; item i is a `Video`, alike whatever else is asked for."""

    def __init__(self, place: tuple[str, int], count: int, frames: int, people: int, rate: float, size: tuple):
        self.place, self.count, self.frames, self.people = place, count, frames, people
        self.rate, self.size = rate, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Video:
        """Give the video of a number; below 0 counts from the end."""
        if not -self.count <= number < self.count:
            raise IndexError(f"video {number} of {self.count}")
        number = int(number) % self.count
        domain, seed = self.place
        name = domain, seed, "video", number
        # Another seed has other cameras: no two videos are by the same one.
        station = Station(draw_camera(domain, f"video {seed}", number), 0.0, 0.0, 0.0)
        return _video(name, number, station, self.people, self.frames, self.rate, self.size)


def _video(name, camera: int, station: Station, people: int, frames: int, rate: float, size: tuple[int, int]) -> Video:
    domain, seed, scene, number = name
    walkers = []
    for k in range(people):
        person = number * people + k + 1
        chance = generator("time", *name, k).random()
        looks = draw_person(domain, seed, scene, person)
        walkers.append(draw_walker(name, person, looks, (k + chance) / people * frames / rate))
    return Video(name, camera, station, tuple(walkers), frames, rate, tuple(size))


def film_pair(
    name: tuple[str, int, str, int], people: int, frames: int, rate: float, size: tuple[int, int]
) -> tuple[Video, Video]:
    """Make the two synchronised videos called `name` = (domain, seed, scene, pair), of one place."""
    domain, seed, _, pair = name
    rng = generator("stations", *name)
    yaw = (1 if rng.random() < 0.5 else -1) * between(rng, (0.7, 2.2))
    stations = ((0.0, 0.0, 0.0), (-CENTRE * math.sin(yaw), CENTRE * (1 - math.cos(yaw)), yaw))
    both = []
    for camera, at in enumerate(stations, start=2 * pair):
        station = Station(draw_camera(domain, f"pair {seed}", camera), *at)
        both.append(_video(name, camera, station, people, frames, rate, size))
    return both[0], both[1]
