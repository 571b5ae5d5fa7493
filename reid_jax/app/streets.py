"""The synthetic street as sources: persons, people of videos, people of scenes."""

from typing import Any

from reid_jax import synthetic
from reid_jax.data import records
from reid_jax.options import choose
from reid_jax.synthetic import town as drawn
from reid_jax.types import Records

SWITCHES = drawn.NAMES
# numbers that follow a domain, from and to
RANGES = {
    "persons": (1, 100_000),
    "cameras": (1, 1_000),
    "per_camera": (1, 1_000),
    "videos": (1, 100_000),
    "scenes": (1, 100_000),
    "people": (1, 100),
    "frames": (1, 100_000),
    "stride": (1, 1_000),
    "seed": (0, 9_999),
}


def ranges(*names: str) -> dict[str, tuple[int, int]]:
    """The ranges of some numbers by name."""
    return {name: RANGES[name] for name in names}


def street(domain: str, **numbers: Any) -> Records:
    """`synthetic:DOMAIN`: persons of the synthetic street.

    It has 400 persons to train on, 100 others to test with, 100 distractors, and 6 cameras;
    `synthetic:DOMAIN,persons=50,cameras=2,per_camera=4,seed=1` makes another training part.
    """
    domain = domain or "plaza"
    choose("domain", domain, dict.fromkeys((*synthetic.DOMAINS, drawn.DOMAIN)))
    if domain == drawn.DOMAIN or "without" in numbers:
        return _town(domain, **numbers)
    default = {"persons": 400, "cameras": 6, "per_camera": 4, "seed": 0}
    train = synthetic.labelled(domain=domain, **{**default, **numbers})
    test = synthetic.query_gallery(domain=domain, persons=100, cameras=6, per_camera=4)
    return records.concat([train, test])


def _town(domain: str, *, without: str = "nothing", **numbers: Any) -> Records:
    """`synthetic:town`: 3,000 persons to train on, each by 4 of 100 cameras; 100 others to test.

    `synthetic:town,persons=50,without=sun` makes a smaller part, with a switch turned off.
    """
    if domain != drawn.DOMAIN:
        raise ValueError(f"without={without} is of synthetic:town; {domain} has no such option")
    switches = drawn.Switches() if without == "nothing" else drawn.without(without)
    train = drawn.labelled(**numbers, switches=switches)
    test = drawn.labelled(persons=100, split="test", distractors=100)
    return records.concat([train, test])


def street_videos(domain: str, *, stride: int = 5, **numbers: Any) -> Records:
    """`synthetic-videos:DOMAIN`: people cut out of every fifth frame of 100 videos, a camera each.

    `synthetic-videos:DOMAIN,videos=20,people=8,frames=60,stride=5,seed=1` makes others.
    """
    default = {"videos": 100, "people": 8, "frames": 60, "seed": 0}
    films = synthetic.videos(domain=domain or "station", **{**default, **numbers})
    return synthetic.video_crops(films, stride=stride)


def street_scenes(domain: str, *, scenes: int = 20, stride: int = 5, **numbers: Any) -> Records:
    """`synthetic-scenes:DOMAIN`: people of 20 scenes, each filmed by two synchronised cameras.

    `synthetic-scenes:DOMAIN,scenes=5,people=8,frames=60,stride=5,seed=1` makes others.
    """
    default = {"people": 8, "frames": 60, "seed": 0}
    films = [
        film
        for pair in range(scenes)
        for film in synthetic.camera_pair(
            domain=domain or "station", pair=pair, **{**default, **numbers}
        )
    ]
    return synthetic.video_crops(films, stride=stride)
