"""The town: persons in three dimensions, from whom a network learns to see real ones.

It has its own streets beside those of `reid_jax.synthetic`: bodies of rounded parts are ray-cast,
lit by sky and sun, dressed in procedural cloth, and seen by many cameras, each with its place and
its way to record. As there, a picture is a pure function of its name.
"""

import numpy as np

from reid_jax.data import records
from reid_jax.synthetic.chance import generator
from reid_jax.synthetic.town.crop import shoot
from reid_jax.synthetic.town.switches import NAMES, Switches, without
from reid_jax.types import Records

__all__ = ["DOMAIN", "NAMES", "Shots", "Switches", "labelled", "without"]

DOMAIN = "town"  # its name among the domains of the street
APART = 100_000  # distance of the person numbers of two seeds, and of training and test parts
DISTRICT = 4  # cameras that a person passes by, at most
NOBODY = "nobody"  # the pool of the distractors


class Shots:
    """Pictures of persons, rendered on demand: item i is uint8 [h w 3], RGB.

    Attributes:
        place: (seed, pool), pool "train" or "test".
        columns: i32[n 3], the number of the person in the pool, the camera, and the number of the
            shot among those of this person and camera; number 0 is a distractor.
        size: (height, width) in pixels.
        switches: what is drawn.
    """

    drawn = True  # when asked for; a look at all of them would draw them all

    def __init__(
        self, place: tuple[int, str], columns: np.ndarray, size: tuple[int, int], switches: Switches
    ):
        self.place, self.columns, self.size, self.switches = place, columns, size, switches

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, row: int) -> np.ndarray:
        """Render the picture of a row, uint8 [h w 3]."""
        number, camera, shot = self.columns[row].tolist()
        seed, pool = self.place
        if number > 0:
            return shoot((seed, pool, number, camera, shot), self.size, self.switches)
        # Every second distractor shows another person, the others are errors of a detector.
        name = seed, NOBODY, shot, camera, 0
        return shoot(name, self.size, self.switches, empty=bool(shot % 2))

    def take(self, rows: np.ndarray) -> "Shots":
        """Return the images of the given rows, in their order."""
        return Shots(self.place, self.columns[rows], self.size, self.switches)


def labelled(
    *,
    persons: int = 3000,
    cameras: int = 100,
    per_camera: int = 2,
    seed: int = 0,
    split: str = "train",
    distractors: int = 0,
    size: tuple[int, int] = (128, 64),
    switches: Switches | None = None,
) -> Records:
    """Make a multi-camera data set of the town with known identities.

    Looks depend on seed, part and number. The training part and the test part have different
    persons, and so have two seeds; all see by the same cameras, of which DISTRICT, drawn for each
    person, see one.

    Args:
        persons: number of identities.
        cameras: number of cameras.
        per_camera: pictures of a person by each camera that sees it.
        seed: of persons and passages, 0 to 9999.
        split: "train"; or "test": query (the first picture of a camera) and gallery.
        distractors: of "test": gallery pictures of person 0, half of them of other persons, half
            errors of a detector.
        size: (height, width) of a picture in pixels.
        switches: what is drawn; None: everything.

    Returns:
        Records sorted by person, camera and shot, distractors last; domain 0, group -1. Images are
        rendered on demand.

    Raises:
        ValueError: an unknown split, a seed out of range, a count below 1, or a size below 16.
    """
    _check(persons, cameras, per_camera, seed, split, size)
    place = seed, split
    order = generator("town seen", *place).random((persons, cameras)).argsort(1)[:, :DISTRICT]
    camera = np.repeat(np.sort(order, 1).ravel(), per_camera)
    each = order.shape[1] * per_camera
    number = np.repeat(np.arange(1, persons + 1), each)
    shot = np.tile(np.arange(per_camera), persons * order.shape[1])
    more = np.arange(distractors if split == "test" else 0)
    columns = np.stack([
        np.concatenate([number, 0 * more]),
        np.concatenate([camera, more % cameras]),
        np.concatenate([shot, more + 1]),
    ], 1).astype(np.int32)  # fmt: skip
    person = columns[:, 0] + (columns[:, 0] > 0) * APART * (2 * seed + (split == "test"))
    stray = columns[:, 0] == 0
    splits = np.where((columns[:, 2] == 0) & ~stray, "query", "gallery")
    image = Shots(place, columns, (size[0], size[1]), switches or Switches())
    return records.make(
        image,
        person.astype(np.int32),
        columns[:, 1].copy(),
        split="train" if split == "train" else splits,
    )


def _check(
    persons: int, cameras: int, per_camera: int, seed: int, split: str, size: tuple[int, int]
) -> None:
    """Refuse options out of range."""
    if not 0 <= seed < 10_000:  # person numbers are i32, see APART
        raise ValueError(f"seed={seed}; give a whole number from 0 to 9999")
    if split not in ("train", "test"):
        raise ValueError(f"split={split!r} is neither train nor test")
    if len(size) != 2 or min(size) < 16:
        raise ValueError(f"size={size} is not (height, width) of at least 16 pixels each")
    least = {"persons": 1, "cameras": 1, "per_camera": 2 if split == "test" else 1}
    for name, count in (("persons", persons), ("cameras", cameras), ("per_camera", per_camera)):
        if count < least[name]:
            raise ValueError(f"{name}={count}, but at least {least[name]} is needed")
